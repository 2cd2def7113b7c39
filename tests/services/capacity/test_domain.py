"""The rules of capacity: what a calendar gives, what the ledger gives away. No database."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import get_args
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts import orders
from libs.kit.ids import new_id
from services.capacity.domain.agreement import Deal, Ending
from services.capacity.domain.calendar import Calendar, published_on
from services.capacity.domain.ledger import Booking, Bucket, Hold, Ledger, NoRoomError
from services.capacity.domain.offer import bucket_id, check_terms, price
from services.capacity.domain.saga import STEPS, Room, room_of
from services.capacity.domain.terms import Money, Refused, Terms
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
    assert inside is False or published_on(replace(plain, exceptions={day: other}), day) == other


@pytest.mark.parametrize(
    "wrong",
    [
        {"weekly": [1] * 6},
        {"weekly": [-1] * 7},
        {"weekly": [1_000_001] * 7},
        {"exceptions": {MONDAY: -1}},
        {"exceptions": {MONDAY - timedelta(1): 1}},
        {"exceptions": {MONDAY + timedelta(28): 1}},
        {"ends_on": MONDAY - timedelta(1)},
        {"ends_on": MONDAY + timedelta(1101)},
        {"starts_on": date(1899, 12, 31), "ends_on": date(1900, 1, 1)},
        {"starts_on": date(2100, 12, 31), "ends_on": date(2101, 1, 1)},
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
        *({"price_per_unit": Money(1, odd), "setup_price": Money(1, odd)} for odd in ("eur", "A\x00B", "ÀÈÌ")),
        {"minimum_quantity": 0},
        {"notice_days": -1},
    ],
)
def test_terms_that_make_no_sense_cannot_be(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"price|currency|minimum|notice"):
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


def test_what_costs_more_than_can_be_told_is_not_held() -> None:
    dear = replace(a_resource(price_per_unit=Money(10**9), setup_price=Money(0)), calendar=WEEK)
    check_terms([(dear, dear.allocate(MONDAY, 2))], NOW)
    with pytest.raises(Refused, match="3000000000 minor units of EUR") as refused:
        check_terms([(dear, dear.allocate(MONDAY, 3))], NOW)
    assert refused.value.code == "TOO_EXPENSIVE"


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
        ledger.cancel(booking, Ending(by="buyer", code="CANCELLED", message="Cancelled."))
    elif verb == "confirm" and known:
        ledger.confirm(hold, Deal(price=Money(1)), NOW)
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
        ledger.confirm(hold, Deal(price=Money(1)), NOW)
    assert refused.value.code == "HOLD_EXPIRED"
    assert ledger.confirm(hold, Deal(price=Money(1)), NOW - timedelta(microseconds=1)).id == hold.id


def test_a_hold_ends_once() -> None:
    bucket = a_bucket()
    ledger = Ledger([bucket])
    released = ledger.release(ledger.place(a_hold((bucket, 10))), NOW)
    for again in (lambda: ledger.release(released, NOW), lambda: ledger.confirm(released, Deal(price=Money(1)), NOW)):
        with pytest.raises(Refused, match="released already"):
            again()


def test_a_changed_bucket_is_one_version_on_however_often_it_changed() -> None:
    bucket = a_bucket()
    ledger = Ledger([bucket])
    hold = ledger.place(a_hold((bucket, 10)))
    ledger.confirm(hold, Deal(price=Money(1)), NOW)
    assert ledger.changed() == [replace(bucket, version=1, committed=10)]


def test_a_bucket_that_is_as_it_was_has_nothing_to_tell() -> None:
    bucket = a_bucket()
    ledger = Ledger([bucket])
    ledger.release(ledger.place(a_hold((bucket, 10))), NOW)
    assert ledger.changed() == []


@given(st.integers(0, 600), st.integers(0, 300), st.integers(0, 300), st.integers(-300, 300))
def test_what_a_calendar_does_not_give_any_more_is_unattainable_and_nothing_is_free_meanwhile(
    gives: int, held: int, committed: int, more: int
) -> None:
    bucket = replace(a_bucket(600), held=held, committed=committed).giving(gives)
    assert bucket.published - bucket.unattainable == gives
    assert bucket.available == max(0, gives - held - committed)
    if -held <= more <= bucket.available:
        after = bucket.moved(more, 0)
        assert after == replace(bucket, held=held + more).giving(gives)


# --- the saga --------------------------------------------------------------------------------------------------------


def test_every_state_of_an_order_is_decided_for_whatever_room_it_has() -> None:
    assert set(STEPS) == {state.value for state in orders.OrderState}
    assert all(set(row) == set(get_args(Room)) for row in STEPS.values())


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
