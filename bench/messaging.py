"""How fast outbox, relay and consumer are, against the physical limit and against their naive forms.

Servers are those of `FILIERA_*`; the database `probe_bench` is made and kept, topics are new in every round.
"""

import asyncio
import statistics
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer
from rich.console import Console
from rich.table import Table
from sqlalchemy import Row, text

from bench._probe import ROUNDS, clear, prepare, running, settings
from libs.kit.clock import SystemClock
from libs.kit.db import Database, WriteSession
from libs.kit.ids import new_id
from libs.kit.settings import Settings
from libs.kit.testing import eventually
from libs.messaging import consumer as consuming
from libs.messaging import outbox, queue
from libs.messaging.broker import Broker, within
from libs.messaging.consumer import Consumer, Subscription, batch
from libs.messaging.relay import Relay
from libs.messaging.topics import create_topics
from tests.libs.messaging.probe import ThingChanged, all_sent, note_effects

DATABASE = "probe_bench"
EVENTS = 30_000
NAIVE_SECONDS = 3.0
METHOD = (
    f"{ROUNDS} rounds, the ways in turn within each; medians. {EVENTS:,} events of as many aggregates; "
    "the relay runs as in a service until all are marked; row by row takes one with FOR UPDATE SKIP LOCKED, sends it, "
    f"marks it, commits, for {NAIVE_SECONDS:.0f} s. The relay's limit sends the same batches from memory. The consumer "
    "reads that log into a table, one transaction a batch; one by one is the same consumer with batches of one, for as "
    "long. Its limit polls and decodes and does nothing else. One process, one broker, one PostgreSQL."
)
_TAKE = text("""
    SELECT seq, aggregateid, payload::text AS payload FROM outbox WHERE sent_at IS NULL
    ORDER BY seq LIMIT 1 FOR UPDATE SKIP LOCKED
""")
_TOOK = text("SELECT extract(epoch FROM max(sent_at) - max(waiting_since))::float FROM outbox")
_MARK = text("UPDATE outbox SET sent_at = clock_timestamp() WHERE seq = :seq")


async def main() -> None:
    """Measure and print."""
    await prepare(DATABASE)
    database = Database(settings(DATABASE).url)
    await _fill(database)
    rates: dict[str, list[float]] = defaultdict(list)
    for _ in range(ROUNDS):
        for name, way in WAYS.items():
            rates[name].append(await way(database, settings(DATABASE)))
    await database.close()
    _print({name: statistics.median(some) for name, some in rates.items()})


