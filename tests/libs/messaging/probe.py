"""A tiny service named probe: one event, a writer of it, an effect that shows doubles, and its processes.

Run as a program it is a process of that service: `python probe.py relay|consumer <lease> <dawdle>`, both in seconds.
It dawdles where a kill or a stop hurts most: between what was done and its being noted.
"""

import asyncio
import os
import random
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import text

from libs.contracts import Event
from libs.kit.clock import SystemClock
from libs.kit.db import Database, WriteSession
from libs.kit.ids import new_id
from libs.kit.settings import Settings
from libs.kit.testing import eventually
from libs.messaging import consumer, outbox, queue
from libs.messaging.broker import Broker, within
from libs.messaging.consumer import Consumer, batch
from libs.messaging.relay import Relay

ROOT = Path(__file__).parents[3]


class ThingChanged(Event, frozen=True, kw_only=True):
    """An aggregate of the probe changed. Not registered: it is no contract."""

    type: ClassVar[str] = "filiera.probe.thing_changed.v1"
    topic: ClassVar[str] = "probe.thing"

    note: str = ""


_LOCK = text("SELECT id, version FROM thing WHERE id = ANY(:ids) ORDER BY id FOR UPDATE")
_BUMP = text("UPDATE thing SET version = version + :times WHERE id = ANY(:ids)")
_NEW = text("INSERT INTO thing SELECT id, id, 0 FROM unnest(CAST(:ids AS uuid[])) AS id")
_EFFECT = text("INSERT INTO effect SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:versions AS int[]))")
_EFFECTS = text("SELECT aggregate_id, version FROM effect")


def _writing(database: Database) -> AbstractAsyncContextManager[WriteSession]:
    """As requests have it: with as many at once as the pool has, where background work has a few connections."""
    return database.write(role="probe_worker")


async def make(database: Database, count: int) -> list[UUID]:
    """So many aggregates of version 0."""
    ids = [new_id() for _ in range(count)]
    async with _writing(database) as session:
        await session.execute(_NEW, {"ids": ids})
    return ids


async def change(database: Database, ids: Iterable[UUID], times: int = 1, *, delay: float = 0, note: str = "") -> None:
    """One transaction that changes aggregates, each so many times, and dawdles before it commits."""
    async with _writing(database) as session:
        rows = (await session.execute(_LOCK, {"ids": list(ids)})).all()
        await session.execute(_BUMP, {"ids": list(ids), "times": times})
        events = [ThingChanged(id=one, version=now + step + 1, note=note) for one, now in rows for step in range(times)]
        await outbox.add(session, *events)
        await asyncio.sleep(delay)


