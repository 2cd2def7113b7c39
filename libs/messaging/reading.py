"""The whole log of some topics, for who checks it: from the oldest record on, as far as it goes now."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

from aiokafka import AIOKafkaConsumer

from libs.messaging.broker import REQUEST, Broker, within
from libs.messaging.delivery import Message

_WHOLE = 300.0
"""Seconds for all that there is."""

ReadOn = Callable[[], Awaitable[list[Message]]]
"""Gives what the log has now and was not given before. Raises TimeoutError, or KafkaError."""


@asynccontextmanager
async def reading(broker: Broker, names: Sequence[str]) -> AsyncIterator[ReadOn]:
    """Read these topics as nobody's consumer: nothing is committed, and nobody is disturbed."""
    async with broker.consumer(names, group=None) as client:
        yield partial(_read_on, broker, client, len(names))


async def _read_on(broker: Broker, client: AIOKafkaConsumer, topics: int) -> list[Message]:
    found: list[Message] = []
    async with asyncio.timeout(_WHOLE):
        while True:
            polled = await within(REQUEST, client.getmany(timeout_ms=500))
            found += [one for records in polled.values() for record in records if (one := broker.read(record))]
            if not polled and await _is_at_end(client, topics):
                return found


async def _is_at_end(client: AIOKafkaConsumer, topics: int) -> bool:
    partitions = client.assignment()
    if len({one.topic for one in partitions}) < topics:
        return False  # it does not know yet where they are
    ends = {one: client.highwater(one) for one in partitions}
    return all([end is not None and await within(REQUEST, client.position(one)) >= end for one, end in ends.items()])
