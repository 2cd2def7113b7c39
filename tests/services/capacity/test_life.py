"""The tables of what follows from what: complete, each refusal with its sentence, and ends are ends. No database."""

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.kit.ids import new_id
from services.capacity.domain.agreement import Agreed, agree, material_by, owed_by_buyer, reprice
from services.capacity.domain.claims import Booking, Hold, Proposal
from services.capacity.domain.displacement import check_turn, give_way
from services.capacity.domain.ledger import Bucket
from services.capacity.domain.life import BOOKINGS, HOLDS, WHY_NOT, BookingEvent, BookingStage, HoldEvent, HoldStage
from services.capacity.domain.offer import Allocation
from services.capacity.domain.terms import Money, Refused, Rung
from tests.services.capacity.world import a_resource, day

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
CELLS = [cell for table in (HOLDS, BOOKINGS) for row in table.values() for cell in row.values()]


def test_every_event_is_decided_at_every_stage() -> None:
    assert set(HOLDS) == set(get_args(HoldEvent))
    assert set(BOOKINGS) == set(get_args(BookingEvent))
    assert all(set(row) == set(get_args(HoldStage)) for row in HOLDS.values())
    assert all(set(row) == set(get_args(BookingStage)) for row in BOOKINGS.values())


def test_a_cell_is_a_stage_or_nothing_or_a_code_that_has_its_sentence() -> None:
    codes = {cell for cell in CELLS if cell.isupper()}
    assert codes == set(WHY_NOT)
    assert set(CELLS) - codes <= {*get_args(HoldStage), *get_args(BookingStage), "stands", "back", "nothing"}


@pytest.mark.parametrize("end", ["completed", "cancelled"])
def test_a_booking_that_has_ended_stays_so(end: BookingStage) -> None:
    assert all(row[end].isupper() or row[end] == "nothing" for row in BOOKINGS.values())


@pytest.mark.parametrize("end", ["refused", "confirmed", "released", "expired"])
def test_a_hold_that_has_ended_stays_so(end: HoldStage) -> None:
    assert all(row[end].isupper() or row[end] == "nothing" for row in HOLDS.values())


def test_clocks_and_calendars_are_never_refused() -> None:
    silent = [HOLDS["expire"], HOLDS["displace"], *(BOOKINGS[e] for e in ("displace", "restore", "deadline"))]
    assert not [cell for row in silent for cell in row.values() if cell.isupper()]


def test_nothing_leads_from_an_awaited_answer_to_a_booking_but_the_answer() -> None:
    firm = [(event, stage) for event, row in HOLDS.items() for stage, cell in row.items() if cell == "confirmed"]
    assert firm == [("confirm", "held"), ("accept by workshop", "proposed"), ("accept by holder", "amended")]


@pytest.mark.parametrize(("awaiting", "stage"), [("workshop", "proposed"), ("holder", "amended")])
def test_a_proposal_that_nobody_answered_in_time_is_over(awaiting: str, stage: str) -> None:
    hold = Hold(id=new_id(), party_id=new_id(), allocations=[], expires_at=NOW, proposal=Proposal(awaiting, Money(1)))
    assert [hold.stage(NOW - timedelta(microseconds=1)), hold.stage(NOW)] == [stage, "expired"]
    with pytest.raises(Refused, match="2026-03-02 12:00:00 UTC"):
        hold.follow("accept by workshop", NOW)


# --- what is agreed --------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=8), st.integers(0, 2**31 - 1))
def test_another_price_is_shared_out_to_the_last_cent(prices: list[int], whole: int) -> None:
    bench = a_resource(deposit_percent=30)
    agreed = [
        Agreed(resource_id=bench.id, workshop_id=bench.party_id, price=Money(p), deposit=Money(p)) for p in prices
    ]
    parts = reprice(agreed, Money(whole))
    assert sum(part.price.amount for part in parts) == (whole if sum(prices) else 0)
    assert all(part.deposit.amount <= part.price.amount for part in parts)


def test_material_is_due_at_the_end_of_its_day_at_the_site() -> None:
    bench = a_resource(notice_days=9, material_days=2, time_zone="America/New_York")
    part = bench.allocate(datetime(2026, 3, 9, tzinfo=UTC).date(), 60)  # clocks go forward there on the 8th
    until = material_by(agree([(bench, part)]), [part], {bench.id: bench}, NOW)
    assert until == datetime(2026, 3, 8, 5, tzinfo=UTC)
    late = until - timedelta(hours=1)
    assert material_by(agree([(bench, part)]), [part], {bench.id: bench}, late) == late + timedelta(days=1)


def test_each_workshop_is_owed_by_its_own_ladder() -> None:
    strict, kind = (a_resource(cancellation=[Rung(days_before=9, buyer_percent=percent)]) for percent in (100, 20))
    parts = [(one, one.allocate(day(1), 10)) for one in (strict, kind)]
    due = owed_by_buyer(agree(parts), new_id(), {strict.id: 8, kind.id: 8})
    assert [(one.creditor_id, one.amount.amount) for one in due] == [(strict.party_id, 1500), (kind.party_id, 300)]


