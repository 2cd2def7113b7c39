"""The relay: sends the outbox to Kafka in order, and again when the broker has lost it.

A queue ordered by `seq` whose rows are marked sent, never a cursor: a cursor loses what commits late. One relay of a
service is active. It holds a lease on the database's clock, with a fence: a number that grows when the holder changes.
"""

import asyncio
import logging
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidMessageError, KafkaError, MessageSizeTooLargeError, RecordListTooLargeError
from aiokafka.partitioner import DefaultPartitioner
from sqlalchemy import Row, text
from sqlalchemy.exc import SQLAlchemyError

from libs.contracts import REGISTRY, topics
from libs.kit.clock import Clock
from libs.kit.db import Database, WriteSession, heeding_cancellation
from libs.kit.ids import new_id
from libs.kit.settings import Settings
from libs.messaging import metrics, queue
from libs.messaging.broker import LARGEST, LOG, REQUEST, Broker, within
from libs.messaging.delivery import Key
from libs.messaging.topics import need_topics

log = logging.getLogger(__name__)

HEAD = 2000
"""Rows taken from the queue at once."""
BATCH = 500
"""Rows sent at once to one partition."""
POLL = 0.2
"""Seconds between looks at the outbox when nobody in this process has written to it."""
CHECK = 2.0
"""Seconds between looks at the cluster's id."""
RETRY_REFUSED = 30.0
PAUSE = 0.5
_DELIVERY = 3 * REQUEST
_REFUSED = (MessageSizeTooLargeError, RecordListTooLargeError, InvalidMessageError)

# A relay that is stopped inside one of these transactions must not keep others from the lease: hence the patience.
_LEASE = text("""
    INSERT INTO relay AS mine (name, holder, fence, expires_at)
    VALUES (:name, :holder, 1, clock_timestamp() + make_interval(secs => :seconds))
    ON CONFLICT (name) DO UPDATE SET holder = :holder, expires_at = clock_timestamp() + make_interval(secs => :seconds),
        fence = mine.fence + CASE WHEN mine.holder = :holder THEN 0 ELSE 1 END
    WHERE mine.holder = :holder OR mine.expires_at < clock_timestamp()
    RETURNING fence, set_config('idle_in_transaction_session_timeout', :patience, true)
""")
_RELEASE = text("UPDATE relay SET expires_at = clock_timestamp() WHERE name = :name AND holder = :holder")
_HOLD = text("""
    SELECT cluster_id, set_config('idle_in_transaction_session_timeout', :patience, true) FROM relay
    WHERE name = :name AND holder = :holder AND fence = :fence FOR SHARE
""")
_HOLD_ALONE = text(_HOLD.text.replace("SHARE", "UPDATE"))
_REMEMBER = text("UPDATE relay SET cluster_id = :cluster WHERE name = :name")


class LeaseLostError(Exception):
    """Another relay leads, or may: nothing more is sent."""


class LogLostError(Exception):
    """The broker's log is another one, or has become shorter."""


@dataclass
class _Turn:
    """What the broker has acknowledged of one batch of the queue."""

    ends: dict[tuple[str, int], int]
    """End of the log by (topic, partition), as acknowledged last."""
    sent: list[Row[Any]] = field(default_factory=list)
    shortened: bool = False

    def acknowledge(self, partition: tuple[str, int], offset: int, rows: Sequence[Row[Any]]) -> None:
        self.shortened |= offset < self.ends.get(partition, 0)
        self.ends[partition] = offset + len(rows)
        self.sent += rows


_KNOWN = (LeaseLostError, LogLostError, KafkaError, TimeoutError, OSError, SQLAlchemyError)
"""Trouble that tells enough by its name."""


