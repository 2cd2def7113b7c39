"""The ledger on a real database: who gets room, who does not, and what is told of it."""

import ast
import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import text

from libs.kit.db import Database
from libs.kit.errors import Conflict, NotFound, Problem
from libs.kit.ids import new_id
from libs.service.group_commit import GroupCommit
from services.capacity.domain.offer import Resource, bucket_id
from services.capacity.handlers import holds
from services.capacity.handlers.holds import Ask, placing
from tests.services.capacity import world
from tests.services.capacity.world import a_resource, ask, bucket, day, faults, hold, publish, told

CROWD = 4
"""Event loops, each in a thread of its own with its own connections: they share the database and nothing else."""


async def crowd(db: Database, work: Callable[[Database, int], Awaitable[object]]) -> None:
    """Do the work in several event loops at once."""

    async def one(number: int) -> None:
        own = Database(db.url)
        try:
            await work(own, number)
        finally:
            await own.close()

    await asyncio.gather(*(asyncio.to_thread(asyncio.run, one(number)) for number in range(CROWD)))


# --- holding ---------------------------------------------------------------------------------------------------------


async def test_a_hold_takes_room_in_several_resources_and_days(db: Database, bench: Resource) -> None:
    other = a_resource()
    await publish(db, other)
    placed = await hold(db, new_id(), (bench, day(1), 100), (bench, day(2), 200), (other, day(1), 480))
    assert (placed["state"], placed["version"], len(placed["allocations"])) == ("held", 1, 3)
    taken = [await bucket(db, r, on) for r, on in ((bench, day(1)), (bench, day(2)), (other, day(1)))]
    assert taken == [(480, 100, 0), (480, 200, 0), (480, 480, 0)]
    assert await faults(db, bench, other) == []


async def test_a_hold_is_told_before_its_buckets_and_each_bucket_once(db: Database, bench: Resource) -> None:
    parties = [new_id(), new_id()]
    outcomes = await placing(db).together([ask(party, (bench, day(1), 10)) for party in parties])
    bucket_id = bench.allocate(day(1), 1).bucket_id
    ids = [world.body(outcome)["id"] for outcome in outcomes]
    async with db.work() as session:
        query = text("SELECT aggregateid FROM outbox WHERE aggregateid = ANY (CAST(:ids AS uuid[])) ORDER BY seq")
        order = [str(row) for row in await session.scalars(query, {"ids": [*ids, bucket_id]})]
    assert order == [*ids, str(bucket_id)]
    assert (await world.last_told(db, bucket_id, "capacity.bucket"))["held"] == 20


async def test_a_hold_never_takes_more_than_is_free(db: Database, bench: Resource) -> None:
    await hold(db, new_id(), (bench, day(1), 400))
    with pytest.raises(Conflict, match=f"Bench has 80 minutes free on {day(1)}; 81 were asked for") as refused:
        await hold(db, new_id(), (bench, day(1), 81))
    assert refused.value.code == "NO_CAPACITY"
    await hold(db, new_id(), (bench, day(1), 80))
    assert await bucket(db, bench, day(1)) == (480, 480, 0)


async def test_a_version_that_a_restore_made_another_state_of_is_not_taken_for_the_one_seen_before(
    db: Database, bench: Resource
) -> None:
    await hold(db, new_id(), (bench, day(1), 1))  # by now this process has seen the bench
    async with db.work() as session:  # as after a restore: the same version, told otherwise since
        dearer = "UPDATE resource SET terms = jsonb_set(terms, '{minimum_quantity}', '30') WHERE id = :id"
        await session.execute(text(dearer), {"id": bench.id})
    with pytest.raises(Conflict, match="Bench sells no less than 30 minutes"):
        await hold(db, new_id(), (bench, day(1), 1))


async def test_a_hold_that_lacks_room_in_one_bucket_takes_none(db: Database, bench: Resource) -> None:
    with pytest.raises(Conflict):
        await hold(db, new_id(), (bench, day(1), 100), (bench, day(2), 481))
    assert [await bucket(db, bench, day(n)) for n in (1, 2)] == [(480, 0, 0), (480, 0, 0)]
    assert await told(db, bench.allocate(day(1), 1).bucket_id, "capacity.bucket") == []


async def test_one_ask_does_not_spoil_the_others_of_its_batch(db: Database, bench: Resource) -> None:
    stranger = a_resource()
    asks = [
        ask(new_id(), (bench, day(1), 200)),
        ask(new_id(), (bench, day(1), 300)),
        ask(new_id(), (stranger, day(1), 1)),
        ask(new_id(), (bench, day(1), 1), (bench, day(500), 1)),
        ask(new_id(), (bench, day(1), 280)),
    ]
    outcomes = await placing(db).together(asks)
    codes = [getattr(outcome, "code", "held") for outcome in outcomes]
    assert codes == ["held", "NO_CAPACITY", "UNKNOWN_RESOURCE", "NOT_OFFERED", "held"]
    assert await bucket(db, bench, day(1)) == (480, 480, 0)
    assert await faults(db, bench) == []


