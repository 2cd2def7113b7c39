"""The consumer: at least once from Kafka, exactly once in effect.

One transaction holds a batch's effects and the last version seen of each aggregate; offsets are committed afterwards.
A version already seen is skipped, so whatever Kafka delivers again does nothing again.
"""

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import count

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from sqlalchemy import text

from libs.contracts import Event
from libs.kit.clock import Clock
from libs.kit.db import Database, WriteSession, heeding_cancellation, transient
from libs.kit.settings import Settings
from libs.messaging import metrics, parking
from libs.messaging.broker import LOG, REQUEST, Broker, within
from libs.messaging.delivery import Handlers, Key, Message, Subscription, batch, each
from libs.messaging.topics import need_topics

__all__ = ["Consumer", "Subscription", "batch", "each"]

log = logging.getLogger(__name__)

BATCH = 500
PATIENCE = 10
"""How often a batch is tried whole while the database is away, or busy."""
ATTEMPTS = 3
"""How often an event may fail before it is parked."""
CHECK = 2.0
"""Seconds between looks at the cluster's id."""
DEAF = 15.0
"""Seconds without an answer to a fetch of some partition after which the client is made anew."""
BARRIER = 5.0
"""Seconds for which a rebalance waits for the batch in work."""
PAUSE = 0.5
_POLL_MS = 200

_CLAIM = text("""
    INSERT INTO consumed AS known (consumer, topic, aggregate_id, version)
    SELECT :consumer, * FROM unnest(CAST(:topics AS text[]), CAST(:keys AS uuid[]), CAST(:versions AS int[]))
    ON CONFLICT (consumer, topic, aggregate_id) DO UPDATE SET version = excluded.version
        WHERE known.version < excluded.version
    RETURNING known.topic, known.aggregate_id, coalesce(old.version, 0) AS seen
""")


class LogLostError(Exception):
    """Another cluster answers: its offsets have nothing to do with ours."""


