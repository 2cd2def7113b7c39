"""The whole log of some topics, for who checks it or builds from it: from the oldest record on, as far as it goes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer

from libs.messaging.broker import REQUEST, Broker, within
from libs.messaging.delivery import Message

_WHOLE = 300.0
"""Seconds for all that there is."""
_MOST = 500
"""Messages given at once."""


class Log:
    """A log that is being read."""

    def __init__(self, broker: Broker, client: AIOKafkaConsumer, topics: int) -> None:
        self._broker, self._client, self._topics = broker, client, topics

    async def some(self) -> list[Message]:
        """What comes next; none if nothing does within half a second. Raises TimeoutError, or KafkaError."""
        polled = await within(REQUEST, self._client.getmany(timeout_ms=500, max_records=_MOST))
        return [one for records in polled.values() for record in records if (one := self._broker.read(record))]

    async def is_at_end(self) -> bool:
        """Whether all has been given that the log had when it was last asked."""
        partitions = self._client.assignment()
        if len({one.topic for one in partitions}) < self._topics:
            return False  # it does not know yet where they are
        ends = {one: self._client.highwater(one) for one in partitions}
        return all([end is not None and await self._position(one) >= end for one, end in ends.items()])

    async def rest(self) -> list[Message]:
        """All that it has now and has not given before. Raises TimeoutError, or KafkaError."""
        found: list[Message] = []
        async with asyncio.timeout(_WHOLE):
            while True:
                some = await self.some()
                found += some
                if not some and await self.is_at_end():
                    return found

    async def _position(self, partition: object) -> int:
        at: int = await within(REQUEST, self._client.position(partition))
        return at


@asynccontextmanager
async def reading(broker: Broker, names: Sequence[str]) -> AsyncIterator[Log]:
    """Read these topics as nobody's consumer: nothing is committed, and nobody is disturbed."""
    async with broker.consumer(names, group=None) as client:
        yield Log(broker, client, len(names))