async def test_a_hold_is_judged_by_the_terms_of_its_instant_though_others_were_seen_before(
    db: Database, bench: Resource
) -> None:
    for least in (10, 20, 5):
        await world.change_terms(db, bench, minimum_quantity=least)
        with pytest.raises(Conflict, match=f"no less than {least} minutes"):
            await world.hold(db, new_id(), (bench, day(1), least - 1))
        await world.hold(db, new_id(), (bench, day(1), least))


async def test_thirty_two_workers_never_oversell_a_bucket(db: Database, bench: Resource) -> None:
    granted: list[str] = []

    async def work(own: Database, number: int) -> None:
        commit, dice = placing(own), Random(number)

        async def worker() -> None:
            for _ in range(6):
                request = ask(new_id(), (bench, day(1), dice.choice([5, 7, 11])))
                with suppress(Conflict):
                    granted.append(world.body(await commit.run(request))["id"])

        await asyncio.gather(*(worker() for _ in range(8)))

    await crowd(db, work)
    published, held, committed = await bucket(db, bench, day(1)) or (0, 0, 0)
    assert (published, committed) == (480, 0)
    assert 480 - 11 < held <= 480
    assert 480 // 11 <= len(granted) == len(set(granted))
    assert await faults(db, bench) == []


async def test_many_buckets_in_any_order_never_deadlock_and_the_sums_stay_equal(db: Database) -> None:
    benches = [a_resource() for _ in range(3)]
    await publish(db, *benches)

    async def work(own: Database, number: int) -> None:
        commit = placing(own)
        await asyncio.gather(*(worker(own, commit, Random(f"{number} {n}")) for n in range(4)))

    async def worker(own: Database, commit: GroupCommit[Ask], dice: Random) -> None:
        party = new_id()
        for _ in range(8):
            days = dice.sample([(one, day(n), dice.randint(1, 90)) for one in benches for n in (1, 2, 3)], 4)
            try:
                placed = world.body(await commit.run(ask(party, *days, seconds=dice.choice([0, 900]))))
                await dice.choice([world.confirm, world.release])(own, party, placed["id"])
                if dice.random() < 0.5:
                    await world.cancel(own, party, placed["id"])
            except Problem as error:
                assert error.code in {"NO_CAPACITY", "HOLD_EXPIRED", "NOT_FOUND"}  # noqa: PT017 - it may also succeed
            if dice.random() < 0.3:
                await world.sweep(own)

    await crowd(db, work)
    await world.sweep(db)
    assert await faults(db, *benches) == []


async def test_two_first_touches_of_a_day_agree_on_its_bucket(db: Database, bench: Resource) -> None:
    await crowd(db, lambda own, number: hold(own, new_id(), *((bench, day(n), 10 + number) for n in range(1, 9))))
    assert {await bucket(db, bench, day(n)) for n in range(1, 9)} == {(480, sum(range(10, 10 + CROWD)), 0)}
    assert await faults(db, bench) == []


# --- expiry ----------------------------------------------------------------------------------------------------------


async def test_who_needs_room_takes_it_back_from_a_hold_that_is_over(db: Database, bench: Resource) -> None:
    over = await hold(db, new_id(), (bench, day(1), 480), (bench, day(2), 100), seconds=0)
    assert await bucket(db, bench, day(1)) == (480, 480, 0)
    await hold(db, new_id(), (bench, day(1), 300))
    assert [await bucket(db, bench, day(n)) for n in (1, 2)] == [(480, 300, 0), (480, 0, 0)]
    assert await told(db, over["id"]) == ["hold_placed", "hold_expired"]
    assert await faults(db, bench) == []


async def test_a_hold_that_ends_while_others_wait_for_its_bucket_is_in_nobodys_way(
    db: Database, bench: Resource
) -> None:
    for number, seconds in ((1, 1), (2, 900)):
        await hold(db, new_id(), (bench, day(number), 10), seconds=seconds)
    async with db.work() as session:
        await session.execute(text("UPDATE bucket SET held = held WHERE id = :id"), {"id": bucket_id(bench.id, day(1))})
        waiting = asyncio.create_task(hold(db, new_id(), (bench, day(1), 5), (bench, day(2), 5)))
        await asyncio.sleep(1.2)
    assert (await waiting)["state"] == "held"
    await world.sweep(db)
    assert [await bucket(db, bench, day(n)) for n in (1, 2)] == [(480, 5, 0), (480, 15, 0)]


async def test_the_sweeper_frees_and_tells_what_nobody_needed(db: Database, bench: Resource) -> None:
    over = await hold(db, new_id(), (bench, day(1), 480), seconds=0)
    live = await hold(db, new_id(), (bench, day(2), 480))
    await world.sweep(db)
    assert [await bucket(db, bench, day(n)) for n in (1, 2)] == [(480, 0, 0), (480, 480, 0)]
    assert (await told(db, over["id"]))[-1:] == ["hold_expired"]
    assert await told(db, live["id"]) == ["hold_placed"]


