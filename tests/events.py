"""Events put on the broker as another service's relay would: again, while a broker is away."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from libs.contracts import Event
from libs.messaging.broker import REQUEST, Broker, within

Send = Callable[..., Awaitable[None]]
_PATIENCE = 60.0


@asynccontextmanager
async def sending(broker: Broker) -> AsyncIterator[Send]:
    """What sends events there, one after the other, each at least once."""
    async with broker.producer() as producer:

        async def send(*events: Event) -> None:
            async with asyncio.timeout(_PATIENCE):
                for event in events:
                    await _sent(broker, producer, event)

        yield send


async def _sent(broker: Broker, producer: AIOKafkaProducer, event: Event) -> None:
    headers = [("ce_type", event.type.encode()), ("ce_aggregateversion", str(event.version).encode())]
    topic, key, value = broker.topic(event.topic), str(event.id).encode(), msgspec.json.encode(event)
    while True:
        with suppress(KafkaError, TimeoutError):
            await within(2 * REQUEST, producer.send_and_wait(topic, value, key=key, headers=headers))
            return
        await asyncio.sleep(0.2)