class Consumer(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Reads the topics of a service's subscriptions. All processes of a service share them out."""

    def __init__(
        self, database: Database, settings: Settings, subscriptions: Sequence[Subscription], clock: Clock
    ) -> None:
        self.name = settings.service
        self.lag: dict[str, int] = {}
        """Events not handled yet, by topic, of the partitions that this process has, as of the last poll: what comes
        while a batch is in work counts from the next one on. Empty while it is not known of all of them."""
        self.joined = False
        """Whether it is a member of its group, with partitions or in reserve."""
        self._database = database
        self._clock = clock
        self._broker = Broker(settings)
        self._handlers = Handlers(subscriptions)
        self._polled = clock.monotonic()
        self._ends: dict[TopicPartition, int] = {}
        self._heard: dict[TopicPartition, tuple[int | None, float]] = {}
        """When a fetch of a partition was last answered, by the client's clock, and when that was seen, by ours."""
        self._working = asyncio.Lock()

    def seconds_since_poll(self) -> float:
        """How long ago it last asked for events: it does so all the time, unless it cannot go on."""
        return self._clock.monotonic() - self._polled

    async def run(self) -> None:
        """Consume until cancelled. Trouble with the broker or the database is logged and outlived."""
        try:
            while True:
                try:
                    async with heeding_cancellation():
                        await self._consume()
                except Exception as error:
                    self.joined = False
                    self.lag.clear()
                    known = isinstance(error, KafkaError | LogLostError | TimeoutError)
                    told = {"error": type(error).__name__, "reason": str(error)}
                    log.warning("consumer starts over", extra=told, exc_info=not known)
                await asyncio.sleep(PAUSE)
        finally:
            await self._broker.close()

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Let the batch in work finish and commit before others get its partitions. If it does not: versions hold."""
        try:
            async with asyncio.timeout(BARRIER), self._working:
                self._ends.clear()
        except TimeoutError:
            log.warning("partitions go while a batch is in work", extra={"partitions": len(revoked)})

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self.joined = True
        self._heard.clear()
        log.info("partitions assigned", extra={"partitions": len(assigned)})

    async def _consume(self) -> None:
        cluster = await self._broker.cluster_id()
        await need_topics(self._broker, self._handlers.topics)
        # A group per cluster: offsets committed for a log that is gone can never be taken for this one's.
        async with self._broker.consumer(self._handlers.topics, f"{self.name}.{cluster}", self) as client:
            checked = self._clock.monotonic()
            self._ends.clear()
            self._heard.clear()
            while True:
                async with self._working:
                    await self._turn(client, cluster)
                if self._clock.monotonic() - checked > CHECK:
                    checked = self._clock.monotonic()
                    await self._check(cluster)
                    await self._count_parked()

    async def _turn(self, client: AIOKafkaConsumer, cluster: str) -> None:
        polled = await within(REQUEST, client.getmany(timeout_ms=_POLL_MS, max_records=BATCH))
        self._polled = self._clock.monotonic()
        await self._look(client, polled)
        if polled:
            await self._check(cluster)  # after the poll: now it is sure which log the records came from
            await self._handle([record for records in polled.values() for record in records], cluster)
            await _commit(client, {partition: records[-1].offset + 1 for partition, records in polled.items()})

    async def _check(self, cluster: str) -> None:
        if await self._broker.cluster_id() != cluster:
            raise LogLostError("another cluster answers")

    async def _look(self, client: AIOKafkaConsumer, polled: Mapping[TopicPartition, Sequence[ConsumerRecord]]) -> None:
        """See how far the logs reach, and that fetches are answered."""
        lag = defaultdict[str, int](int)
        for partition in client.assignment():
            behind = await self._behind(client, partition)
            lag[partition.topic] += behind + len(polled.get(partition, ()))
            # What is behind may wait here for its turn, and is not fetched before it has had it.
            self._watch(partition, client.last_poll_timestamp(partition), waits=bool(polled and behind))
        known = self.joined and all(client.highwater(one) is not None for one in client.assignment())
        self._tell_lag({name: lag[self._broker.topic(name)] for name in self._handlers.topics}, known=known)

    async def _behind(self, client: AIOKafkaConsumer, partition: TopicPartition) -> int:
        """How many events of a partition have not been polled."""
        end: int | None = client.highwater(partition)
        if end is None:
            return 0
        if end < self._ends.get(partition, 0):
            log.warning("a log has become shorter: reading it again", extra={"partition": str(partition)})
            client.seek(partition, 0)
        self._ends[partition] = end
        at: int = await within(REQUEST, client.position(partition))
        return end - at if end > at else 0

    def _tell_lag(self, lag: Mapping[str, int], *, known: bool) -> None:
        for name, events in lag.items():
            metrics.LAG.labels(name).set(events)
        self.lag.clear()
        if known:
            self.lag.update(lag)

    def _watch(self, partition: TopicPartition, answered: int | None, *, waits: bool) -> None:
        """Each partition for itself: of several brokers, one may answer no more while the others do."""
        now = self._clock.monotonic()
        before, seen = self._heard.setdefault(partition, (answered, now))
        if waits or answered != before:
            self._heard[partition] = answered, now
        elif now - seen > DEAF:
            raise TimeoutError(f"no answer to a fetch of {partition.topic} {partition.partition}")

    async def _count_parked(self) -> None:
        try:
            async with self._database.work() as session:
                metrics.PARKED.set(await parking.count(session))
        except Exception as error:
            if not transient(error):
                raise

    async def _handle(self, records: Sequence[ConsumerRecord], cluster: str) -> None:
        read = filter(None, map(self._broker.read, records))
        # What was meant for another log got ahead of its elders here. Its relay will see that, and send all again.
        messages = [one for one in read if self._handlers.know(one) and one.headers.get(LOG, cluster) == cluster]
        try:
            await self._apply(messages)
        except Exception as error:  # noqa: BLE001 - each event is tried for itself, and what fails again is parked
            log.warning("a batch failed: one by one", extra={"events": len(messages), "error": type(error).__name__})
            for message in messages:
                await self._apply_or_park(message)

    async def _apply_or_park(self, message: Message) -> None:
        failure = ""
        for attempt in range(ATTEMPTS):
            try:
                return await self._apply([message])
            except Exception as error:
                failure = parking.reason_of(error)
                log.warning("an event failed", extra={"type": message.type, "attempt": attempt + 1}, exc_info=True)
                await asyncio.sleep(0.05 * 2**attempt)
        await self._apply([message], parked_for=failure)
        return None

    async def _apply(self, messages: Sequence[Message], parked_for: str | None = None) -> None:
        """One transaction; again and again while the database is away. Raises what its events are to blame for."""
        for attempt in count():
            try:
                async with self._database.work() as session:
                    told = await deliver(session, self.name, self._handlers, messages, parked_for)
            except Exception as error:
                if not transient(error) or (attempt >= PATIENCE and len(messages) > 1):
                    raise  # a batch too large for the database's deadlines is tried one by one
                log.warning("the database is away, or busy", extra={"error": type(error).__name__, "attempt": attempt})
                await asyncio.sleep(min(0.1 * 2**attempt, 3))
            else:
                for event, times in Counter(message.type for message, _ in told).items():
                    metrics.CONSUMED.labels(event).inc(times)
                return


async def _commit(client: AIOKafkaConsumer, offsets: dict[TopicPartition, int]) -> None:
    try:
        await within(REQUEST, client.commit(offsets))
    except KafkaError as error:  # somebody else has the partitions now, and will read again what versions make harmless
        log.info("offsets not committed", extra={"error": type(error).__name__})


async def deliver(
    session: WriteSession, consumer: str, handlers: Handlers, messages: Sequence[Message], parked_for: str | None = None
) -> list[tuple[Message, Event]]:
    """Claim versions, hand the new ones over, park what cannot be read, what is to be parked, and what is behind."""
    fresh = await _claim(session, consumer, messages)
    aside = await parking.keys_parked(session, consumer, {message.key for message in fresh})
    told: list[tuple[Message, Event]] = []
    parked: list[tuple[Message, str]] = []
    for message in fresh:
        try:
            reason = parking.BEHIND if message.key in aside else parked_for
            if reason is None:
                told.append((message, handlers.decode(message)))
        except msgspec.MsgspecError as error:
            reason = parking.reason_of(error)
        if reason is not None:
            aside.add(message.key)
            parked.append((message, reason))
            log.error("event parked", extra={"type": message.type, "key": str(message.aggregate_id), "reason": reason})
    if parked:
        await parking.park(session, consumer, parked)
    await handlers.dispatch(session, told)
    return told


async def _claim(session: WriteSession, consumer: str, messages: Sequence[Message]) -> list[Message]:
    """The messages not seen before. Locks their aggregates, in one order, against other processes and replays."""
    newest: dict[Key, int] = {}
    for message in messages:
        newest[message.key] = max(message.version, newest.get(message.key, 0))
    keys = sorted(newest)
    columns = {
        "topics": [topic for topic, _ in keys],
        "keys": [key for _, key in keys],
        "versions": [newest[key] for key in keys],
    }
    rows = await session.execute(_CLAIM, columns | {"consumer": consumer})
    seen = {(row.topic, row.aggregate_id): row.seen for row in rows}
    fresh = []
    for message in messages:
        if message.version > seen.get(message.key, message.version):
            seen[message.key] = message.version
            fresh.append(message)
    return fresh
