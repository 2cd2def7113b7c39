"""The rules of capacity: what a calendar gives, what the ledger gives away, where work fits. No database."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts import orders
from libs.kit.ids import new_id
from services.capacity.domain.ledger import Booking, Bucket, Hold, Ledger, NoRoomError
from services.capacity.domain.offer import Calendar, Money, Refused, Terms, bucket_id, check_terms, price, published_on
from services.capacity.domain.plan import Need, Room, plan
from services.capacity.domain.saga import STEPS, room_of
from tests.services.capacity.world import a_resource

MONDAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
WEEK = Calendar(weekly=[480] * 5 + [0, 0], exceptions={}, starts_on=MONDAY, ends_on=MONDAY + timedelta(27))
quantities = st.integers(0, 600)


# --- calendars and terms ---------------------------------------------------------------------------------------------


@given(st.lists(quantities, min_size=7, max_size=7), st.dates(MONDAY, MONDAY + timedelta(60)), quantities)
def test_a_day_has_its_exception_else_its_shift_else_nothing(weekly: list[int], day: date, other: int) -> None:
    plain = replace(WEEK, weekly=weekly)
    inside = plain.starts_on <= day <= plain.ends_on
    assert published_on(plain, day) == (weekly[day.weekday()] if inside else 0)
    assert published_on(replace(plain, exceptions={day: other}), day) == (other if inside else 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"weekly": [1] * 6},
        {"weekly": [-1] * 7},
        {"weekly": [1_000_001] * 7},
        {"exceptions": {MONDAY: -1}},
        {"ends_on": MONDAY - timedelta(1)},
        {"ends_on": MONDAY + timedelta(1101)},
    ],
)
def test_a_calendar_that_makes_no_sense_cannot_be(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"weekly|exception|ends_on"):
        replace(WEEK, **wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"price_per_unit": Money(-1)},
        {"price_per_unit": Money(1, "USD")},
        {"price_per_unit": Money(1, "eur"), "setup_price": Money(1, "eur")},
        {"minimum_quantity": 0},
        {"notice_days": -1},
    ],
)
def test_terms_that_make_no_sense_cannot_be(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"price|currency|minimum"):
        replace(Terms(price_per_unit=Money(1), setup_price=Money(1)), **wrong)


def test_today_is_the_day_at_the_site() -> None:
    midnight = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
    days = {zone: a_resource(time_zone=zone).today(midnight).day for zone in ("Europe/Rome", "America/New_York")}
    assert days == {"Europe/Rome": 29, "America/New_York": 28}


def test_the_first_day_comes_after_the_notice_counted_in_local_days() -> None:
    late = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)  # it is the 3rd in Milan already
    assert a_resource(notice_days=2).first_day(late) == date(2026, 3, 5)


@pytest.mark.parametrize(
    ("given_terms", "day", "quantity", "code"),
    [
        ({}, MONDAY + timedelta(5), 60, "NOT_OFFERED"),
        ({}, MONDAY + timedelta(100), 60, "NOT_OFFERED"),
        ({"minimum_quantity": 90}, MONDAY, 60, "NOT_OFFERED"),
        ({"notice_days": 2}, MONDAY + timedelta(1), 60, "TOO_SHORT_NOTICE"),
        ({}, MONDAY - timedelta(3), 60, "NOT_OFFERED"),
    ],
)
def test_what_is_not_sold_is_refused_with_its_code(
    given_terms: dict[str, int], day: date, quantity: int, code: str
) -> None:
    resource = replace(a_resource(**given_terms), calendar=WEEK)
    with pytest.raises(Refused) as refused:
        check_terms([(resource, resource.allocate(day, quantity))], NOW)
    assert refused.value.code == code


def test_yesterday_is_too_late() -> None:
    resource = replace(a_resource(), calendar=replace(WEEK, starts_on=MONDAY - timedelta(7)))
    with pytest.raises(Refused, match="is too soon, 2026-03-02 is the first day"):
        check_terms([(resource, resource.allocate(MONDAY - timedelta(3), 60))], NOW)


def test_the_minimum_counts_over_all_days_of_a_resource() -> None:
    resource = replace(a_resource(minimum_quantity=100), calendar=WEEK)
    check_terms([(resource, resource.allocate(MONDAY + timedelta(n), 50)) for n in (0, 1)], NOW)


def test_resources_of_several_currencies_are_not_held_together() -> None:
    francs = {"price_per_unit": Money(50, "CHF"), "setup_price": Money(0, "CHF")}
    both = [replace(a_resource(), calendar=WEEK), replace(a_resource(**francs), calendar=WEEK)]
    with pytest.raises(Refused, match="several currencies"):
        check_terms([(resource, resource.allocate(MONDAY, 60)) for resource in both], NOW)


def test_a_resource_is_set_up_once_and_each_unit_is_paid() -> None:
    one, other = a_resource(), a_resource()
    parts = [(one, one.allocate(MONDAY, 10)), (one, one.allocate(MONDAY + timedelta(1), 20))]
    assert price(parts) == Money(1000 + 30 * 50)
    assert price([*parts, (other, other.allocate(MONDAY, 1))]) == Money(2000 + 31 * 50)


# --- the ledger ------------------------------------------------------------------------------------------------------


def a_bucket(published: int = 480, number: int = 0) -> Bucket:
    resource = new_id()
    day = MONDAY + timedelta(number)
    id_ = bucket_id(resource, day)
    return Bucket(id=id_, party_id=new_id(), version=0, resource_id=resource, day=day, published=published)


def a_hold(*parts: tuple[Bucket, int], until: datetime = NOW + timedelta(minutes=15)) -> Hold:
    resources = {bucket.resource_id: a_resource(id=bucket.resource_id) for bucket, _ in parts}
    allocations = [resources[bucket.resource_id].allocate(bucket.day, quantity) for bucket, quantity in parts]
    return Hold(id=new_id(), party_id=new_id(), allocations=allocations, expires_at=until)


verbs = st.sampled_from(["place", "confirm", "release", "expire", "cancel"])


@given(
    st.lists(st.integers(0, 100), min_size=1, max_size=4),
    st.lists(st.tuples(verbs, st.integers(0, 20), st.lists(st.integers(1, 60), min_size=1, max_size=4)), max_size=30),
)
def test_whatever_is_done_the_conservation_law_holds_and_every_claim_is_counted(
    published: list[int], steps: list[tuple[str, int, list[int]]]
) -> None:
    ledger = Ledger(a_bucket(quantity, number) for number, quantity in enumerate(published))
    holds: dict[UUID, Hold] = {}
    bookings: dict[UUID, Booking] = {}
    for verb, pick, wanted in steps:
        before, told = dict(ledger.buckets), len(ledger.changes)
        new = a_hold(*zip(ledger.buckets.values(), wanted, strict=False))
        hold = list(holds.values())[pick % len(holds)] if holds else new
        booking = list(bookings.values())[pick % len(bookings)] if bookings else None
        try:
            _step(ledger, verb, new if verb == "place" else hold, booking)
        except (NoRoomError, Refused):
            assert (ledger.buckets, len(ledger.changes)) == (before, told)  # no is no: nothing moved, nothing to tell
        holds |= {one.id: one for one in ledger.changes if isinstance(one, Hold)}
        bookings |= {one.id: one for one in ledger.changes if isinstance(one, Booking)}
    for bucket in ledger.buckets.values():
        held = _taken(bucket, [hold for hold in holds.values() if hold.state == "held"])
        committed = _taken(bucket, [booking for booking in bookings.values() if booking.state == "confirmed"])
        assert (bucket.held, bucket.committed) == (held, committed)
        assert min(bucket.held, bucket.committed, bucket.available) >= 0


def _step(ledger: Ledger, verb: str, hold: Hold, booking: Booking | None) -> None:
    known = any(one.id == hold.id for one in ledger.changes)
    if verb == "place":
        ledger.place(hold)
    elif verb == "cancel" and booking:
        ledger.cancel(booking)
    elif verb == "confirm" and known:
        ledger.confirm(hold, Money(1), NOW)
    elif verb == "release" and known:
        ledger.release(hold, NOW)
    elif verb == "expire" and known and hold.state == "held":
        ledger.expire(hold)


def _taken(bucket: Bucket, claims: Sequence[Hold | Booking]) -> int:
    return sum(part.quantity for claim in claims for part in claim.allocations if part.bucket_id == bucket.id)


def test_a_hold_takes_all_its_buckets_or_none() -> None:
    roomy, full = a_bucket(100), a_bucket(10, 1)
    ledger = Ledger([roomy, full])
    with pytest.raises(NoRoomError) as error:
        ledger.place(a_hold((roomy, 50), (full, 11)))
    assert (error.value.asked.day, error.value.available) == (full.day, 10)
    assert ledger.changed() == []


def test_a_hold_of_the_very_last_minute_fits_and_one_more_does_not() -> None:
    bucket = a_bucket(480)
    ledger = Ledger([bucket])
    ledger.place(a_hold((bucket, 480)))
    with pytest.raises(NoRoomError):
        ledger.place(a_hold((bucket, 1)))


def test_a_hold_dies_at_the_very_instant_of_its_expiry() -> None:
    bucket = a_bucket()
    ledger = Ledger([bucket])
    hold = ledger.place(a_hold((bucket, 10), until=NOW))
    with pytest.raises(Refused) as refused:
        ledger.confirm(hold, Money(1), NOW)
    assert refused.value.code == "HOLD_EXPIRED"
    assert ledger.confirm(hold, Money(1), NOW - timedelta(microseconds=1)).id == hold.id


def test_a_hold_ends_once() -> None:
    bucket = a_bucket()
    ledger = Ledger([bucket])
    released = ledger.release(ledger.place(a_hold((bucket, 10))), NOW)
    for again in (lambda: ledger.release(released, NOW), lambda: ledger.confirm(released, Money(1), NOW)):
        with pytest.raises(Refused, match="released already"):
            again()


def test_a_changed_bucket_is_one_version_on_however_often_it_changed() -> None:
    bucket = a_bucket()
    ledger = Ledger([bucket])
    hold = ledger.place(a_hold((bucket, 10)))
    ledger.confirm(hold, Money(1), NOW)
    assert ledger.changed() == [replace(bucket, version=1, committed=10)]


def test_a_bucket_that_is_as_it_was_has_nothing_to_tell() -> None:
    bucket = a_bucket()
    ledger = Ledger([bucket])
    ledger.release(ledger.place(a_hold((bucket, 10))), NOW)
    assert ledger.changed() == []


def test_a_calendar_below_what_is_taken_is_refused_naming_the_first_day() -> None:
    buckets = [replace(a_bucket(480, number), held=200, committed=100) for number in (3, 1, 2)]
    ledger = Ledger(buckets)
    with pytest.raises(Refused, match="300 of 2026-03-03 are held or booked already; the new calendar gives 299"):
        ledger.republish(replace(WEEK, weekly=[299] * 7))
    ledger.republish(replace(WEEK, weekly=[300] * 7))
    assert [bucket.available for bucket in ledger.changed()] == [0, 0, 0]


# --- plans -----------------------------------------------------------------------------------------------------------


def a_room(first_day: date = MONDAY, process: str = "lockstitch", number: int = 1, **given: object) -> Room:
    resource = a_resource(id=UUID(int=number), party_id=UUID(int=number), processes=[process], **given)
    return Room(replace(resource, calendar=WEEK), first_day, {})


FRIDAY = MONDAY + timedelta(4)
SEWING = Need("lockstitch", 240)


def planned(rooms: list[Room], *needs: Need, last: date = FRIDAY) -> list[tuple[int, date, int]]:
    by_process: dict[str, list[Room]] = {}
    for room in rooms:
        by_process.setdefault(room.resource.processes[0], []).append(room)
    parts = plan([needs], by_process, MONDAY, last)
    return [(part.resource_id.int, part.day, part.quantity) for part in parts]


def test_work_is_planned_on_the_earliest_day_with_room() -> None:
    busy = a_room()
    busy.take(MONDAY, 300)
    assert planned([busy], SEWING) == [(1, MONDAY + timedelta(1), 240)]


def test_a_step_begins_no_earlier_than_the_step_before_ended() -> None:
    cutting, sewing = a_room(MONDAY + timedelta(2), "cutting"), a_room(number=2)
    assert planned([cutting, sewing], Need("cutting", 60), SEWING) == [
        (1, MONDAY + timedelta(2), 60),
        (2, MONDAY + timedelta(2), 240),
    ]


def test_among_resources_of_the_same_day_the_cheapest_is_taken_then_the_lowest_id() -> None:
    dear, cheap, twin = a_room(price_per_unit=Money(60)), a_room(number=3), a_room(number=2)
    assert planned([dear, cheap, twin], SEWING) == [(2, MONDAY, 240)]


def test_work_that_fits_on_no_day_is_split_over_the_days_of_one_resource() -> None:
    assert planned([a_room(), a_room(number=2)], Need("lockstitch", 1000)) == [
        (1, MONDAY, 480),
        (1, MONDAY + timedelta(1), 480),
        (1, MONDAY + timedelta(2), 40),
    ]


def test_work_is_split_over_a_weekend() -> None:
    parts = planned([a_room(FRIDAY)], Need("lockstitch", 500), last=FRIDAY + timedelta(7))
    assert parts == [(1, FRIDAY, 480), (1, FRIDAY + timedelta(3), 20)]


def test_two_steps_in_one_bucket_are_one_allocation() -> None:
    assert planned([a_room()], SEWING, SEWING) == [(1, MONDAY, 480)]


def test_a_small_step_takes_the_least_that_the_workshop_sells() -> None:
    assert planned([a_room(minimum_quantity=60)], Need("lockstitch", 5)) == [(1, MONDAY, 60)]


def test_a_refused_order_says_what_there_was() -> None:
    room = a_room()
    for number, free in enumerate((100, 50, 120, 80, 20)):
        room.take(MONDAY + timedelta(number), 480 - free)
    with pytest.raises(Refused) as refused:
        planned([room], Need("lockstitch", 500))
    assert refused.value.code == "NO_CAPACITY"
    assert refused.value.message == (
        "No workshop has 500 free minutes of lockstitch between 2026-03-02 and 2026-03-06;"
        " the most on one day is 120 on 2026-03-04."
    )


def test_an_order_for_what_nobody_does_says_so() -> None:
    with pytest.raises(Refused, match="No workshop offers casting between 2026-03-02 and 2026-03-06"):
        planned([a_room()], Need("casting", 10))


def test_an_order_that_needs_no_work_is_refused() -> None:
    with pytest.raises(Refused, match="no work"):
        planned([a_room()])


needs = st.lists(st.builds(Need, st.sampled_from(["cutting", "lockstitch"]), st.integers(1, 1200)), max_size=4)
free_days = st.lists(st.integers(0, 480), min_size=5, max_size=5)


@given(st.lists(needs, min_size=1, max_size=3), st.lists(free_days, min_size=1, max_size=4), st.data())
def test_a_plan_is_what_was_asked_within_its_days_and_never_more_than_is_free(
    lines: list[list[Need]], free: list[list[int]], data: st.DataObject
) -> None:
    rooms = [a_room(MONDAY + timedelta(data.draw(st.integers(0, 2))), number=n + 1) for n in range(len(free))]
    for room, days in zip(rooms, free, strict=True):
        room.touched.update({MONDAY + timedelta(n): quantity for n, quantity in enumerate(days)})
    before = [{MONDAY + timedelta(n): room.free(MONDAY + timedelta(n)) for n in range(-1, 8)} for room in rooms]
    by_process = {"cutting": rooms[:2], "lockstitch": rooms[1:]}
    try:
        parts = plan(lines, by_process, MONDAY, FRIDAY)
    except Refused:
        parts = []
    else:
        assert sum(part.quantity for part in parts) == sum(need.minutes for line in lines for need in line)
    taken = {(part.resource_id, part.day): part.quantity for part in parts}
    assert len(taken) == len(parts)
    assert all(MONDAY <= part.day <= FRIDAY and part.quantity > 0 for part in parts)
    for room, was in zip(rooms, before, strict=True):
        for day, quantity in was.items():
            assert room.free(day) == quantity - taken.get((room.resource.id, day), 0) >= 0


@given(st.lists(needs, min_size=1, max_size=3), st.permutations([1, 2, 3, 4]))
def test_the_same_question_has_the_same_answer_in_whatever_order_resources_come(
    lines: list[list[Need]], order: list[int]
) -> None:
    answers = []
    for numbers in (sorted(order), order):
        rooms = [a_room(number=number) for number in numbers]
        with suppress(Refused):
            answers.append(plan(lines, {"cutting": rooms, "lockstitch": rooms}, MONDAY, FRIDAY))
    assert len(answers) in (0, 2)
    assert not answers or answers[0] == answers[1]


# --- the saga --------------------------------------------------------------------------------------------------------


def test_every_state_of_an_order_is_decided_for_whatever_room_it_has() -> None:
    assert set(STEPS) == {state.value for state in orders.OrderState}
    assert all(set(row) == {"none", "live", "over", "booked", "gone"} for row in STEPS.values())


@pytest.mark.parametrize("state", ["refused", "cancelled", "failed"])
def test_an_order_that_has_ended_without_a_booking_keeps_nothing(state: str) -> None:
    assert [STEPS[state][room] for room in ("live", "over", "booked")] == ["release", "expire", "cancel"]


def test_what_the_ledger_has_is_read_from_hold_and_booking() -> None:
    hold = a_hold((a_bucket(), 10))
    booking = Booking(id=hold.id, party_id=hold.party_id, allocations=hold.allocations, price=Money(1))
    later = NOW + timedelta(hours=1)
    seen = [
        room_of(None, None, NOW),
        room_of(hold, None, NOW),
        room_of(hold, None, later),
        room_of(hold.become("released"), None, NOW),
        room_of(hold.become("confirmed"), booking, later),
        room_of(hold.become("confirmed"), replace(booking, state="cancelled"), later),
    ]
    assert seen == ["none", "live", "over", "gone", "booked", "gone"]