async def test_several_sweepers_expire_a_hold_once(db: Database, bench: Resource) -> None:
    over = [await hold(db, new_id(), (bench, day(n), 10), seconds=0) for n in (1, 2)]
    await crowd(db, lambda own, _: world.sweep(own))
    assert [await told(db, one["id"]) for one in over] == [["hold_placed", "hold_expired"]] * 2
    assert await faults(db, bench) == []


async def test_a_hold_that_is_over_cannot_be_confirmed_nor_released(db: Database, bench: Resource) -> None:
    party = new_id()
    over = await hold(db, party, (bench, day(1), 10), seconds=0)
    for late in (world.confirm, world.release):
        with pytest.raises(Conflict) as refused:
            await late(db, party, over["id"])
        assert refused.value.code == "HOLD_EXPIRED"
    await world.sweep(db)
    with pytest.raises(Conflict, match="ended at") as refused:
        await world.confirm(db, party, over["id"])
    assert refused.value.code == "HOLD_EXPIRED"


async def test_confirming_and_sweeping_at_the_same_instant_have_one_winner(db: Database, bench: Resource) -> None:
    party = new_id()
    asks = [ask(party, (bench, day(n % 5 + 1), 5), seconds=0 if n % 2 else 900) for n in range(16)]
    placed = [world.body(outcome)["id"] for outcome in await placing(db).together(asks)]
    swept = asyncio.create_task(crowd(db, lambda own, _: world.sweep(own)))
    outcomes = await asyncio.gather(*(world.confirm(db, party, one) for one in placed), return_exceptions=True)
    await swept
    assert [isinstance(outcome, Conflict) for outcome in outcomes] == [bool(n % 2) for n in range(16)]
    assert await faults(db, bench) == []


def test_the_clock_of_the_process_is_never_asked() -> None:
    clocks = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time"}
    asked = [
        f"{path.name}:{node.lineno}"
        for path in Path(holds.__file__).parents[1].rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and (ast.unparse(node) in clocks or node.attr == "clock")
    ]
    assert asked == []


# --- bookings --------------------------------------------------------------------------------------------------------


async def test_a_confirmed_hold_is_a_booking_of_the_same_id_at_the_price_of_the_terms(
    db: Database, bench: Resource
) -> None:
    party = new_id()
    placed = await hold(db, party, (bench, day(1), 100), (bench, day(2), 50))
    booking = await world.confirm(db, party, placed["id"])
    assert (str(booking.id), booking.price.amount, booking.state) == (placed["id"], 1000 + 150 * 50, "confirmed")
    assert await bucket(db, bench, day(1)) == (480, 0, 100)
    assert await told(db, placed["id"]) == ["hold_placed", "hold_confirmed"]
    with pytest.raises(Conflict) as again:
        await world.confirm(db, party, placed["id"])
    assert again.value.code == "HOLD_NOT_HELD"
    assert await faults(db, bench) == []


async def test_released_and_cancelled_room_is_free_again(db: Database, bench: Resource) -> None:
    party = new_id()
    first, second = [await hold(db, party, (bench, day(1), 240)) for _ in range(2)]
    await world.release(db, party, first["id"])
    await world.confirm(db, party, second["id"])
    await world.cancel(db, party, second["id"])
    assert await bucket(db, bench, day(1)) == (480, 0, 0)
    assert await told(db, second["id"], "capacity.booking") == ["booking_confirmed", "booking_cancelled"]
    with pytest.raises(Conflict) as again:
        await world.cancel(db, party, second["id"])
    assert again.value.code == "ALREADY_CANCELLED"
    assert await faults(db, bench) == []


async def test_what_is_not_yours_is_not_found(db: Database, bench: Resource) -> None:
    party = new_id()
    placed = await hold(db, party, (bench, day(1), 10))
    for theirs in (world.confirm, world.release):
        with pytest.raises(NotFound):
            await theirs(db, new_id(), placed["id"])
    await world.confirm(db, party, placed["id"])
    with pytest.raises(NotFound):
        await world.cancel(db, new_id(), placed["id"])
    assert await bucket(db, bench, day(1)) == (480, 0, 10)


async def test_the_cap_on_open_holds_is_exact_whoever_decides(
    db: Database, bench: Resource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holds, "MOST_OPEN_HOLDS", 5)
    party, codes = new_id(), []

    async def work(own: Database, number: int) -> None:
        outcomes = await placing(own).together([ask(party, (bench, day(number + 1), 1)) for _ in range(4)])
        codes.extend(getattr(outcome, "code", "held") for outcome in outcomes)

    await crowd(db, work)
    assert (codes.count("held"), codes.count("TOO_MANY_HOLDS")) == (5, 4 * CROWD - 5)


async def test_holds_that_are_over_do_not_count_against_the_cap(
    db: Database, bench: Resource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holds, "MOST_OPEN_HOLDS", 1)
    party = new_id()
    await hold(db, party, (bench, day(1), 1), seconds=0)
    await hold(db, party, (bench, day(2), 1))
    with pytest.raises(Conflict) as refused:
        await hold(db, party, (bench, day(3), 1))
    assert refused.value.code == "TOO_MANY_HOLDS"
