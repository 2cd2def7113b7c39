"""The waitlist on a real database: who waits, who is served, and who is faster."""

import asyncio
from contextlib import suppress
from types import SimpleNamespace
from uuid import UUID

import pytest

from libs.kit.db import Database
from libs.kit.errors import Conflict, NotFound
from libs.kit.ids import new_id
from services.capacity import store
from services.capacity.domain.offer import Resource
from services.capacity.handlers import waitlist
from tests.services.capacity import line, world
from tests.services.capacity.line import a_wish, join, leave, serve, states
from tests.services.capacity.test_ledger import crowd
from tests.services.capacity.world import a_resource, bucket, day, hold, publish, told


@pytest.fixture
async def bench(db: Database) -> Resource:
    resource = a_resource()
    await publish(db, resource)
    return resource


@pytest.fixture
async def full(db: Database, bench: Resource) -> tuple[UUID, str]:
    """The party and the hold that have all of the bench tomorrow."""
    party = new_id()
    return party, (await hold(db, party, (bench, day(1), 480)))["id"]


# --- one after the other ---------------------------------------------------------------------------------------------


async def test_freed_room_is_offered_to_the_first_in_line_as_a_hold_of_its_own(
    db: Database, bench: Resource, full: tuple[UUID, str]
) -> None:
    first, second = [await join(db, a_wish(bench, 300)) for _ in range(2)]
    await serve(db)
    assert await states(db, [first, second]) == ["waiting", "waiting"]
    await world.release(db, *full)
    await serve(db)
    assert await states(db, [first, second]) == ["offered", "waiting"]
    assert await told(db, first.id) == ["hold_placed"]
    assert await told(db, first.id, "capacity.waitlist") == ["waitlist_joined", "waitlist_offered"]
    assert await bucket(db, bench, day(1)) == (480, 300, 0)
    assert await line.faults(db, [first, second]) == []


async def test_an_offer_that_runs_out_goes_to_the_next_by_itself(
    db: Database, bench: Resource, full: tuple[UUID, str]
) -> None:
    entries = [await join(db, a_wish(bench, 300)) for _ in range(3)]
    await world.release(db, *full)
    for served in range(3):
        await serve(db)
        assert await states(db, entries) == ["missed"] * served + ["offered"] + ["waiting"] * (2 - served)
        await line.end(db, entries[served].id)
        await world.sweep(db)
    await serve(db)
    assert await states(db, entries) == ["missed"] * 3
    assert await bucket(db, bench, day(1)) == (480, 0, 0)
    assert await line.faults(db, entries) == []


async def test_an_offer_is_confirmed_released_or_left(db: Database, bench: Resource) -> None:
    kept, declined, gone = [await join(db, a_wish(bench, 100)) for _ in range(3)]
    await serve(db)
    booking = await world.confirm(db, kept.party_id, kept.id)
    await world.release(db, declined.party_id, declined.id)
    assert (await leave(db, gone)).state == "withdrawn"
    await serve(db)
    assert await states(db, [kept, declined, gone]) == ["accepted", "declined", "withdrawn"]
    assert (booking.id, booking.price.amount) == (kept.id, 1000 + 100 * 50)
    assert await bucket(db, bench, day(1)) == (480, 0, 100)
    assert await line.faults(db, [kept, declined, gone]) == []
    assert await world.faults(db, bench) == []


async def test_who_joins_while_there_is_room_has_an_offer_at_once(db: Database, bench: Resource) -> None:
    entry = await join(db, a_wish(bench, 480))
    await serve(db)
    assert await states(db, [entry]) == ["offered"]


async def test_a_longer_day_a_new_resource_and_a_cancelled_booking_are_room_too(db: Database) -> None:
    craft = f"craft_{new_id().hex}"
    short = a_resource(processes=[craft], weekly=[100] * 7)
    await publish(db, short)
    entries = [await join(db, a_wish(process=craft, quantity=quantity)) for quantity in (200, 300, 400)]
    await serve(db)
    assert await states(db, entries) == ["waiting"] * 3
    await world.change_calendar(db, short, weekly=[250] * 7)
    await serve(db)
    assert await states(db, entries) == ["offered", "waiting", "waiting"]
    await publish(db, new := a_resource(processes=[craft], weekly=[300] * 7))
    await serve(db)
    assert await states(db, entries) == ["offered", "offered", "waiting"]
    await publish(db, other := a_resource(processes=[craft], weekly=[400] * 7))
    booked = await hold(db, party := new_id(), (other, day(1), 1))
    await world.confirm(db, party, booked["id"])
    await serve(db)
    assert await states(db, entries) == ["offered", "offered", "waiting"]
    await world.cancel(db, party, booked["id"])
    await serve(db)
    assert await states(db, entries) == ["offered"] * 3
    assert await world.faults(db, short, new, other) == []


