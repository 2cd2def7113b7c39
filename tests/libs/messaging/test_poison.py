"""What cannot be handled is parked with all that is behind it; the rest flows; replay puts it right in order."""

import asyncio
from collections import defaultdict
from uuid import UUID

import pytest
from sqlalchemy import text

from libs.kit.clock import SystemClock
from libs.kit.db import Database, WriteSession
from libs.kit.settings import Settings
from libs.kit.testing import eventually
from libs.messaging import consumer as consuming
from libs.messaging.consumer import Consumer, each
from libs.messaging.parking import parked, replay
from libs.messaging.relay import Relay
from tests.libs.messaging import probe
from tests.libs.messaging.conftest import Spawn

PROBE = "probe"


class Handler:
    """Notes what it handled, and fails on what it is told to fail on."""

    def __init__(self) -> None:
        self.handled: dict[UUID, list[int]] = defaultdict(list)
        self.poison: set[tuple[UUID, int]] = set()
        self.attempts = 0
        self.reached, self.go = asyncio.Event(), asyncio.Event()
        self.go.set()
        self.subscriptions = [each(probe.ThingChanged, self)]

    async def __call__(self, session: WriteSession, event: probe.ThingChanged) -> None:
        if (event.id, event.version) in self.poison:
            self.attempts += 1
            raise ValueError("a bucket of -3\nwith details")
        self.reached.set()
        await self.go.wait()
        await probe.note_effects(session, [event])
        self.handled[event.id].append(event.version)


@pytest.fixture
async def handler(kit_database: Database, settings: Settings, spawn: Spawn) -> Handler:
    made = Handler()
    spawn(Relay(kit_database, settings, SystemClock()).run())
    spawn(Consumer(kit_database, settings, made.subscriptions, SystemClock()).run())
    return made


async def _parked(database: Database) -> list[tuple[UUID, int, str]]:
    async with database.work() as session:
        return [(one.aggregate_id, one.version, one.reason) for one in await parked(session, PROBE)]


async def test_poison_is_parked_with_the_rest_of_its_key_while_others_flow_then_replayed_in_order(
    kit_database: Database, handler: Handler
) -> None:
    bad, *good = ids = await probe.make(kit_database, 15)
    handler.poison.add((bad, 2))
    await probe.change(kit_database, ids, times=4)
    await eventually(lambda: all(handler.handled[one][-4:] == [1, 2, 3, 4] for one in good))
    behind = "behind a parked event"
    await eventually(lambda: _has(kit_database, 3))
    reason = "ValueError: a bucket of -3"
    assert await _parked(kit_database) == [(bad, 2, reason), (bad, 3, behind), (bad, 4, behind)]
    assert handler.attempts == consuming.ATTEMPTS + 1, "once in the batch, then alone"

    await probe.change(kit_database, ids)
    await eventually(lambda: _has(kit_database, 4))
    assert (await _parked(kit_database))[-1] == (bad, 5, behind)

    assert await replay(kit_database, handler.subscriptions, PROBE) == (0, 4), "it stops at the first failure"
    handler.poison.clear()
    handler.handled[bad].clear()
    assert await replay(kit_database, handler.subscriptions, PROBE, only=good[0]) == (0, 4)
    assert await replay(kit_database, handler.subscriptions, PROBE) == (4, 0)
    assert handler.handled[bad] == [2, 3, 4, 5]
    await probe.change(kit_database, [bad])
    await eventually(lambda: handler.handled[bad] == [2, 3, 4, 5, 6])
    await probe.everything_had_its_effect_once(kit_database)


async def _has(database: Database, count: int) -> bool:
    return len(await _parked(database)) == count


async def test_what_arrives_during_a_replay_waits_for_it(kit_database: Database, handler: Handler) -> None:
    (bad,) = await probe.make(kit_database, 1)
    handler.poison.add((bad, 1))
    await probe.change(kit_database, [bad])
    await eventually(lambda: _has(kit_database, 1))
    handler.poison.clear()
    handler.go.clear()
    replaying = asyncio.create_task(replay(kit_database, handler.subscriptions, PROBE))
    await handler.reached.wait()
    await probe.change(kit_database, [bad])
    await asyncio.sleep(1.5)
    assert handler.handled[bad] == []
    assert await _has(kit_database, 1), "parked behind, it could stay there when the replay has ended"
    handler.go.set()
    assert await replaying == (1, 0)
    await eventually(lambda: handler.handled[bad] == [1, 2])


async def test_what_cannot_be_read_is_parked_and_what_nobody_knows_is_passed_over(
    kit_database: Database, settings: Settings, spawn: Spawn
) -> None:
    broken, unknown, good = await probe.make(kit_database, 3)
    await probe.change(kit_database, [broken, unknown, good])
    async with kit_database.work() as session:
        await session.execute(text("UPDATE outbox SET payload = '[]' WHERE aggregateid = :id"), {"id": broken})
        await session.execute(text("UPDATE outbox SET type = 'newer.v9' WHERE aggregateid = :id"), {"id": unknown})
    handler = Handler()
    spawn(Relay(kit_database, settings, SystemClock()).run())
    spawn(Consumer(kit_database, settings, handler.subscriptions, SystemClock()).run())
    await eventually(lambda: handler.handled == {good: [1]})
    await eventually(lambda: _has(kit_database, 1))
    assert await _parked(kit_database) == [(broken, 1, "ValidationError: Expected `object`, got `array`")]
    async with kit_database.work() as session:
        claimed = {row.aggregate_id for row in await session.execute(text("SELECT aggregate_id FROM consumed"))}
    assert claimed == {broken, good}


async def test_a_databases_complaint_is_parked_without_statement_or_values(
    kit_database: Database, settings: Settings, spawn: Spawn
) -> None:
    async def broken(session: WriteSession, event: probe.ThingChanged) -> None:
        await session.execute(text("INSERT INTO effect VALUES (:id, NULL)"), {"id": event.id})

    spawn(Relay(kit_database, settings, SystemClock()).run())
    spawn(Consumer(kit_database, settings, [each(probe.ThingChanged, broken)], SystemClock()).run())
    (bad,) = await probe.make(kit_database, 1)
    await probe.change(kit_database, [bad])
    await eventually(lambda: _has(kit_database, 1))
    ((_, _, reason),) = await _parked(kit_database)
    assert reason == (
        'IntegrityError: null value in column "version" of relation "effect" violates not-null constraint'
    )
