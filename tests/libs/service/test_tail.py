"""Whoever reads the outbox itself misses nothing, however late it was committed, and sees nothing twice."""

import asyncio
from uuid import UUID

import msgspec

from libs.kit.db import Database
from libs.kit.testing import eventually
from libs.service import tail
from libs.service.tail import Tail, Told
from tests.libs.messaging import probe
from tests.libs.messaging.probe import ThingChanged

TOPICS = (ThingChanged.topic,)
EVENTS = 6_000


async def look(db: Database, at: Tail, most: int = 500) -> tuple[list[Told], Tail]:
    async with db.work() as session:
        return await tail.read(session, at, TOPICS, most)


def names(told: list[Told]) -> list[tuple[UUID, int]]:
    return [(one.aggregate_id, msgspec.json.decode(one.payload, type=ThingChanged).version) for one in told]


async def overtaken(db: Database, by: float) -> tuple[UUID, UUID, "asyncio.Task[None]"]:
    """A thing changed so many seconds ago that its number is lower, and another changed since; the former's commit."""
    slow, quick = await probe.make(db, 2)
    late = asyncio.create_task(probe.change(db, [slow], delay=by))
    await asyncio.sleep(0.2)
    await probe.change(db, [quick])
    return slow, quick, late


async def test_12_writers_are_all_heard_once_and_each_aggregate_in_order(kit_database: Database) -> None:
    writers = Database(kit_database.url, pool_size=12)
    ids = await probe.make(writers, 60)
    writing = asyncio.create_task(probe.write(writers, ids, EVENTS, writers=12, delay=0.02))
    heard, at, gaps = list[tuple[UUID, int]](), Tail(), 0
    async with asyncio.timeout(60):
        while len(heard) < EVENTS:
            told, at = await look(kit_database, at, most=90)
            heard += names(told)
            gaps += len(at.gaps)
    await writing
    await writers.close()
    assert gaps, "the writers never committed out of order: this test shows nothing"
    assert len(set(heard)) == len(heard) == EVENTS
    for one in ids:
        assert [version for key, version in heard if key == one] == list(
            range(1, 1 + sum(key == one for key, _ in heard))
        )


async def test_what_commits_late_is_heard_late(kit_database: Database) -> None:
    slow, quick, late = await overtaken(kit_database, by=0.5)
    told, at = await look(kit_database, Tail())
    assert names(told) == [(quick, 1)]
    assert at.gaps
    assert at.after == 0, "whoever begins anew from here must hear of it too"
    await late
    assert names((await look(kit_database, at))[0]) == names((await look(kit_database, at))[0]) == [(slow, 1)]
    assert names((await look(kit_database, Tail(at.after)))[0]) == [(slow, 1), (quick, 1)]


async def test_a_number_that_was_rolled_back_is_given_up(kit_database: Database) -> None:
    _, _, lost = await overtaken(kit_database, by=60)
    _, at = await look(kit_database, Tail())
    assert at.gaps
    lost.cancel()
    await asyncio.wait([lost])

    async def given_up() -> bool:  # once whatever else runs on this server, in any database, has ended
        nonlocal at
        _, at = await look(kit_database, at)
        return not at.gaps

    await eventually(given_up)
    assert at.after == at.last


async def test_it_knows_as_of_when_it_has_heard_everything_and_when_it_has_not(kit_database: Database) -> None:
    await probe.change(kit_database, await probe.make(kit_database, 1), times=7)
    told, at = await look(kit_database, Tail(), most=5)
    assert (len(told), at.at) == (5, None)
    told, at = await look(kit_database, at, most=5)
    assert len(told) == 2
    assert at.at is not None