async def test_an_invitation_and_a_day_that_opens_by_itself_are_room_too(db: Database) -> None:
    craft = f"craft_{new_id().hex}"
    await publish(db, a_resource(processes=[craft], weekly=[0] * 7))
    entry = await join(db, a_wish(process=craft))
    await publish(db, secret := a_resource(processes=[craft], visibility="private"))
    await serve(db)
    assert await states(db, [entry]) == ["waiting"]
    await world.change_terms(db, secret, invited=[entry.party_id])
    await serve(db)
    assert await states(db, [entry]) == ["offered"]
    await publish(db, window := a_resource(window_days=5))
    later = await join(db, a_wish(window, first=5, last=5))
    async with db.work() as session:  # as if this had been yesterday, and found the day not open yet
        await store.take_news(session, 1000)
    await serve(db)
    assert await states(db, [later]) == ["waiting"]
    await waitlist.look_again(SimpleNamespace(database=db))
    await serve(db)
    assert await states(db, [later]) == ["offered"]


async def test_who_waits_for_a_process_and_who_waits_for_the_resource_stand_in_one_line(db: Database) -> None:
    craft = f"craft_{new_id().hex}"
    bench = a_resource(processes=[craft])
    await publish(db, bench)
    party, taken = new_id(), a_wish(bench, 480)
    blocking = await hold(db, party, (bench, day(1), 480))
    entries = [await join(db, wish) for wish in (a_wish(process=craft, quantity=200), taken, a_wish(bench, 200))]
    assert [(await line.place(db, entry)).ahead for entry in entries] == [0, 1, 2]
    await world.release(db, party, blocking["id"])
    await serve(db)
    assert await states(db, entries) == ["offered", "waiting", "offered"]
    assert [(await line.place(db, entry)).ahead for entry in entries] == [0, 0, 0]


async def test_who_waits_for_other_days_is_not_ahead(db: Database, bench: Resource, full: tuple[UUID, str]) -> None:
    await join(db, a_wish(bench, 1, first=3, last=5))
    assert (await line.place(db, await join(db, a_wish(bench, 1, first=1, last=2)))).ahead == 0
    assert (await line.place(db, await join(db, a_wish(bench, 1, first=2, last=3)))).ahead == 2


async def test_who_waited_for_days_that_are_over_is_let_go(db: Database, bench: Resource) -> None:
    await hold(db, new_id(), (bench, day(1), 480))
    entry = await join(db, a_wish(bench, 100))
    async with db.work() as session:
        connection = await session.connection()
        await connection.exec_driver_sql(
            "UPDATE waitlist_entry SET first_day = first_day - 9, last_day = last_day - 9 WHERE id = $1", (entry.id,)
        )
    await serve(db)
    assert await states(db, [entry]) == ["lapsed"]
    assert await told(db, entry.id, "capacity.waitlist") == ["waitlist_joined", "waitlist_lapsed"]
    with pytest.raises(Conflict) as refused:
        await leave(db, entry)
    assert refused.value.code == "NOT_IN_LINE"


# --- refusals --------------------------------------------------------------------------------------------------------


async def test_a_place_in_line_is_its_partys_alone(db: Database, bench: Resource) -> None:
    entry = await join(db, a_wish(bench))
    with pytest.raises(NotFound):
        await line.place(db, entry, new_id())
    async with world.ledger(db) as session:
        with pytest.raises(NotFound):
            await waitlist.leave_waitlist(session, world.principal(), entry.id)
    async with db.read(new_id()) as session:
        assert (await (await session.connection()).exec_driver_sql("SELECT id FROM waitlist_entry")).all() == []


async def test_an_unknown_resource_cannot_be_waited_for(db: Database) -> None:
    with pytest.raises(NotFound) as refused:
        await join(db, a_wish(a_resource()))
    assert refused.value.code == "UNKNOWN_RESOURCE"


async def test_a_process_that_nobody_sells_so_is_not_waited_for(db: Database) -> None:
    """Nor does a refusal tell that somebody does it for others."""
    craft, invited = f"craft_{new_id().hex}", new_id()
    secret = a_resource(processes=[craft], visibility="private", invited=[invited])
    await publish(db, secret, a_resource(processes=[craft], unit="pieces"))
    for wish, party in ((a_wish(process=craft), None), (a_wish(process=craft, currency="CHF"), invited)):
        with pytest.raises(Conflict, match=f"^No workshop offers {craft} in this currency; ask for another") as refused:
            await join(db, wish, party)
        assert refused.value.code == "NOT_OFFERED"
    for party in (invited, secret.party_id):
        assert (await join(db, a_wish(process=craft), party)).state == "waiting"
    await publish(db, a_resource(processes=[craft], visibility="invited"))
    assert (await join(db, a_wish(process=craft))).state == "waiting"


