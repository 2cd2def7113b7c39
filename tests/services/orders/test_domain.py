"""What orders promise, without any server."""

import string
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orders import domain
from services.orders.domain import (
    ANSWER,
    BOOKING,
    DECISIONS,
    Decision,
    Fact,
    Money,
    Operation,
    Product,
    Reason,
    State,
    Wish,
    decide,
    lines_of,
    needs_of,
    order_faults,
    total,
)

DAY = date(2126, 3, 2)
TODAY = date(2126, 2, 2)
BRAND = uuid4()
SHIRT, BAG = uuid4(), uuid4()
ROUTING = (Operation("cutting", 30, 4), Operation("lockstitch", 10, 25), Operation("lockstitch", 0, 5))
GIVEN_UP = {State.REFUSED, State.CANCELLED, State.FAILED}


def product(*, amount: int = 9_900, currency: str = "EUR", offered: bool = True) -> Product:
    return Product(BRAND, offered, Money(amount, currency), frozenset({"S", "M"}), ROUTING)


def faults_of(*wishes: Wish, earliest: date = DAY, due: date = DAY, **known: Product) -> list[tuple[str, str]]:
    products: dict[UUID, Product] = {SHIRT: known.get("shirt", product()), BAG: known.get("bag", product())}
    return [(fault.path, fault.message) for fault in order_faults(wishes, earliest, due, products, TODAY)]


def paths_of(*wishes: Wish, earliest: date = DAY, due: date = DAY, **known: Product) -> list[str]:
    return [path for path, _ in faults_of(*wishes, earliest=earliest, due=due, **known)]


# --- what may be ordered ---------------------------------------------------------------------------------------------


def test_a_good_order_has_no_faults() -> None:
    assert faults_of(Wish(SHIRT, "S", 1), Wish(BAG, "M", 10_000)) == []


@pytest.mark.parametrize("quantity", [-1, 0, 10_001])
def test_a_quantity_out_of_bounds_is_named(quantity: int) -> None:
    assert paths_of(Wish(SHIRT, "S", 1), Wish(SHIRT, "S", quantity)) == ["lines.1.quantity"]


def test_an_unknown_product_is_named() -> None:
    assert paths_of(Wish(uuid4(), "S", 1)) == ["lines.0.product_id"]


def test_a_withdrawn_product_cannot_be_ordered() -> None:
    [(path, message)] = faults_of(Wish(SHIRT, "S", 1), shirt=product(offered=False))
    assert path == "lines.0.product_id"
    assert "no longer" in message


def test_an_unknown_variant_is_named() -> None:
    assert paths_of(Wish(SHIRT, "XXL", 1)) == ["lines.0.sku"]


def test_every_fault_is_told_at_once() -> None:
    wishes = (Wish(SHIRT, "?", 0), Wish(uuid4(), "S", 0))
    expected = ["lines.0.quantity", "lines.0.sku", "lines.1.quantity", "lines.1.product_id", "due_day"]
    assert paths_of(*wishes, due=DAY - timedelta(days=1)) == expected


@pytest.mark.parametrize("count", [0, 101])
def test_an_order_has_1_to_100_lines(count: int) -> None:
    assert paths_of(*[Wish(SHIRT, "S", 1)] * count) == ["lines"]


def test_work_may_be_due_on_the_day_it_may_begin() -> None:
    assert paths_of(Wish(SHIRT, "S", 1), earliest=DAY, due=DAY) == []


@pytest.mark.parametrize("days", [-1, 367])
def test_a_due_day_out_of_bounds_is_named(days: int) -> None:
    assert paths_of(Wish(SHIRT, "S", 1), due=DAY + timedelta(days=days)) == ["due_day"]


def test_what_is_due_on_a_day_that_is_over_is_not_ordered() -> None:
    [(path, message)] = faults_of(Wish(SHIRT, "S", 1), earliest=TODAY - timedelta(9), due=TODAY - timedelta(1))
    assert (path, "is over" in message) == ("due_day", True)
    assert paths_of(Wish(SHIRT, "S", 1), earliest=TODAY - timedelta(9), due=TODAY) == []


def test_two_currencies_make_two_orders() -> None:
    paths = paths_of(Wish(SHIRT, "S", 1), Wish(BAG, "S", 1), Wish(SHIRT, "M", 1), bag=product(currency="CHF"))
    assert paths == ["lines.1.product_id"]


def test_a_total_that_graphql_cannot_carry_is_refused() -> None:
    dear = product(amount=domain.MAX_TOTAL)
    assert paths_of(Wish(SHIRT, "S", 1), shirt=dear) == []
    assert paths_of(Wish(SHIRT, "S", 2), shirt=dear) == ["lines"]


wishes = st.lists(st.builds(Wish, st.just(SHIRT), st.sampled_from(["S", "M"]), st.integers(1, 10_000)), min_size=1)
routings = st.lists(
    st.builds(Operation, st.sampled_from(string.ascii_lowercase[:3]), st.integers(0, 500), st.integers(1, 500)),
    min_size=1,
    max_size=20,
)


@given(wishes)
def test_the_total_is_the_sum_of_price_by_quantity(asked: list[Wish]) -> None:
    lines = lines_of(asked, {SHIRT: product(amount=725)})
    assert total(lines) == Money(725 * sum(wish.quantity for wish in asked), "EUR")