async def write(database: Database, ids: Sequence[UUID], events: int, writers: int, *, delay: float) -> None:
    """Concurrent writers, 20 events a transaction, with random commit delays."""
    left = iter(range(events // 20))

    async def writer() -> None:
        for _ in left:
            await change(database, random.sample(ids, 5), times=4, delay=random.uniform(0, delay))

    await asyncio.gather(*(writer() for _ in range(writers)))


async def note_effects(session: WriteSession, events: Sequence[ThingChanged]) -> None:
    """A plain insert without a unique key, so that a double would show."""
    columns = {"ids": [event.id for event in events], "versions": [event.version for event in events]}
    await session.execute(_EFFECT, columns)


SUBSCRIPTIONS = [batch((ThingChanged,), note_effects)]


async def keep_writing(database: Database, ids: Sequence[UUID], *, delay: float = 0.01) -> None:
    """Small transactions without end."""
    while True:
        await change(database, random.sample(ids, 3), times=2, delay=random.uniform(0, delay))


async def effects(database: Database) -> list[tuple[UUID, int]]:
    """Effects in no order."""
    async with database.work() as session:
        return [(row.aggregate_id, row.version) for row in await session.execute(_EFFECTS)]


async def told(database: Database) -> set[tuple[UUID, int]]:
    """All that the outbox has been told."""
    async with database.work() as session:
        rows = await session.execute(text("SELECT aggregateid, version FROM outbox"))
        return {(row.aggregateid, row.version) for row in rows}


async def unsent(database: Database) -> int:
    async with database.work() as session:
        return (await session.execute(text("SELECT count(*) FROM outbox WHERE sent_at IS NULL"))).scalar_one()


async def log_of(settings: Settings, count: int, seconds: float = 30) -> dict[UUID, list[int]]:
    """Versions by aggregate in the order of the log, once it has so many different ones; as a consumer would read it,
    which passes over what was written for another log."""
    versions: dict[UUID, list[int]] = defaultdict(list)
    seen: set[tuple[UUID, int]] = set()
    broker = Broker(settings)
    cluster = await broker.cluster_id()
    try:
        async with asyncio.timeout(seconds), broker.consumer([ThingChanged.topic], group=None) as client:
            while len(seen) < count:
                for records in (await within(5, client.getmany(timeout_ms=500))).values():
                    for message in filter(None, map(broker.read, records)):
                        if message.headers["ce_log"] != cluster:
                            continue
                        versions[message.aggregate_id].append(message.version)
                        seen.add((message.aggregate_id, message.version))
    except TimeoutError:
        raise TimeoutError(f"{len(seen)} of {count} events are in the log after {seconds} s") from None
    finally:
        await broker.close()
    return versions


def out_of_order(versions: Sequence[int]) -> int:
    """How many versions a consumer that takes only newer ones would miss."""
    newest, missed = 0, 0
    for version in versions:
        if version > newest:
            missed += version - newest - 1
            newest = version
    return missed


def doubles(effected: Iterable[tuple[UUID, int]]) -> list[tuple[UUID, int]]:
    return [one for one, times in Counter(effected).items() if times > 1]


async def everything_had_its_effect_once(database: Database, seconds: float = 15) -> None:
    """Wait until every event told had its effect; it must have had it once."""
    written = await told(database)

    async def arrived() -> bool:
        return set(await effects(database)) == written

    await eventually(arrived, seconds)
    assert doubles(await effects(database)) == []


async def all_sent(database: Database) -> bool:
    return await unsent(database) == 0


async def published(database: Database) -> bool:
    async with database.work() as session:
        return (
            await session.execute(text("SELECT EXISTS (SELECT FROM outbox WHERE sent_at IS NOT NULL)"))
        ).scalar_one()


async def oldest(database: Database) -> float:
    async with database.work() as session:
        return (await queue.waiting(session))[1]


async def stop(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def fence(database: Database) -> int:
    """How often the leading relay has changed."""
    async with database.work() as session:
        return (await session.execute(text("SELECT coalesce(max(fence), 0) FROM relay"))).scalar_one()


def start(kind: str, settings: Settings, lease: float = 1.0, dawdle: float = 0) -> "subprocess.Popen[bytes]":
    """A process of the probe. One that dawdles writes a line each time that it does."""
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "FILIERA_SERVICE": "probe",
        "FILIERA_DATABASE": settings.database or "",
        "FILIERA_KAFKA": settings.kafka,
        "FILIERA_KAFKA_SESSION_TIMEOUT_MS": str(settings.kafka_session_timeout_ms),
        "FILIERA_KAFKA_REPLICATION": str(settings.kafka_replication),
        "FILIERA_KAFKA_MIN_INSYNC": str(settings.kafka_min_insync),
        "FILIERA_TOPIC_PREFIX": settings.topic_prefix,
    }
    command = ["setpriv", "--pdeathsig=KILL", sys.executable, __file__, kind, str(lease), str(dawdle)]
    return subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE if dawdle else None)


def end(process: "subprocess.Popen[bytes]") -> None:
    """kill -9."""
    process.kill()
    process.communicate()


def dawdling(kind: str, step: Callable[..., Awaitable[Any]], seconds: float) -> Callable[..., Awaitable[Any]]:
    async def slowly(*given: object) -> Any:
        print(kind, flush=True)
        await asyncio.sleep(random.uniform(seconds / 2, seconds))
        return await step(*given)

    return slowly


async def main(kind: str, lease: str, dawdle: str) -> None:
    settings = Settings()
    if float(dawdle):
        queue.mark = dawdling(kind, queue.mark, float(dawdle))
        Relay._deliver = dawdling(kind, Relay._deliver, float(dawdle))
        consumer.deliver = dawdling(kind, consumer.deliver, float(dawdle))
        consumer._commit = dawdling(kind, consumer._commit, float(dawdle))
    database = Database(settings.url)
    member: Any
    if kind == "relay":
        member = Relay(database, settings, SystemClock(), lease_seconds=float(lease))
    else:
        member = Consumer(database, settings, SUBSCRIPTIONS, SystemClock())
    await member.run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
