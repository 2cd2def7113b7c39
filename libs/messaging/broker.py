"""Kafka, as much of it as we use. Every await on aiokafka has a deadline: 0.14 hangs when brokers vanish
(aiokafka #1101, #1145, #1187).

`ListOffsets latest` (aiokafka's `end_offsets` and `seek_to_end`) is not used: the embedded broker answers it wrongly.
A fetch's high-water mark and an acknowledgement's offset are right on every broker.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import aiokafka.client
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, ConsumerRecord
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError, NodeNotReadyError, RequestTimedOutError

from libs.kit.db import heeding_cancellation
from libs.kit.settings import Settings
from libs.messaging.connection import arguments, servers
from libs.messaging.delivery import Message

log = logging.getLogger(__name__)

# Asking for a topic must not create it: after a wipe it would come back with the broker's number of partitions.
aiokafka.client.MetadataRequest = partial(aiokafka.client.MetadataRequest, allow_auto_topic_creation=False)
logging.getLogger("aiokafka.cluster").setLevel(logging.CRITICAL)  # it tells of a missing topic ten times a second

LOG = "ce_log"
"""Header: id of the cluster that an event was sent to, as its relay knew it. After a wipe a relay may for a moment
write to the new log what should come after events that were lost with the old one: consumers pass over that."""
LARGEST = 1_000_000
"""Bytes of the largest batch sent: a broker takes 1,048,588 unless told otherwise (Kafka's message.max.bytes)."""
REQUEST = 5.0
START = 15.0
STOP = 5.0
"""Deadlines in seconds."""

T = TypeVar("T")


async def within(seconds: float, awaitable: Awaitable[T]) -> T:
    """Await aiokafka with a deadline. Raises TimeoutError, or KafkaConnectionError for a call that it dropped.

    When a connection breaks, aiokafka cancels what waits on it. That must not look as if we had been cancelled: the
    task would end, and nobody would be told.
    """
    try:
        async with asyncio.timeout(seconds), heeding_cancellation():
            return await awaitable
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise KafkaConnectionError("the connection broke") from None


class Broker:
    """The cluster that the settings name."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._admin: AIOKafkaAdminClient | None = None
        self._asking = asyncio.Lock()

    @property
    def settings(self) -> Settings:
        """Which cluster, and how to reach it."""
        return self._settings

    def topic(self, name: str) -> str:
        """The topic's name on the cluster."""
        return self._settings.topic_prefix + name

    @asynccontextmanager
    async def producer(self) -> AsyncIterator[AIOKafkaProducer]:
        """A producer that waits for all replicas. Not an idempotent one: the embedded broker has none, and versions
        make a record sent twice harmless."""
        client = AIOKafkaProducer(
            **self._common(REQUEST), acks="all", max_batch_size=LARGEST, max_request_size=LARGEST, linger_ms=0
        )
        async with _running(client):
            yield client

    @asynccontextmanager
    async def consumer(
        self, names: Iterable[str], group: str | None, listener: ConsumerRebalanceListener | None = None
    ) -> AsyncIterator[AIOKafkaConsumer]:
        """A consumer of these topics, from the oldest record that its group has not committed."""
        session = self._settings.kafka_session_timeout_ms
        client = AIOKafkaConsumer(
            **self._common(START),
            group_id=group and self._settings.topic_prefix + group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=session,
            heartbeat_interval_ms=session // 4,
            fetch_max_wait_ms=100,  # the embedded broker looks for new records only this often
        )
        client.subscribe([self.topic(name) for name in names], listener=listener)
        async with _running(client):
            yield client

    async def cluster_id(self) -> str:
        """Which cluster answers now. Another id is another log."""
        answer = await self.ask(lambda admin: admin._get_cluster_metadata([]))  # noqa: SLF001 - its public ways ask for every topic
        return str(answer.cluster_id)

    async def tail(self, names: Sequence[str]) -> AsyncIterator[Message]:
        """Events as they come from now on."""
        ends: dict[Any, int] = {}
        async with self.consumer(names, group=None) as client:
            while True:
                polled = await within(REQUEST, client.getmany(timeout_ms=500))
                for partition in client.assignment() - ends.keys():
                    if (end := client.highwater(partition)) is not None:
                        ends[partition] = end
                        client.seek(partition, end)
                for record in (r for p, records in polled.items() for r in records if r.offset >= ends[p]):
                    if message := self.read(record):
                        yield message

    def read(self, record: ConsumerRecord) -> Message | None:
        """An event's envelope; none if it is not one of ours."""
        headers = {name: value.decode(errors="replace") for name, value in record.headers}
        topic = record.topic.removeprefix(self._settings.topic_prefix)
        try:
            key, version = UUID(record.key.decode()), int(headers["ce_aggregateversion"])
            headers["ce_type"]
        except (AttributeError, KeyError, ValueError):
            log.warning("not an event", extra={"topic": topic, "partition": record.partition, "offset": record.offset})
            return None
        return Message(topic, key, version, headers, record.value or b"")

    async def close(self) -> None:
        """Drop the connection on which questions are asked."""
        if self._admin:
            await _stopped(self._admin.close())
        self._admin = None

    async def ask(self, question: Callable[[AIOKafkaAdminClient], Awaitable[T]], seconds: float = REQUEST / 2) -> T:
        """Ask the cluster something, on a connection kept for questions.

        aiokafka asks any one broker: if that is gone, or silent for so many seconds, another is asked. Raises
        TimeoutError when 2 * REQUEST are over, and KafkaError if no broker lets us in.
        """
        async with self._asking:
            try:
                async with asyncio.timeout(2 * REQUEST), heeding_cancellation():
                    while True:
                        admin = self._admin or await self._asker()
                        try:
                            return await within(seconds, question(admin))
                        except (KafkaConnectionError, NodeNotReadyError):
                            await self.close()  # whoever is left is found anew
                        except (RequestTimedOutError, TimeoutError):
                            pass  # who is silent would be silent then too
                        await asyncio.sleep(0.1)
            except BaseException:
                await self.close()
                raise

    async def _asker(self) -> AIOKafkaAdminClient:
        admin = self._admin = AIOKafkaAdminClient(**self._common(REQUEST))
        await _started(admin.start(), REQUEST)
        return admin

    def _common(self, seconds: float) -> dict[str, Any]:
        # New topics and moved partitions are seen within the age of the metadata.
        times = {"request_timeout_ms": int(seconds * 1000), "metadata_max_age_ms": 5000, "retry_backoff_ms": 100}
        return {"bootstrap_servers": servers(self._settings)} | arguments(self._settings) | times


@asynccontextmanager
async def _running(client: AIOKafkaProducer | AIOKafkaConsumer) -> AsyncIterator[None]:
    try:
        await _started(client.start(), START)
        yield
    finally:
        await _stopped(client.stop())


async def _started(starting: Awaitable[None], seconds: float) -> None:
    """Start a client; if cancelled meanwhile, wait for it all the same: aiokafka's bootstrap forgets its socket."""
    task = asyncio.ensure_future(within(seconds, starting))
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()
        raise


async def _stopped(stopping: Awaitable[None]) -> None:
    try:
        await within(STOP, stopping)
    except Exception as error:  # noqa: BLE001 - whatever state it is in, we are done with it
        log.warning("a Kafka client did not stop well", extra={"error": type(error).__name__})