class Relay:
    """Sends a service's outbox. Run one in every process: they agree who leads."""

    def __init__(self, database: Database, settings: Settings, clock: Clock, *, lease_seconds: float = 5.0) -> None:
        self._database = database
        self._clock = clock
        self._broker = Broker(settings)
        self._service = settings.service
        for event in (one for one in REGISTRY.values() if one.topic in topics(settings.service)):
            metrics.PUBLISHED.labels(event.type)  # shown from the start: of a counter that appears, the first is missed
        self._seconds = lease_seconds
        self._lease: dict[str, Any] = {"name": settings.service, "holder": new_id(), "fence": 0}
        self._lease |= {"seconds": lease_seconds, "patience": f"{lease_seconds * 1000:.0f}"}
        self._good_until = 0.0
        self._refused: dict[Key, float] = {}
        self._topics: set[str] = set()
        self._cluster = ""

    @property
    def leading(self) -> bool:
        """Whether it may send: true only while its lease is surely good, also after it was stopped and woken."""
        return self._clock.monotonic() < self._good_until

    @property
    def refused(self) -> list[Key]:
        """Aggregates whose next event the broker refuses. They are tried again; others flow."""
        return list(self._refused)

    async def run(self) -> None:
        """Relay until cancelled. Trouble with the broker or the database is logged and outlived."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_lease())
                tasks.create_task(self._lead_when_leading())
        finally:
            await self._release()
            await self._broker.close()

    async def _keep_lease(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._seconds):
                    await self._take_lease()
            except Exception as error:  # noqa: BLE001 - the lease runs out by itself
                log.warning("no lease", extra={"error": type(error).__name__})
            await asyncio.sleep(self._seconds / (3 if self.leading else 5))

    async def _take_lease(self) -> None:
        asked = self._clock.monotonic()
        async with self._database.work() as session:
            fence = (await session.execute(_LEASE, self._lease)).scalar()
        if fence is not None and not self.leading:
            log.info("relay leads", extra={"fence": fence})
        self._lease["fence"] = fence or 0
        self._good_until = asked + 0.8 * self._seconds if fence else 0.0
        async with self._database.work() as session:
            unsent, oldest = await queue.waiting(session)
        metrics.OUTBOX_UNSENT.set(unsent)
        metrics.OUTBOX_OLDEST.set(oldest)

    async def _release(self) -> None:
        if not self._lease["fence"]:
            return  # it does not lead: to say so would be worth no connection, which may be long in coming
        try:
            async with asyncio.timeout(2), self._database.work() as session:
                await session.execute(_RELEASE, self._lease)
        except Exception as error:  # noqa: BLE001 - it runs out by itself
            log.info("lease not released", extra={"error": type(error).__name__})

    async def _lead_when_leading(self) -> None:
        while True:
            if self.leading:
                try:
                    async with heeding_cancellation():
                        await self._lead()
                except* Exception as trouble:
                    for error in trouble.exceptions:
                        told = {"error": type(error).__name__, "reason": str(error)}
                        log.warning("relay starts over", extra=told, exc_info=not isinstance(error, _KNOWN))
                await asyncio.sleep(PAUSE)
            await asyncio.sleep(0.05)

    async def _lead(self) -> None:
        self._cluster = await self._broker.cluster_id()
        await self._meet(self._cluster)
        self._topics.clear()
        await self._need(topics(self._service))
        async with self._database.work() as session:
            ends = await queue.log_ends(session)
        async with self._broker.producer() as producer, asyncio.TaskGroup() as tasks:
            watch = tasks.create_task(self._watch())
            while self.leading:
                await self._turn(producer, _Turn(ends))
            watch.cancel()

    async def _watch(self) -> None:
        """Raises when another cluster answers, or none: sending then stops at once."""
        while True:
            await asyncio.sleep(CHECK)
            if await self._broker.cluster_id() != self._cluster:
                raise LogLostError("another cluster answers")

    async def _need(self, names: Iterable[str]) -> None:
        if new := set(names) - self._topics:
            await need_topics(self._broker, sorted(new))
            self._topics |= new

    async def _meet(self, cluster: str) -> None:
        """Remember the cluster; if it is not the one known, everything has to be sent again."""
        async with self._database.work() as session:
            # Waits for marks still on their way, of the old log: one that came after the sending again would lose.
            if await self._hold(session, alone=True) == cluster:
                return
        async with self._database.work() as session:
            count = await queue.send_all_again(session)
            await self._hold(session)
            await session.execute(_REMEMBER, self._lease | {"cluster": cluster})
        log.warning("a new log: sending again", extra={"cluster": cluster, "events": count})

    async def _hold(self, session: WriteSession, *, alone: bool = False) -> str | None:
        """Keep the lease from passing to another until the transaction ends; the cluster's id as known."""
        held = (await session.execute(_HOLD_ALONE if alone else _HOLD, self._lease)).one_or_none()
        if held is None:
            raise LeaseLostError("another relay leads")
        known: str | None = held.cluster_id
        return known

    async def _turn(self, producer: AIOKafkaProducer, turn: _Turn) -> None:
        self._database.outbox_written.clear()
        rows = await self._next()
        if not rows:
            with suppress(TimeoutError):
                await within(POLL, self._database.outbox_written.wait())
            return
        parts = await self._by_partition(producer, rows)
        sending = (self._send(producer, part, turn, some) for part, some in parts.items())
        results = await asyncio.gather(*sending, return_exceptions=True)
        await self._record(turn)
        for failure in filter(None, results):
            raise failure

    async def _next(self) -> Sequence[Row[Any]]:
        now = self._clock.monotonic()
        self._refused = {key: again for key, again in self._refused.items() if again > now}
        metrics.OUTBOX_BLOCKED.set(len(self._refused))
        async with self._database.work() as session:
            return await queue.head(session, HEAD, without=list(self._refused))

    async def _by_partition(
        self, producer: AIOKafkaProducer, rows: Sequence[Row[Any]]
    ) -> dict[tuple[str, int], list[Row[Any]]]:
        names = {row.topic for row in rows}
        await self._need(names)
        partitions = {
            name: sorted(await within(REQUEST, producer.partitions_for(self._broker.topic(name)))) for name in names
        }
        parts: dict[tuple[str, int], list[Row[Any]]] = defaultdict(list)
        for row in rows:
            number = _PARTITIONER(str(row.aggregate).encode(), partitions[row.topic], partitions[row.topic])
            parts[self._broker.topic(row.topic), number].append(row)
        return parts

    async def _send(
        self, producer: AIOKafkaProducer, part: tuple[str, int], turn: _Turn, rows: Sequence[Row[Any]]
    ) -> None:
        """Send rows of one partition, one batch after the other; what is refused is looked for one by one."""
        waiting, most = deque(rows), BATCH
        while waiting:
            batch, taken = self._fill(producer, waiting, most)
            try:
                offset = await self._deliver(producer, part, batch)
            except _REFUSED as error:
                if len(taken) == 1:
                    waiting = self._refuse(taken[0], waiting, error)
                else:
                    waiting.extendleft(reversed(taken))
                most = 1
            else:
                turn.acknowledge(part, offset, taken)

    def _fill(self, producer: AIOKafkaProducer, waiting: deque[Row[Any]], most: int) -> tuple[Any, list[Row[Any]]]:
        batch = producer.create_batch()
        taken: list[Row[Any]] = []
        while waiting and len(taken) < most:
            row = waiting[0]
            key, value = str(row.aggregate).encode(), row.payload.encode()
            when = int(row.created_at.timestamp() * 1000)
            if batch.append(timestamp=when, key=key, value=value, headers=self._headers(row)) is None:
                break
            taken.append(waiting.popleft())
        return batch, taken

    def _headers(self, row: Row[Any]) -> list[tuple[str, bytes]]:
        """CloudEvents 1.0, Kafka binding, binary mode."""
        attributes = {
            "ce_specversion": "1.0",
            "ce_id": str(row.id),
            "ce_source": f"/filiera/{self._service}",
            "ce_type": row.type,
            "ce_time": row.created_at.isoformat(),
            "ce_subject": str(row.aggregate),
            "ce_aggregateversion": str(row.version),
            LOG: self._cluster,
            "content-type": "application/json",
        }
        if row.traceparent:
            attributes["traceparent"] = row.traceparent
        return [(name, value.encode()) for name, value in attributes.items()]

    async def _deliver(self, producer: AIOKafkaProducer, part: tuple[str, int], batch: Any) -> int:
        """The offset at which the broker put the batch."""
        if batch.size() > LARGEST:
            raise MessageSizeTooLargeError(f"{batch.size()} bytes")
        if not self.leading:
            raise LeaseLostError("the lease has run out")
        sent = await within(_DELIVERY, producer.send_batch(batch, part[0], partition=part[1]))
        return int((await within(_DELIVERY, sent)).offset)

    def _refuse(self, row: Row[Any], waiting: deque[Row[Any]], error: Exception) -> deque[Row[Any]]:
        """Set an aggregate aside; what else is waiting."""
        key = (row.topic, row.aggregate)
        self._refused[key] = self._clock.monotonic() + RETRY_REFUSED
        told = {"topic": row.topic, "aggregate": str(row.aggregate), "version": row.version}
        log.error("the broker refuses an event", extra=told | {"error": type(error).__name__})
        return deque(other for other in waiting if (other.topic, other.aggregate) != key)

    async def _record(self, turn: _Turn) -> None:
        """Mark what was acknowledged, if we still lead: else a slow relay would mark what a new log has not."""
        seqs = [row.seq for row in turn.sent]
        if turn.shortened:
            async with self._database.work() as session:
                await self._hold(session)
                await session.execute(_REMEMBER, self._lease | {"cluster": None})
            raise LogLostError("the log has become shorter")
        try:
            async with self._database.work() as session:
                await self._hold(session)
                await queue.mark(session, seqs, turn.ends)
        except LeaseLostError:
            # Ours may lie behind newer ones, and compaction keeps the last: let the newest be the last.
            async with self._database.work() as session:
                await queue.send_newest_again(session, seqs)
            raise
        for event, count in Counter(row.type for row in turn.sent).items():
            metrics.PUBLISHED.labels(event).inc(count)


_PARTITIONER = DefaultPartitioner()