async def _fill(database: Database) -> None:
    await clear(database)
    async with database.work() as session:
        for _ in range(EVENTS // 1000):
            await outbox.add(session, *(ThingChanged(id=new_id(), version=1, note="x" * 300) for _ in range(1000)))
        await session.execute(text("UPDATE outbox SET sent_at = clock_timestamp()"))


async def _relay(database: Database, settings: Settings) -> float:
    relay = Relay(database, settings, SystemClock())
    async with running(relay.run()):
        await eventually(lambda: relay.leading)
        await asyncio.sleep(1)
        async with database.work() as session:
            await queue.republish(session)
        await eventually(lambda: all_sent(database), 120)
    async with database.work() as session:
        return EVENTS / (await session.execute(_TOOK)).scalar_one()


async def _row_by_row(database: Database, settings: Settings) -> float:
    broker = Broker(settings)
    await create_topics(broker, [ThingChanged.topic])
    async with database.work() as session:
        await queue.republish(session)
    sent, start = 0, time.perf_counter()
    async with broker.producer() as producer:
        while time.perf_counter() - start < NAIVE_SECONDS:
            async with database.work() as session:
                row = (await session.execute(_TAKE)).one()
                key, value = str(row.aggregateid).encode(), row.payload.encode()
                await producer.send_and_wait(broker.topic(ThingChanged.topic), value, key)
                await session.execute(_MARK, {"seq": row.seq})
            sent += 1
    await broker.close()
    async with database.work() as session:
        await session.execute(text("UPDATE outbox SET sent_at = clock_timestamp() WHERE sent_at IS NULL"))
    return sent / NAIVE_SECONDS


async def _sending_alone(database: Database, settings: Settings) -> float:
    broker = Broker(settings)
    await create_topics(broker, [ThingChanged.topic])
    async with database.work() as session:
        rows = (await session.execute(text("SELECT aggregateid, payload::text AS payload FROM outbox"))).all()
    batches = [rows[at : at + 500] for at in range(0, EVENTS, 500)]
    start = time.perf_counter()
    async with broker.producer() as producer:
        for some in batches:
            parts = [some[number::12] for number in range(12)]
            await asyncio.gather(*(_send(producer, broker, number, part) for number, part in enumerate(parts)))
    await broker.close()
    return EVENTS / (time.perf_counter() - start)


async def _send(producer: AIOKafkaProducer, broker: Broker, number: int, rows: Sequence[Row[Any]]) -> None:
    made = producer.create_batch()
    for row in rows:
        made.append(timestamp=None, key=str(row.aggregateid).encode(), value=row.payload.encode())
    await (await producer.send_batch(made, broker.topic(ThingChanged.topic), partition=number))


async def _consumer(database: Database, settings: Settings, seconds: float = 120, size: int = 500) -> float:
    await _relay(database, settings)
    async with database.work() as session:
        await session.execute(text("DELETE FROM consumed"))
    handled: list[tuple[float, int]] = []
    consuming.BATCH = size
    async with running(Consumer(database, settings, [_counting(handled)], SystemClock()).run()):
        await eventually(lambda: handled)
        with suppress(AssertionError):
            await eventually(lambda: sum(count for _, count in handled) == EVENTS, seconds)
    consuming.BATCH = 500
    return sum(count for _, count in handled[1:]) / (handled[-1][0] - handled[0][0])


def _counting(handled: list[tuple[float, int]]) -> Subscription:
    async def handle(session: WriteSession, events: Sequence[ThingChanged]) -> None:
        await note_effects(session, events)
        handled.append((time.perf_counter(), len(events)))

    return batch((ThingChanged,), handle)


async def _one_by_one(database: Database, settings: Settings) -> float:
    return await _consumer(database, settings, NAIVE_SECONDS, 1)


async def _reading_alone(database: Database, settings: Settings) -> float:
    await _relay(database, settings)
    broker, count = Broker(settings), 0
    decoder = msgspec.json.Decoder(ThingChanged)
    async with broker.consumer([ThingChanged.topic], None) as client:
        start = time.perf_counter()
        while count < EVENTS:
            for records in (await within(5, client.getmany(timeout_ms=500, max_records=500))).values():
                count += len([decoder.decode(message.payload) for message in map(broker.read, records) if message])
    return EVENTS / (time.perf_counter() - start)


WAYS: dict[str, Callable[[Database, Settings], Awaitable[float]]] = {
    "sending alone": _sending_alone,
    "relay": _relay,
    "row by row": _row_by_row,
    "reading alone": _reading_alone,
    "consumer": _consumer,
    "one by one": _one_by_one,
}


def _print(rate: dict[str, float]) -> None:
    table = Table("", "limit /s", "ours /s", "naive /s", "ours / limit", "ours / naive")
    for ours, limit, naive in (("relay", "sending alone", "row by row"), ("consumer", "reading alone", "one by one")):
        numbers = [f"{rate[name]:,.0f}" for name in (limit, ours, naive)]
        table.add_row(ours, *numbers, f"{rate[ours] / rate[limit]:.2f}", f"{rate[ours] / rate[naive]:.0f}")
    console = Console()
    console.print(table)
    console.print(METHOD)
    console.print("Ratios count; the numbers are this machine's.")


if __name__ == "__main__":
    asyncio.run(main())
