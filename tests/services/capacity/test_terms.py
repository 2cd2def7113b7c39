"""On which terms time is sold: what is refused, what it costs, and what who cancels owes."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.kit.db import Database
from libs.kit.errors import Conflict, NotFound
from libs.kit.ids import new_id
from services.capacity.domain.offer import check_terms, price
from services.capacity.domain.terms import NOTHING_OWED, Money, Refused, Rung, Terms, percent_of, rung_at
from tests.services.capacity import world
from tests.services.capacity.world import a_resource, an_order, bucket, day, faults, hold, publish, then, told

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LADDER = [
    Rung(days_before=2, buyer_percent=100, workshop_percent=50),
    Rung(days_before=7, buyer_percent=40, workshop_percent=10),
    Rung(days_before=30, buyer_percent=15),
]
ladders = st.dictionaries(st.integers(1, 366), st.integers(0, 100), max_size=6).map(
    lambda rungs: [
        Rung(days_before=days, buyer_percent=percent)
        for days, percent in zip(sorted(rungs), sorted(rungs.values(), reverse=True), strict=True)
    ]
)


def some(resource: Any, *quantities: int) -> Sequence[Any]:
    first = resource.today(NOON)
    return [(resource, resource.allocate(first + timedelta(n), q)) for n, q in enumerate(quantities)]


def a_bench(**changes: Any) -> Any:
    """A bench whose calendar goes from before noon of that day on."""
    span = {"starts_on": date(2026, 3, 1), "ends_on": date(2027, 3, 1)}
    return a_resource(**span | changes)


# --- the rules -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"minimum_charge": Money(1, "USD")}, "one currency"),
        ({"minimum_charge": Money(-1)}, "one currency"),
        ({"lot_multiple": 0}, "lot_multiple"),
        ({"notice_days": 5, "window_days": 4}, "window_days"),
        ({"window_days": 1101}, "window_days"),
        ({"deposit_percent": 101}, "percent"),
        ({"cancellation": [Rung(days_before=1, buyer_percent=-1)]}, "percent"),
        ({"cancellation": [Rung(days_before=0, buyer_percent=1)]}, "1 to 366 days"),
        ({"cancellation": [Rung(days_before=n + 1, buyer_percent=1) for n in range(21)]}, "up to 20 rungs"),
        ({"cancellation": LADDER[::-1]}, "climbs"),
        ({"cancellation": [LADDER[1], LADDER[1]]}, "climbs"),
        ({"cancellation": [LADDER[2], replace(LADDER[1], days_before=40)]}, "climbs"),
        ({"invited": [new_id()]}, "invited"),
        ({"answer_hours": 0}, "answer_hours"),
        ({"notice_days": 1, "material_days": 2}, "material_days"),
        ({"party_percent": 0}, "party_percent"),
        ({"newcomers_percent": 101}, "newcomers_percent"),
        ({"visibility": "private", "invited": [new_id() for _ in range(1001)]}, "invited"),
    ],
)
def test_terms_that_make_no_sense_are_refused_in_a_sentence(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Terms(price_per_unit=Money(1), setup_price=Money(1), **wrong)


def test_a_booking_costs_no_less_than_the_minimum_charge_of_each_resource() -> None:
    bench = a_bench(minimum_charge=Money(5000))
    assert price(some(bench, 10)) == Money(5000)
    assert price(some(bench, 100)) == Money(1000 + 100 * 50)
    assert price([*some(bench, 10), *some(a_bench(minimum_charge=Money(7000)), 10)]) == Money(12_000)


def test_time_is_sold_in_whole_lots_counted_over_all_days() -> None:
    bench = a_bench(lot_multiple=30, minimum_quantity=50)
    check_terms(some(bench, 45, 15), NOON)
    with pytest.raises(Refused, match="multiples of 30 minutes, not 70") as refused:
        check_terms(some(bench, 40, 30), NOON)
    assert refused.value.code == "NOT_WHOLE_LOTS"


@given(st.integers(1, 2000), st.integers(1, 500), st.integers(1, 90))
def test_the_least_that_is_sold_is_enough_whole_and_no_lot_too_many(needed: int, minimum: int, lot: int) -> None:
    terms = Terms(price_per_unit=Money(1), setup_price=Money(0), minimum_quantity=minimum, lot_multiple=lot)
    least = terms.least_for(needed)
    assert least % lot == 0
    assert max(needed, minimum) <= least < max(needed, minimum) + lot


def test_nothing_is_taken_further_ahead_than_the_window() -> None:
    bench = a_bench(window_days=1)
    check_terms(some(bench, 60, 60), NOON)
    with pytest.raises(Refused, match="2026-03-03 is the last day of Bench to take") as refused:
        check_terms(some(bench, 60, 60, 60), NOON)
    assert refused.value.code == "TOO_FAR_AHEAD"


@pytest.mark.parametrize(("samples", "quantity", "refused"), [(True, 10, False), (True, 100, True), (False, 10, True)])
def test_a_sample_is_less_than_the_minimum_where_samples_are_sold(samples: bool, quantity: int, refused: bool) -> None:
    bench = a_bench(samples=samples, minimum_quantity=100, lot_multiple=100)
    with pytest.raises(Refused, match="as a sample, not") if refused else nullcontext():
        check_terms(some(bench, quantity), NOON, sample=True)


@given(ladders, st.integers(-10, 400))
def test_the_rung_that_counts_is_the_nearest_that_is_not_reached_yet(ladder: list[Rung], left: int) -> None:
    above = [rung for rung in ladder if rung.days_before > left]
    assert rung_at(ladder, left) == (min(above, key=lambda rung: rung.days_before) if above else NOTHING_OWED)


@given(ladders, st.integers(-10, 400), st.integers(0, 400))
def test_who_cancels_later_never_owes_less(ladder: list[Rung], left: int, later: int) -> None:
    Terms(price_per_unit=Money(1), setup_price=Money(1), cancellation=ladder)
    assert rung_at(ladder, left - later).buyer_percent >= rung_at(ladder, left).buyer_percent


def test_a_share_is_rounded_to_the_nearest_minor_unit() -> None:
    assert [percent_of(Money(amount, "CHF"), 15).amount for amount in (10, 3, 33, 0)] == [2, 0, 5, 0]


# --- who may hold ----------------------------------------------------------------------------------------------------


async def test_a_private_resource_is_not_there_for_strangers_and_an_invited_one_says_so(db: Database) -> None:
    guest = new_id()
    hidden = a_resource(visibility="private", invited=[guest])
    by_invitation = a_resource(visibility="invited", invited=[guest])
    await publish(db, hidden, by_invitation)
    with pytest.raises(NotFound) as unknown:
        await hold(db, new_id(), (hidden, day(1), 10))
    with pytest.raises(Conflict) as refused:
        await hold(db, new_id(), (by_invitation, day(1), 10))
    assert (unknown.value.code, refused.value.code) == ("UNKNOWN_RESOURCE", "NOT_INVITED")
    await hold(db, guest, (hidden, day(1), 10), (by_invitation, day(1), 10))
    await hold(db, hidden.party_id, (hidden, day(1), 5))
    assert await bucket(db, hidden, day(1)) == (480, 15, 0)


async def test_a_sample_is_held_below_the_minimum_and_costs_the_minimum_charge(db: Database) -> None:
    bench = a_resource(samples=True, minimum_quantity=100, minimum_charge=Money(9000))
    await publish(db, bench)
    party = new_id()
    placed = await hold(db, party, (bench, day(1), 10), sample=True)
    assert (await world.confirm(db, party, placed["id"])).price.amount == 9000
    with pytest.raises(Conflict, match="no less than 100"):
        await hold(db, party, (bench, day(1), 10))


async def test_orders_are_planned_on_what_is_sold_to_everybody_within_its_window(db: Database) -> None:
    craft = f"craft_{new_id().hex}"
    closed = a_resource(processes=[craft], visibility="invited", price_per_unit=Money(1), setup_price=Money(0))
    near = a_resource(processes=[craft], window_days=2, lot_multiple=100)
    await publish(db, closed, near)
    late, early = an_order((craft, 150), first=3), an_order((craft, 150), first=2)
    await world.hear(db, late, early)
    assert [await told(db, order.id) for order in (late, early)] == [["hold_refused"], ["hold_placed"]]
    assert await bucket(db, near, day(2)) == (480, 200, 0)


# --- who cancels -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ahead", "percent"), [(1, 100), (2, 40), (6, 40), (7, 15), (29, 15), (30, 0)])
async def test_a_buyer_who_cancels_owes_what_the_ladder_says_so_many_days_before(
    db: Database, ahead: int, percent: int
) -> None:
    bench, party = a_resource(cancellation=LADDER, deposit_percent=30), new_id()
    await publish(db, bench)
    booked = await world.book(db, party, (bench, day(ahead + 3), 10), (bench, day(ahead), 90))
    assert (booked.price.amount, booked.agreed[0].deposit.amount) == (6000, 1800)
    ended = (await world.cancel(db, party, booked.id)).ending
    assert ended
    assert (ended.by, ended.code) == ("buyer", "CANCELLED")
    due = [(one.debtor_id, one.creditor_id, one.amount.amount) for one in ended.due]
    assert due == ([(party, bench.party_id, 60 * percent)] if percent else [])
    assert await bucket(db, bench, day(ahead)) == (480, 0, 0)
    assert await faults(db, bench) == []


async def test_a_workshop_that_cancels_owes_its_own_part_and_sees_no_more_than_that(db: Database) -> None:
    mine, other, party = a_resource(cancellation=LADDER), a_resource(cancellation=LADDER), new_id()
    await publish(db, mine, other)
    booked = await world.book(db, party, (mine, day(1), 100), (other, day(1), 200))
    seen = await world.cancel(db, mine.party_id, booked.id)
    assert (seen.price.amount, [part.workshop_id for part in seen.allocations]) == (6000, [mine.party_id])
    assert [part.resource_id for part in seen.agreed] == [mine.id]
    ending = (await world.last_told(db, booked.id, "capacity.booking"))["ending"]
    due = {"debtor_id": str(mine.party_id), "creditor_id": str(party), "amount": {"amount": 3000, "currency": "EUR"}}
    assert (ending["by"], ending["due"]) == ("workshop", [due])
    assert [await bucket(db, one, day(1)) for one in (mine, other)] == [(480, 0, 0)] * 2
    with pytest.raises(Conflict, match="cancelled already"):
        await world.cancel(db, party, booked.id)


async def test_what_was_agreed_stands_whatever_the_terms_become(db: Database) -> None:
    bench, party = a_resource(), new_id()
    await publish(db, bench)
    booked = await world.book(db, party, (bench, day(1), 100))
    changed = await world.change_terms(db, bench, cancellation=LADDER, price_per_unit=Money(99))
    assert (changed.version, changed.terms.price_per_unit.amount) == (2, 99)
    assert await told(db, bench.id, "capacity.resource") == ["resource_published", "terms_changed"]
    after = await world.book(db, party, (bench, day(1), 100))
    assert [booked.price.amount, after.price.amount] == [6000, 10_900]
    endings = [(await world.cancel(db, party, one.id)).ending for one in (booked, after)]
    assert [[due.amount.amount for due in ending.due] for ending in endings if ending] == [[], [10_900]]
    assert await faults(db, bench) == []


async def test_a_buyer_who_cancels_an_order_owes_the_ladder_and_nobody_owes_for_one_that_failed(db: Database) -> None:
    craft = f"craft_{new_id().hex}"
    bench = a_resource(processes=[craft], cancellation=LADDER)
    await publish(db, bench)
    orders = [an_order((craft, 100)) for _ in range(2)]
    reserved = [then(order, "reserved") for order in orders]
    await world.hear(db, *orders)
    await world.hear(db, *reserved)
    await world.hear(db, *(then(order, how) for order, how in zip(reserved, ("cancelled", "failed"), strict=True)))
    ends = [(await world.last_told(db, order.id, "capacity.booking"))["ending"] for order in orders]
    assert [(end["by"], [due["amount"]["amount"] for due in end["due"]]) for end in ends] == [
        ("buyer", [6000]),
        ("platform", []),
    ]
    assert await faults(db, bench) == []


async def test_a_workshop_may_cancel_what_an_order_booked(db: Database) -> None:
    craft = f"craft_{new_id().hex}"
    bench = a_resource(processes=[craft])
    await publish(db, bench)
    order = an_order((craft, 100))
    await world.hear(db, order)
    await world.hear(db, then(order, "reserved"))
    with pytest.raises(Conflict) as refused:
        await world.cancel(db, order.party_id, order.id)
    assert refused.value.code == "BELONGS_TO_ORDER"
    assert (await world.cancel(db, bench.party_id, order.id)).state == "cancelled"
    assert (await told(db, order.id, "capacity.booking"))[-1] == "booking_cancelled"
