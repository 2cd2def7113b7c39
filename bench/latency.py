"""How long an event takes from its transaction to its effect in another, against Kafka alone.

Servers are those of `FILIERA_*`; the database `probe_latency` is made and kept, topics are new in every round.
"""

import asyncio
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Sequence

from rich.console import Console
from rich.table import Table
from sqlalchemy import event as listening
from sqlalchemy import text

from bench._probe import ROUNDS, clear, prepare, running, settings
from libs.kit.clock import SystemClock
from libs.kit.db import Database, WriteSession
from libs.kit.ids import new_id
from libs.kit.settings import Settings
from libs.kit.testing import eventually
from libs.messaging import outbox
from libs.messaging.broker import Broker, within
from libs.messaging.consumer import Consumer, Subscription, batch
from libs.messaging.relay import Relay
from libs.messaging.topics import create_topics
from tests.libs.messaging.probe import ThingChanged, all_sent, note_effects

DATABASE = "probe_latency"
RATE = 200
"""Events a second."""
SECONDS = 5
METHOD = (
    f"{RATE} events a second for {SECONDS} s, each of an aggregate of its own, {ROUNDS} rounds with the ways in turn; "
    "percentiles of a round, medians of the rounds. Kafka alone: sent with acks=all by aiokafka and fetched by its "
    "consumer, nothing else. Ours: from the beginning of the transaction that tells the event to the commit of its "
    "effect. The relay's part ends when the broker has acknowledged and the row is marked. One process, one PostgreSQL."
)
Times = dict[str, list[float]]
"""Milliseconds."""


async def main() -> None:
    """Measure and print."""
    await prepare(DATABASE)
    rounds: dict[str, list[Sequence[float]]] = defaultdict(list)
    for _ in range(ROUNDS):
        for way in (_kafka_alone, _ours):
            for name, took in (await way(settings(DATABASE))).items():
                rounds[name].append(statistics.quantiles(took, n=100))
    _print({name: _percentiles(some) for name, some in rounds.items()})


def _percentiles(rounds: Sequence[Sequence[float]]) -> tuple[float, float]:
    return statistics.median(one[49] for one in rounds), statistics.median(one[98] for one in rounds)


async def _steadily(tell: Callable[[], Coroutine[None, None, None]]) -> None:
    """At the rate, whether or not the ones before are through."""
    begin, telling = time.perf_counter(), []
    for number in range(RATE * SECONDS):
        await asyncio.sleep(max(0.0, begin + number / RATE - time.perf_counter()))
        telling.append(asyncio.create_task(tell()))
    await asyncio.gather(*telling)


async def _kafka_alone(settings: Settings) -> Times:
    broker, took = Broker(settings), list[float]()
    await create_topics(broker, [ThingChanged.topic])
    topic = broker.topic(ThingChanged.topic)

    async def read() -> None:
        async with broker.consumer([ThingChanged.topic], None) as client:
            while True:
                for records in (await within(5, client.getmany(timeout_ms=200))).values():
                    took.extend((time.perf_counter() - float(record.value)) * 1000 for record in records)

    async with broker.producer() as producer:

        async def tell() -> None:
            value = repr(time.perf_counter()).encode()
            await within(10, producer.send_and_wait(topic, value, str(new_id()).encode()))

        async with running(read()):
            await _warm(tell, took)
            await _steadily(tell)
            await eventually(lambda: len(took) >= RATE * SECONDS)
    await broker.close()
    return {"Kafka alone": took}


async def _warm(tell: Callable[[], Coroutine[None, None, None]], took: list[float]) -> None:
    await tell()
    await eventually(lambda: took)
    took.clear()


async def _ours(settings: Settings) -> Times:
    database, took = Database(settings.url), list[float]()
    await clear(database)

    async def tell() -> None:
        told = ThingChanged(id=new_id(), version=1, note=repr(time.perf_counter()))
        async with database.write(role="probe_worker") as session:
            await outbox.add(session, told)

    relay = Relay(database, settings, SystemClock())
    consumer = Consumer(database, settings, [_timed(took)], SystemClock())
    async with running(relay.run(), consumer.run()):
        await _warm(tell, took)
        await _steadily(tell)
        await eventually(lambda: len(took) >= RATE * SECONDS)
        await eventually(lambda: all_sent(database))
        relayed = await _relayed(database)
    await database.close()
    return {"the relay's part": relayed, "outbox to effect": took}


def _timed(took: list[float]) -> Subscription:
    async def handle(session: WriteSession, events: Sequence[ThingChanged]) -> None:
        await note_effects(session, events)

        def committed(_: object) -> None:
            took.extend((time.perf_counter() - float(one.note)) * 1000 for one in events)

        listening.listen(session.sync_session, "after_commit", committed, once=True)

    return batch((ThingChanged,), handle)


async def _relayed(database: Database) -> list[float]:
    query = text("SELECT extract(epoch FROM sent_at - created_at)::float * 1000 FROM outbox ORDER BY seq OFFSET 1")
    async with database.work() as session:
        return list(await session.scalars(query))


def _print(took: dict[str, tuple[float, float]]) -> None:
    table = Table("", "p50 ms", "p99 ms", "p50 / Kafka alone", "p99 / Kafka alone", title="Latency")
    limit = took["Kafka alone"]
    for name, (middle, high) in took.items():
        ratios = f"{middle / limit[0]:.1f}", f"{high / limit[1]:.1f}"
        table.add_row(name, f"{middle:.1f}", f"{high:.1f}", *ratios)
    console = Console()
    console.print(table)
    console.print(METHOD)
    console.print("Ratios count; the numbers are this machine's.")


if __name__ == "__main__":
    asyncio.run(main())