# --- who gives way ---------------------------------------------------------------------------------------------------

claims = st.lists(
    st.tuples(
        st.sampled_from(["held", "firm", "awaiting_material", "moved", "displaced", "started", "completed"]),
        st.lists(st.integers(0, 90), min_size=3, max_size=3).filter(any),
    ),
    max_size=8,
)


@given(claims, st.lists(st.integers(0, 300), min_size=3, max_size=3))
def test_who_gives_way_covers_what_is_short_and_nobody_does_in_vain(
    given_claims: list[tuple[str, list[int]]], gives: list[int]
) -> None:
    """On three days; claims come in the order in which they were made."""
    bench = a_resource()
    taken = [sum(quantities[n] for _, quantities in given_claims) for n in range(3)]
    held = [sum(q[n] for stage, q in given_claims if stage == "held") for n in range(3)]
    parts = [bench.allocate(day(n), 1) for n in range(3)]
    buckets = [_bucket(bench, parts[n], held[n], taken[n] - held[n]).giving(gives[n]) for n in range(3)]
    made = [_claim(stage, bench, quantities) for stage, quantities in given_claims]
    holds = [one for one in made if isinstance(one, Hold)]
    bookings = [one for one in made if isinstance(one, Booking)]
    found = give_way(buckets, holds, bookings)
    gone = [*found.released, *found.displaced]
    away = [*gone, *(one for one in bookings if one.stage == "displaced" and one not in found.restored)]
    for number, bucket in enumerate(buckets):
        left = [_of(one, bucket) for one in made if one not in away]
        movable = [one for one in made if one not in away and not _has_begun(one)]
        assert sum(left) <= gives[number] or not [one for one in movable if _of(one, bucket)]
        if sum(_of(one, bucket) for one in found.released) < bucket.unattainable:  # holds give way before bookings
            assert not [one for one in holds if one not in found.released and _of(one, bucket)]
    for one in gone:  # each was in the way of a day that the newer ones before it did not cover
        before = gone[: gone.index(one)]
        others = [other for other in bookings if other.stage == "displaced"] if isinstance(one, Booking) else []
        assert any(b.unattainable > sum(_of(o, b) for o in (*before, *others)) and _of(one, b) for b in buckets)


def _bucket(bench: object, part: Allocation, held: int, committed: int) -> Bucket:
    plain = {"party_id": part.workshop_id, "resource_id": part.resource_id, "day": part.day}
    return Bucket(id=part.bucket_id, published=10_000, held=held, committed=committed, **plain)


def _claim(stage: str, bench: object, quantities: list[int]) -> Hold | Booking:
    allocations = [bench.allocate(day(n), quantity) for n, quantity in enumerate(quantities) if quantity]
    ours = {"id": new_id(), "party_id": new_id(), "allocations": allocations}
    return Hold(**ours, expires_at=NOW) if stage == "held" else Booking(**ours, price=Money(1), stage=stage)


def _of(claim: Hold | Booking, bucket: Bucket) -> int:
    return sum(part.quantity for part in claim.allocations if part.bucket_id == bucket.id)


def _has_begun(claim: Hold | Booking) -> bool:
    return isinstance(claim, Booking) and claim.stage in ("started", "completed")


# --- whose turn it is ------------------------------------------------------------------------------------------------

steps = st.lists(st.tuples(st.integers(0, 1), st.integers(1, 9)), min_size=2, max_size=6, unique_by=lambda one: one[1])


@given(steps.filter(lambda made: {workshop for workshop, _ in made} == {0, 1}), st.data())
def test_a_move_within_an_order_leaves_every_step_before_or_after_those_of_others(
    made: list[tuple[int, int]], data: st.DataObject
) -> None:
    """Each step of two workshops has a day of its own; one of the first's moves, the rest stay."""
    benches = [a_resource(), a_resource()]
    order = Booking(
        id=new_id(),
        party_id=new_id(),
        allocations=[benches[workshop].allocate(day(number), 60) for workshop, number in made],
        price=Money(1),
    )
    before = sorted(number for workshop, number in made if workshop == 0)
    others = {number for workshop, number in made if workshop == 1}
    moved = data.draw(st.sampled_from(before))
    to = data.draw(st.integers(0, 10).filter(lambda number: number not in before))
    after = [benches[0].allocate(day(to if number == moved else number), 60) for number in before]
    between = range(min(moved, to), max(moved, to) + 1)
    overtaken = [number for number in others if number in between]
    onto = to in others and len(overtaken) == 1  # the same day is before as well as after, where nothing else tells
    try:
        check_turn(order, after)
    except Refused as refused:
        assert (refused.code, bool(overtaken)) == ("OUT_OF_TURN", True)  # noqa: PT017 - it may also be allowed
    else:
        assert not overtaken or onto