async def test_what_a_party_may_not_buy_it_cannot_wait_for(db: Database) -> None:
    secret, invited = a_resource(visibility="private"), a_resource(visibility="invited")
    await publish(db, secret, invited)
    with pytest.raises(NotFound) as unseen:
        await join(db, a_wish(secret))
    with pytest.raises(Conflict) as refused:
        await join(db, a_wish(invited))
    assert (unseen.value.code, refused.value.code) == ("UNKNOWN_RESOURCE", "NOT_INVITED")


async def test_the_cap_on_lines_is_exact_whoever_decides(
    db: Database, bench: Resource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waitlist, "MOST_WAITING", 5)
    party, codes = new_id(), list[str]()

    async def work(own: Database, number: int) -> None:
        for _ in range(3):
            try:
                codes.append((await join(own, a_wish(bench, 1), party)).state)
            except Conflict as refused:
                codes.append(refused.code)

    await crowd(db, work)
    assert (codes.count("waiting"), codes.count("TOO_MANY_WAITING")) == (5, 7)


async def test_an_offer_that_is_over_cannot_be_left(db: Database, bench: Resource) -> None:
    entry = await join(db, a_wish(bench))
    await serve(db)
    await line.end(db, entry.id)
    with pytest.raises(Conflict) as refused:
        await leave(db, entry)
    assert refused.value.code == "HOLD_EXPIRED"
    await world.sweep(db)
    await serve(db)
    assert await states(db, [entry]) == ["missed"]


# --- races -----------------------------------------------------------------------------------------------------------


async def test_several_sweepers_and_brands_that_take_room_directly_never_sell_it_twice_nor_out_of_turn(
    db: Database, bench: Resource, full: tuple[UUID, str]
) -> None:
    """Two processes serve the line while two place holds of their own on the room that has just become free."""
    entries = [await join(db, a_wish(bench, 60)) for _ in range(12)]
    await world.release(db, *full)
    taken: list[str] = []

    async def work(own: Database, number: int) -> None:
        for _ in range(4):
            if number % 2:
                await serve(own)
            else:
                with suppress(Conflict):
                    taken.append((await hold(own, new_id(), (bench, day(1), 60)))["id"])

    await crowd(db, work)
    await serve(db)
    now = await states(db, entries)
    offered = now.count("offered")
    assert offered + len(taken) == 480 // 60
    assert now == ["offered"] * offered + ["waiting"] * (12 - offered)
    assert await bucket(db, bench, day(1)) == (480, 480, 0)
    assert await world.faults(db, bench) == []
    assert await line.faults(db, entries) == []


async def test_joining_leaving_serving_and_expiring_at_once_leave_nobody_waiting_for_room_that_is_there(
    db: Database,
) -> None:
    craft = f"craft_{new_id().hex}"
    benches = [a_resource(processes=[craft]) for _ in range(2)]
    await publish(db, *benches)
    entries = []

    async def work(own: Database, number: int) -> None:
        for turn in range(5):
            wish = a_wish(process=craft, quantity=150) if turn % 2 else a_wish(benches[turn % 2], 200, 1, 2)
            entries.append(entry := await join(own, wish))
            await serve(own)
            with suppress(Conflict):
                await (leave(own, entry) if (turn + number) % 3 else line.end(own, entry.id))
            await world.sweep(own)

    await crowd(db, work)
    await world.sweep(db)
    await serve(db)
    await serve(db)
    assert await line.faults(db, entries) == []
    assert await world.faults(db, *benches) == []
    waiting = [one for one in await line.seen(db, [entry.id for entry in entries]) if one.state == "waiting"]
    days = ((one, day(n)) for one in benches for n in (1, 2))
    seen = {(one.id, on): await bucket(db, one, on) or (480, 0, 0) for one, on in days}
    free = {key: published - held - committed for key, (published, held, committed) in seen.items()}
    assert line.unfair(sorted(waiting, key=lambda one: one.joined_at), benches, free, {}) == []


async def test_a_room_that_is_lost_to_a_brand_between_look_and_lock_is_looked_at_again(
    db: Database, bench: Resource, full: tuple[UUID, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await join(db, a_wish(bench, 400)), await join(db, a_wish(bench, 100))
    await world.release(db, *full)
    looked, go_on = asyncio.Event(), asyncio.Event()
    place = waitlist._place

    async def slowly(session, decided):
        looked.set()
        await go_on.wait()
        return await place(session, decided)

    monkeypatch.setattr(waitlist, "_place", slowly)
    serving = asyncio.create_task(serve(db))
    await looked.wait()
    await hold(db, new_id(), (bench, day(1), 200))
    go_on.set()
    await serving
    assert await states(db, [first, second]) == ["waiting", "waiting"]
    await serve(db)
    assert await states(db, [first, second]) == ["waiting", "offered"]
    assert await line.faults(db, [first, second]) == []
