"""From the booking to the piece: material in house or lapsed, started, reported, completed."""

import pytest

from libs.kit.db import Database
from libs.kit.errors import Conflict, NotFound
from libs.kit.ids import new_id
from services.capacity.domain.offer import Resource
from services.capacity.domain.terms import Rung
from services.capacity.handlers import bookings
from tests.services.capacity import world
from tests.services.capacity.world import a_resource, act, an_order, bucket, day, faults, publish, then, told

TOPIC = "capacity.booking"


@pytest.fixture
async def bench(db: Database) -> Resource:
    resource = a_resource(notice_days=3, material_days=2, cancellation=[Rung(days_before=9, buyer_percent=40)])
    await publish(db, resource)
    return resource


async def test_a_booking_is_firm_once_its_material_is_in_house(db: Database, bench: Resource) -> None:
    brand = new_id()
    booked = await world.book(db, brand, (bench, day(5), 100))
    assert (booked.stage, booked.material_by, booked.deadline) == (
        "awaiting_material",
        bench.end_of(day(3)),
        bench.end_of(day(3)),
    )
    with pytest.raises(Conflict, match="Declare that its material is in house"):
        await act(db, bookings.start, bench.party_id, booked.id)
    firm = await act(db, bookings.material_ready, bench.party_id, booked.id)
    assert (firm.stage, firm.state, firm.deadline, firm.material_at is None) == ("firm", "confirmed", None, False)
    with pytest.raises(Conflict, match="in house already"):
        await act(db, bookings.material_ready, bench.party_id, booked.id)
    assert await told(db, booked.id, TOPIC) == ["booking_confirmed", "booking_supplied"]
    assert await faults(db, bench) == []


async def test_a_booking_whose_material_does_not_come_lapses_and_its_buyer_owes_the_ladder(
    db: Database, bench: Resource
) -> None:
    brand = new_id()
    booked = await world.book(db, brand, (bench, day(5), 100))
    await world.sweep(db)
    assert await bucket(db, bench, day(5)) == (480, 0, 100)
    await world.time_passes(db, booked.id)
    await world.sweep(db)
    assert await bucket(db, bench, day(5)) == (480, 0, 0)
    ending = (await world.last_told(db, booked.id, TOPIC))["ending"]
    assert (ending["by"], ending["code"]) == ("platform", "MATERIAL_LATE")
    assert [(one["debtor_id"], one["amount"]["amount"]) for one in ending["due"]] == [(str(brand), 2400)]
    assert await told(db, booked.id, TOPIC) == ["booking_confirmed", "booking_cancelled"]
    with pytest.raises(Conflict, match="cancelled already"):
        await act(db, bookings.material_ready, bench.party_id, booked.id)
    assert await faults(db, bench) == []


async def test_who_books_late_has_a_day_to_bring_the_material(db: Database, bench: Resource) -> None:
    booked = await world.book(db, new_id(), (bench, day(3), 10))
    assert booked.material_by
    assert bench.end_of(day(0)) < booked.material_by <= bench.end_of(day(1))


async def test_work_is_started_reported_and_completed(db: Database) -> None:
    bench, brand = a_resource(), new_id()
    await publish(db, bench)
    booked = await world.book(db, brand, (bench, day(1), 100))
    for early in (bookings.complete, bookings.report):
        with pytest.raises(Conflict, match="Start it first"):
            await act(db, early, bench.party_id, booked.id, *((1, 1, 1) if early is bookings.report else ()))
    await act(db, bookings.start, bench.party_id, booked.id)
    await act(db, bookings.report, bench.party_id, booked.id, 60, 10, 1)
    done = await act(db, bookings.report, bench.party_id, booked.id, 50, 8, 0)
    assert [(one.quantity, one.good, one.scrap, one.completed) for one in done.actual] == [(110, 18, 1, False)]
    done = await act(db, bookings.complete, bench.party_id, booked.id)
    assert (done.stage, done.state, done.actual[0].completed) == ("completed", "confirmed", True)
    for late in (bookings.start, bookings.complete, bookings.cancel_booking):
        with pytest.raises(Conflict, match="work is completed"):
            await act(db, late, bench.party_id, booked.id)
    assert await bucket(db, bench, day(1)) == (480, 0, 100)  # what was sold stays sold
    steps = ["booking_confirmed", "booking_started", "work_reported", "work_reported", "booking_completed"]
    assert await told(db, booked.id, TOPIC) == steps
    assert await faults(db, bench) == []


