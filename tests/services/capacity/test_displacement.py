"""A calendar shrinks below what was taken of it: who gives way, what they are offered, and how it ends."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from libs.kit.db import Database
from libs.kit.errors import Conflict
from libs.kit.ids import new_id
from services.capacity.domain.offer import Resource
from services.capacity.domain.terms import Rung
from services.capacity.handlers import bookings, displacement
from tests.services.capacity import world
from tests.services.capacity.world import a_resource, act, an_order, bucket, day, faults, hold, publish, then, told

TOPIC = "capacity.booking"
LADDER = [Rung(days_before=30, buyer_percent=80, workshop_percent=50)]


@pytest.fixture
async def bench(db: Database) -> Resource:
    resource = a_resource(cancellation=LADDER)
    await publish(db, resource)
    return resource


async def shrink(db: Database, bench: Resource, gives: int, *days: int) -> None:
    """These days give so much, and whoever gives way has done so."""
    await world.change_calendar(db, bench, exceptions={day(n): gives for n in days})
    await world.sweep(db)


async def stages(db: Database, *booked: Any) -> list[str]:
    return [(await world.last_told(db, one.id, TOPIC))["stage"] for one in booked]


async def displaced(db: Database, bench: Resource, brand: Any, **given: Any) -> Any:
    """A booking of 300 minutes of tomorrow, of which 200 are left."""
    booked = await world.book(db, brand, (bench, day(1), 300))
    await shrink(db, bench, 200, 1)
    assert await stages(db, booked) == ["displaced"]
    return booked


async def test_holds_give_way_first_then_the_newest_bookings_and_nobody_in_vain(db: Database, bench: Resource) -> None:
    first, second = [await world.book(db, new_id(), (bench, day(1), 100)) for _ in range(2)]
    kept, given = [await hold(db, new_id(), (bench, day(1), 100)) for _ in range(2)]
    elsewhere = await hold(db, new_id(), (bench, day(2), 100))
    await shrink(db, bench, 300, 1)
    assert [(await told(db, one["id"]))[-1] for one in (kept, given, elsewhere)] == [
        "hold_placed",
        "hold_released",
        "hold_placed",
    ]
    assert (await world.last_told(db, given["id"]))["refusal"]["code"] == "DISPLACED"
    await shrink(db, bench, 150, 1)
    assert await stages(db, first, second) == ["firm", "displaced"]
    assert (await told(db, kept["id"]))[-1] == "hold_released"
    assert await bucket(db, bench, day(1)) == (200, 0, 200)
    assert await world.unattainable(db, bench, day(1)) == 50
    assert await faults(db, bench) == []


async def test_work_that_has_begun_is_not_displaced(db: Database, bench: Resource) -> None:
    older, newer = [await world.book(db, new_id(), (bench, day(1), 100)) for _ in range(2)]
    await act(db, bookings.start, bench.party_id, newer.id)
    await shrink(db, bench, 120, 1)
    assert await stages(db, older, newer) == ["displaced", "started"]
    await shrink(db, bench, 50, 1)
    assert await stages(db, older, newer) == ["displaced", "started"]


async def test_a_day_that_gets_its_hours_back_gets_its_oldest_booking_back_first(db: Database, bench: Resource) -> None:
    older, newer = [await world.book(db, new_id(), (bench, day(1), 200), (bench, day(2), 10)) for _ in range(2)]
    await shrink(db, bench, 0, 1)
    assert await stages(db, older, newer) == ["displaced"] * 2
    await shrink(db, bench, 250, 1)
    assert await stages(db, older, newer) == ["firm", "displaced"]
    await world.cancel(db, newer.party_id, newer.id)
    assert await bucket(db, bench, day(1)) == (250, 0, 200)
    await shrink(db, bench, 480, 1)
    assert await told(db, older.id, TOPIC) == ["booking_confirmed", "booking_displaced", "booking_confirmed"]
    assert await bucket(db, bench, day(1)) == (480, 0, 200)
    assert await faults(db, bench) == []


async def test_room_that_others_give_up_brings_a_booking_back(db: Database, bench: Resource) -> None:
    older, newer = [await world.book(db, new_id(), (bench, day(1), 200)) for _ in range(2)]
    await shrink(db, bench, 300, 1)
    assert await stages(db, older, newer) == ["firm", "displaced"]
    await world.cancel(db, older.party_id, older.id)
    await world.sweep(db)
    assert await stages(db, newer) == ["firm"]
    assert await bucket(db, bench, day(1)) == (300, 0, 200)


async def test_a_displaced_booking_moves_when_its_buyer_agrees(db: Database, bench: Resource) -> None:
    other, brand = a_resource(party_id=bench.party_id), new_id()
    await publish(db, other)
    booked = await displaced(db, bench, brand)
    with pytest.raises(Conflict, match="has not said to which days"):
        await act(db, bookings.accept, brand, booked.id)
    days = [(bench.id, day(1), 200), (other.id, day(2), 100)]
    moved = await act(db, bookings.move, bench.party_id, booked.id, days)
    assert (moved.stage, moved.price) == ("moved", booked.price)
    assert [await bucket(db, one, on) for one, on in ((bench, day(1)), (other, day(2)))] == [
        (200, 0, 200),
        (480, 0, 100),
    ]
    with pytest.raises(Conflict, match="buyer must first say"):
        await act(db, bookings.move, bench.party_id, booked.id, days)
    back = await act(db, bookings.accept, brand, booked.id)
    assert (back.stage, back.deadline, back.displaced_by) == ("firm", None, [])
    told_of = ["booking_confirmed", "booking_displaced", "booking_moved", "booking_confirmed"]
    assert await told(db, booked.id, TOPIC) == told_of
    assert await faults(db, bench, other) == []


async def test_days_that_its_buyer_has_not_accepted_are_not_firm_for_getting_their_hours_back(
    db: Database, bench: Resource
) -> None:
    """Nobody is moved without consent, however often a calendar shrinks and grows."""
    booked = await displaced(db, bench, brand := new_id())
    await act(db, bookings.move, bench.party_id, booked.id, [(bench.id, day(30), 300)])
    await shrink(db, bench, 0, 1, 30)
    assert await stages(db, booked) == ["displaced"]
    await shrink(db, bench, 480, 1, 30)
    again = await world.last_told(db, booked.id, TOPIC)
    assert (again["stage"], again["displaced_by"]) == ("moved", [str(bench.party_id)])
    assert [part["day"] for part in again["promised"]] == [str(day(1))]
    ended = (await act(db, bookings.reject, brand, booked.id)).ending
    assert [one.amount.amount for one in ended.due] == [booked.price.amount // 2]
    assert await faults(db, bench) == []


async def test_days_further_off_are_no_way_to_owe_less(db: Database, bench: Resource) -> None:
    """The ladder ends 30 days before."""
    booked = await displaced(db, bench, brand := new_id())
    await act(db, bookings.move, bench.party_id, booked.id, [(bench.id, day(60), 300)])
    ended = (await act(db, bookings.reject, brand, booked.id)).ending
    assert [one.amount.amount for one in ended.due] == [booked.price.amount // 2]


async def test_a_workshop_answers_for_its_own_displacement_alone(db: Database, bench: Resource) -> None:
    other = a_resource(cancellation=LADDER)
    await publish(db, other)
    booked = await world.book(db, new_id(), (bench, day(1), 100), (other, day(1), 100))
    await shrink(db, bench, 0, 1)
    with pytest.raises(Conflict, match="Your days stand") as refused:
        await act(db, bookings.move, other.party_id, booked.id, [(other.id, day(60), 100)])
    assert refused.value.code == "NOT_SHORT"
    assert await stages(db, booked) == ["displaced"]
    assert (await bucket(db, other, day(1)), await bucket(db, other, day(60))) == ((480, 0, 100), None)


async def test_what_moves_is_what_was_booked_no_less_no_more_and_of_its_kind(db: Database, bench: Resource) -> None:
    cutter = a_resource(party_id=bench.party_id, processes=["cutting"])
    able = a_resource(party_id=bench.party_id, processes=["lockstitch", "cutting"])
    await publish(db, cutter, able)
    booked = await displaced(db, bench, new_id())
    for days in ([(bench.id, day(2), 299)], [(bench.id, day(2), 301)], [(cutter.id, day(2), 300)]):
        with pytest.raises(Conflict, match="300 minutes") as refused:
            await act(db, bookings.move, bench.party_id, booked.id, days)
        assert refused.value.code == "NOT_AS_BOOKED"
    assert await stages(db, booked) == ["displaced"]
    await act(db, bookings.move, bench.party_id, booked.id, [(bench.id, day(2), 200), (able.id, day(3), 100)])
    assert await faults(db, bench, cutter, able) == []


async def test_who_is_displaced_on_a_later_day_has_time_though_its_first_day_is_over(
    db: Database, bench: Resource
) -> None:
    booked = await world.book(db, new_id(), (bench, day(0), 100), (bench, day(3), 100))
    async with db.work() as session:  # nobody can book yesterday
        moved = "replace(allocations::text, :today, :yesterday)::jsonb"
        days = {"today": str(day(0)), "yesterday": str(day(-1)), "id": booked.id}
        await session.execute(text(f"UPDATE booking SET allocations = {moved} WHERE id = :id"), days)
    await shrink(db, bench, 0, 3)
    assert await stages(db, booked) == ["displaced"]
    moved = await act(db, bookings.move, bench.party_id, booked.id, [(bench.id, day(4), 200)])
    assert moved.stage == "moved"
    await world.sweep(db)
    assert await stages(db, booked) == ["moved"]


async def test_a_booking_that_cannot_be_displaced_keeps_no_other_from_it(
    db: Database, bench: Resource, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are of a time before calendars had to end, and so many that a look finds nobody else."""
    monkeypatch.setattr(displacement, "_AT_ONCE", 2)
    faulty = [await world.book(db, new_id(), (bench, day(n), 300)) for n in range(2, 5)]
    async with db.work() as session:
        for number, booked in enumerate(faulty, 2):
            never = {"day": str(day(number)), "id": booked.id}
            query = "UPDATE booking SET allocations = replace(allocations::text, :day, '9999-12-31')::jsonb"
            await session.execute(text(query + " WHERE id = :id"), never)
    booked = await world.book(db, new_id(), (bench, day(1), 300))
    await shrink(db, bench, 0, 1, 2, 3, 4)
    assert await stages(db, booked, *faulty) == ["displaced", "firm", "firm", "firm"]
    assert "cannot be displaced" in caplog.text
    await shrink(db, bench, 480, 1, 2, 3, 4)