def test_a_lot_takes_its_setup_once_and_its_run_time_for_each_piece() -> None:
    needs = needs_of(ROUTING, 10)
    assert [(need.process, need.minutes) for need in needs] == [("cutting", 70), ("lockstitch", 310)]


@given(routings, st.integers(1, 10_000))
def test_merging_neighbours_loses_no_minute_and_keeps_the_order_of_the_routing(
    routing: list[Operation], quantity: int
) -> None:
    needs = needs_of(routing, quantity)
    assert sum(need.minutes for need in needs) == sum(o.setup_minutes + o.run_minutes * quantity for o in routing)
    steps = [operation.process for operation in routing]
    assert [need.process for need in needs] == [p for i, p in enumerate(steps) if i == 0 or steps[i - 1] != p]


# --- what happens next -----------------------------------------------------------------------------------------------


def test_every_fact_is_decided_in_every_state() -> None:
    assert DECISIONS.keys() == set(Fact)
    assert all(row.keys() == set(State) for row in DECISIONS.values())


@pytest.mark.parametrize(
    ("state", "fact", "after"),
    [
        (State.PLACED, Fact.HOLD_PLACED, State.RESERVED),
        (State.PLACED, Fact.HOLD_REFUSED, State.REFUSED),
        (State.RESERVED, Fact.BOOKING_CONFIRMED, State.CONFIRMED),
        (State.RESERVED, Fact.HOLD_CONFIRMED, State.RESERVED),
        (State.CONFIRMED, Fact.BOOKING_CANCELLED, State.FAILED),
    ],
)
def test_an_order_follows_its_room(state: State, fact: Fact, after: State) -> None:
    assert decide(state, fact).state is after


@pytest.mark.parametrize("state", [State.PLACED, State.RESERVED])
@pytest.mark.parametrize("fact", [Fact.DEADLINE_PASSED, Fact.HOLD_LOST, Fact.BOOKING_CANCELLED])
def test_an_order_on_its_way_fails_when_its_room_or_its_time_is_gone(state: State, fact: Fact) -> None:
    assert decide(state, fact).state is State.FAILED


def test_a_booking_heard_of_before_its_hold_confirms_the_order() -> None:
    confirmed = decide(State.PLACED, Fact.BOOKING_CONFIRMED)
    assert confirmed.state is State.CONFIRMED
    assert not decide(confirmed.state, Fact.HOLD_PLACED).told


@pytest.mark.parametrize("state", State)
def test_only_an_order_on_its_way_waits_for_anything(state: State) -> None:
    expected = {State.PLACED: ANSWER, State.RESERVED: BOOKING}
    for fact in Fact:
        after = decide(state, fact)
        assert after.deadline == expected.get(after.state)


@pytest.mark.parametrize("state", sorted(GIVEN_UP))
@pytest.mark.parametrize("fact", [Fact.HOLD_PLACED, Fact.BOOKING_CONFIRMED])
def test_room_granted_after_the_order_was_given_up_makes_it_tell_its_end_again(state: State, fact: Fact) -> None:
    after = decide(state, fact)
    assert after.told
    assert not after.moved
    assert after.state is state


@pytest.mark.parametrize("state", sorted(GIVEN_UP | {State.QUARANTINED}))
def test_an_end_is_never_left(state: State) -> None:
    assert {decide(state, fact).state for fact in Fact} == {state}


@pytest.mark.parametrize("state", [State.PLACED, State.RESERVED, State.CONFIRMED])
def test_a_buyer_can_cancel_until_the_order_has_ended_badly(state: State) -> None:
    assert decide(state, Fact.CANCELLED_BY_BUYER).state is State.CANCELLED


@pytest.mark.parametrize("state", sorted(GIVEN_UP | {State.QUARANTINED}))
def test_what_has_ended_badly_cannot_be_cancelled(state: State) -> None:
    assert decide(state, Fact.CANCELLED_BY_BUYER).decision is Decision.FORBID


@pytest.mark.parametrize(
    ("state", "fact", "message"),
    [
        (State.RESERVED, Fact.HOLD_REFUSED, "Hold refused while the order was reserved: no rule expects this."),
        (State.CONFIRMED, Fact.HOLD_REFUSED, "Hold refused while the order was confirmed: no rule expects this."),
        (
            State.CONFIRMED,
            Fact.HOLD_LOST,
            "Hold released or expired while the order was confirmed: no rule expects this.",
        ),
    ],
)
def test_what_cannot_be_goes_to_quarantine_naming_fact_and_state(state: State, fact: Fact, message: str) -> None:
    after = decide(state, fact)
    assert after.state is State.QUARANTINED
    assert after.reason == Reason("UNEXPECTED", message)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("fact", Fact)
def test_whoever_is_let_down_is_told_why(state: State, fact: Fact) -> None:
    after = decide(state, fact)
    if after.moved:
        assert (after.reason is not None) == (after.state in {State.REFUSED, State.FAILED, State.QUARANTINED})


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("fact", sorted(set(Fact) - {Fact.CANCELLED_BY_BUYER}))
def test_hearing_a_fact_again_changes_nothing_more(state: State, fact: Fact) -> None:
    once = decide(state, fact)
    assert decide(once.state, fact).state is once.state
