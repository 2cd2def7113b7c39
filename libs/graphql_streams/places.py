"""What holds of whatever stays open for a client: so many of one payer, and whoever does not read is dropped."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager

from libs.kit.metrics import REFUSALS

MOST_OPEN = 100
"""Web sockets and event streams together, of one payer in one process."""
PATIENCE = 10.0
"""Seconds that something told may wait to be read. The server keeps some 64 kB for a client, the kernels a little more:
whoever is behind by that much, and has read nothing for so long, is told no more."""
FULL, SLOW = "TOO_MANY_OPEN", "TOO_SLOW"
TOKEN_ENDED = "The token has ended: get a new one"  # noqa: S105 - a sentence
TOO_SLOW = f"Nothing was read for {PATIENCE:.0f} s: ask again, and read on"


class Places:
    """The open ones of each payer."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    @contextmanager
    def place(self, payer: str) -> Iterator[bool]:
        """One more of this payer while the block runs; whether there is room for it."""
        self._open[payer] += 1
        if not (there_is := self._open[payer] <= MOST_OPEN):
            REFUSALS.labels(FULL).inc()
        try:
            yield there_is
        finally:
            self._open[payer] -= 1
            if not self._open[payer]:
                del self._open[payer]


def no_room() -> str:
    """What is told to whoever has no place left."""
    return f"No more than {MOST_OPEN} web sockets and event streams at once: close one"


async def in_time(sending: Awaitable[None]) -> bool:
    """Whether there was room in time for what is sent: what was sent before must have been read."""
    try:
        async with asyncio.timeout(PATIENCE):
            await sending
    except TimeoutError:
        REFUSALS.labels(SLOW).inc()
        return False
    return True