async def test_a_move_without_room_changes_nothing(db: Database, bench: Resource) -> None:
    booked = await displaced(db, bench, new_id())
    await hold(db, new_id(), (bench, day(2), 400))
    with pytest.raises(Conflict, match="80 minutes free"):
        await act(db, bookings.move, bench.party_id, booked.id, [(bench.id, day(2), 81), (bench.id, day(3), 219)])
    assert await bucket(db, bench, day(2)) == (480, 400, 0)
    assert await stages(db, booked) == ["displaced"]
    assert await faults(db, bench) == []


@pytest.mark.parametrize(
    "how", ["buyer cancels", "buyer rejects", "workshop cancels", "nobody moves", "nobody answers"]
)
async def test_however_a_displaced_booking_ends_its_workshop_owes_and_its_buyer_does_not(
    db: Database, bench: Resource, how: str
) -> None:
    brand = new_id()
    booked = await displaced(db, bench, brand)
    if how in ("buyer rejects", "nobody answers"):
        await act(db, bookings.move, bench.party_id, booked.id, [(bench.id, day(2), 300)])
    if how == "buyer rejects":
        await act(db, bookings.reject, brand, booked.id)
    elif how.startswith("nobody"):
        await world.time_passes(db, booked.id)
        await world.sweep(db)
    else:
        await world.cancel(db, brand if how == "buyer cancels" else bench.party_id, booked.id)
    ending = (await world.last_told(db, booked.id, TOPIC))["ending"]
    due = [(one["debtor_id"], one["creditor_id"], one["amount"]["amount"]) for one in ending["due"]]
    assert due == [(str(bench.party_id), str(brand), booked.price.amount // 2)]
    assert await bucket(db, bench, day(1)) == (200, 0, 0)
    assert await bucket(db, bench, day(2)) in (None, (480, 0, 0))
    assert await faults(db, bench) == []


async def test_the_workshop_that_did_not_shrink_owes_nothing(db: Database, bench: Resource) -> None:
    other, brand = a_resource(cancellation=LADDER), new_id()
    await publish(db, other)
    booked = await world.book(db, brand, (bench, day(1), 100), (other, day(1), 100))
    await shrink(db, bench, 0, 1)
    ended = (await world.cancel(db, brand, booked.id)).ending
    assert ended
    assert [(one.debtor_id, one.amount.amount) for one in ended.due] == [(bench.party_id, 3000)]
    assert await bucket(db, other, day(1)) == (480, 0, 0)


async def ordered(db: Database, *workshops: Resource) -> Any:
    """An order that is booked: 100 minutes of each of these workshops, one after the other, a day each."""
    for bench in workshops:
        await world.change_calendar(db, bench, exceptions={day(n): 0 for n in (5, 6, 7)})
    order = an_order(*((bench.processes[0], 480 if bench is workshops[0] else 100) for bench in workshops))
    await world.hear(db, order)
    await world.hear(db, then(order, "reserved"))
    return order


def crafts(count: int) -> list[Resource]:
    """Workshops that each do what nobody else does."""
    return [a_resource(processes=[f"craft_{new_id().hex}"], cancellation=LADDER) for _ in range(count)]


async def test_an_order_whose_day_is_gone_loses_its_hold_at_once(db: Database) -> None:
    [bench] = crafts(1)
    await publish(db, bench)
    held = an_order((bench.processes[0], 100), last=1)
    await world.hear(db, held)
    await shrink(db, bench, 0, 1)
    assert await told(db, held.id) == ["hold_placed", "hold_released"]


@pytest.mark.parametrize("firm", [True, False], ids=["bookings", "holds"])
async def test_who_came_first_is_what_the_database_says(db: Database, firm: bool) -> None:
    """Ids are made by processes, whose clocks may be wrong: the second to come has the lower id."""
    [bench] = crafts(1)
    await publish(db, bench)
    late, early = (an_order((bench.processes[0], 100), last=1) for _ in range(2))
    assert late.id < early.id
    for order in (early, late):
        await world.hear(db, order)
        if firm:
            await world.hear(db, then(order, "reserved"))
    await shrink(db, bench, 100, 1)
    topic = TOPIC if firm else "capacity.hold"
    gone = [(await told(db, one.id, topic))[-1] for one in (early, late)]
    assert gone == (["booking_confirmed", "booking_displaced"] if firm else ["hold_placed", "hold_released"])


async def test_a_booking_of_an_order_moves_when_its_buyer_agrees(db: Database) -> None:
    [bench] = crafts(1)
    await publish(db, bench)
    order = await ordered(db, bench)
    await shrink(db, bench, 0, 1)
    await act(db, bookings.move, bench.party_id, order.id, [(bench.id, day(2), 480)])
    with pytest.raises(Conflict, match="for the buyer to decide"):
        await act(db, bookings.accept, bench.party_id, order.id)
    await act(db, bookings.accept, order.party_id, order.id)
    moved = await world.last_told(db, order.id, TOPIC)
    assert (moved["stage"], moved["allocations"][0]["day"], moved["order_id"]) == ("firm", str(day(2)), str(order.id))
    assert [await bucket(db, bench, day(n)) for n in (1, 2)] == [(0, 0, 0), (480, 0, 480)]
    assert await faults(db, bench) == []


@pytest.mark.parametrize("how", ["rejects", "answers nothing", "cancels the order"])
async def test_a_buyer_who_does_not_agree_frees_the_order_s_days_and_the_workshop_owes(db: Database, how: str) -> None:
    [bench] = crafts(1)
    await publish(db, bench)
    order = await ordered(db, bench)
    await shrink(db, bench, 0, 1)
    await act(db, bookings.move, bench.party_id, order.id, [(bench.id, day(2), 480)])
    if how == "rejects":
        await act(db, bookings.reject, order.party_id, order.id)
    elif how == "answers nothing":
        await world.time_passes(db, order.id)
        await world.sweep(db)
    else:
        await world.hear(db, then(then(order, "reserved"), "cancelled"))
    ending = (await world.last_told(db, order.id, TOPIC))["ending"]
    assert [(one["debtor_id"], one["creditor_id"]) for one in ending["due"]] == [
        (str(bench.party_id), str(order.party_id))
    ]
    assert [await bucket(db, bench, day(n)) for n in (1, 2)] == [(0, 0, 0), (480, 0, 0)]
    assert await faults(db, bench) == []


async def test_the_buyer_of_an_order_cancels_the_order_and_not_its_booking(db: Database) -> None:
    [bench] = crafts(1)
    await publish(db, bench)
    order = await ordered(db, bench)
    await shrink(db, bench, 0, 1)
    with pytest.raises(Conflict) as refused:
        await world.cancel(db, order.party_id, order.id)
    assert refused.value.code == "BELONGS_TO_ORDER"
    assert await stages(db, order) == ["displaced"]


async def test_a_workshop_does_not_overtake_the_others_of_an_order(db: Database) -> None:
    """Cut on the first day by one, sewn on the first day that is left by the other."""
    cutter, sewer = crafts(2)
    await publish(db, cutter, sewer)
    await hold(db, new_id(), (sewer, day(1), 480), (sewer, day(2), 480))
    order = await ordered(db, cutter, sewer)
    await shrink(db, cutter, 0, 1)
    with pytest.raises(Conflict, match=f"part of this order is on {day(3)}, and yours must keep") as refused:
        await act(db, bookings.move, cutter.party_id, order.id, [(cutter.id, day(2), 400), (cutter.id, day(4), 80)])
    assert refused.value.code == "OUT_OF_TURN"
    assert await stages(db, order) == ["displaced"]
    await act(db, bookings.move, cutter.party_id, order.id, [(cutter.id, day(2), 400), (cutter.id, day(3), 80)])
    await act(db, bookings.accept, order.party_id, order.id)
    assert await faults(db, cutter, sewer) == []


async def test_an_order_that_ends_after_its_work_was_completed_keeps_what_was_made(db: Database) -> None:
    """It was cancelled before it heard of that."""
    [bench] = crafts(1)
    await publish(db, bench)
    order = await ordered(db, bench)
    for verb in (bookings.start, bookings.complete):
        await act(db, verb, bench.party_id, order.id)
    await world.hear(db, then(then(order, "reserved"), "cancelled"))
    assert await stages(db, order) == ["completed"]
    assert await faults(db, bench) == []


async def test_several_jobs_and_a_crowd_of_holds_agree_on_a_shrinking_day(db: Database, bench: Resource) -> None:
    booked = [await world.book(db, new_id(), (bench, day(1), 60)) for _ in range(4)]

    async def take() -> None:
        await hold(db, new_id(), (bench, day(1), 10))

    for gives in (200, 130, 400, 0, 480):
        await world.change_calendar(db, bench, exceptions={day(1): gives})
        await asyncio.gather(world.sweep(db), world.sweep(db), *(take() for _ in range(3)), return_exceptions=True)
        await world.sweep(db)
        assert await faults(db, bench) == []
    assert await stages(db, *booked) == ["firm"] * 4