async def test_a_booking_of_two_workshops_is_completed_by_both(db: Database) -> None:
    cutter, sewer, brand = a_resource(), a_resource(), new_id()
    await publish(db, cutter, sewer)
    booked = await world.book(db, brand, (cutter, day(1), 100), (sewer, day(2), 200))
    await act(db, bookings.start, cutter.party_id, booked.id)
    await act(db, bookings.report, cutter.party_id, booked.id, 90, 50, 0)
    half = await act(db, bookings.complete, cutter.party_id, booked.id)
    assert (half.stage, [one.workshop_id for one in half.allocations]) == ("started", [cutter.party_id])
    with pytest.raises(Conflict, match="Your part of the work is completed"):
        await act(db, bookings.report, cutter.party_id, booked.id, 1, 1, 1)
    whole = await act(db, bookings.complete, sewer.party_id, booked.id)
    assert whole.stage == "completed"
    assert [(one.workshop_id, one.completed) for one in whole.actual] == [(sewer.party_id, True)]
    assert await faults(db, cutter, sewer) == []


@pytest.mark.parametrize(
    ("ahead", "reported", "owed"), [(0, False, 6000), (3, True, 6000), (3, False, 1200), (30, False, 0)]
)
async def test_who_cancels_work_that_has_begun_owes_all_of_it_and_starting_early_takes_no_ladder_away(
    db: Database, ahead: int, reported: bool, owed: int
) -> None:
    bench, brand = a_resource(cancellation=[Rung(days_before=9, buyer_percent=20)]), new_id()
    await publish(db, bench)
    booked = await world.book(db, brand, (bench, day(ahead), 100))
    await act(db, bookings.start, bench.party_id, booked.id)
    if reported:
        await act(db, bookings.report, bench.party_id, booked.id, 10, 1, 0)
    ended = await world.cancel(db, brand, booked.id)
    assert ended.ending
    assert [one.amount.amount for one in ended.ending.due if one.debtor_id == brand] == [owed] * bool(owed)


async def test_only_the_workshop_works_and_strangers_find_nothing(db: Database, bench: Resource) -> None:
    brand = new_id()
    booked = await world.book(db, brand, (bench, day(5), 100))
    for verb in (bookings.material_ready, bookings.start, bookings.complete):
        with pytest.raises(Conflict, match="for the workshop to decide") as refused:
            await act(db, verb, brand, booked.id)
        assert refused.value.code == "WRONG_SIDE"
        with pytest.raises(NotFound):
            await act(db, verb, new_id(), booked.id)
    for verb in (bookings.accept, bookings.reject):
        with pytest.raises(Conflict, match="for the buyer to decide"):
            await act(db, verb, bench.party_id, booked.id)
    assert await told(db, booked.id, TOPIC) == ["booking_confirmed"]


async def test_an_order_whose_material_does_not_come_loses_its_booking(db: Database) -> None:
    craft = f"craft_{new_id().hex}"
    bench = a_resource(processes=[craft], notice_days=1, material_days=1)
    await publish(db, bench)
    order = an_order((craft, 100), first=3)
    await world.hear(db, order)
    await world.hear(db, then(order, "reserved"))
    assert (await world.last_told(db, order.id, TOPIC))["stage"] == "awaiting_material"
    await world.time_passes(db, order.id)
    await world.sweep(db)
    assert await told(db, order.id, TOPIC) == ["booking_confirmed", "booking_cancelled"]
    assert await faults(db, bench) == []
