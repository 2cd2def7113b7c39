"""News of read models: whoever waits for one is woken when it has changed, by any process.

A notice only says "look again": it may come early (before its transaction ends) or never (Valkey is away),
so whoever waits also looks again by itself every `LOOK_AGAIN` seconds.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import msgspec
from sqlalchemy import event

from libs.kit.db import WriteSession
from libs.read_models.lag import Lag
from libs.service.runtime import Kit

LOOK_AGAIN = 2.0


class Watch(asyncio.Event):
    """One waiter's ear: set at news."""

    async def news(self, seconds: float | None = None) -> None:
        """Return at news, or after so many seconds, `LOOK_AGAIN` unless told. News between two waits is not lost."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_AGAIN if seconds is None else seconds):
                await self.wait()
        self.clear()


class Changes:
    """The news of one process: told by its projections, and to and from the others through Valkey."""

    def __init__(self) -> None:
        self._watches: dict[str, set[Watch]] = defaultdict(set)
        self._untold: set[str] = set()
        self._something = asyncio.Event()
        self.lag = Lag()
        """How far behind what has changed elsewhere the read models are."""

    @contextmanager
    def watch(self, *keys: str) -> Iterator[Watch]:
        """Listen while the block runs. Begin before the first look, so that no change falls in between."""
        watch = Watch()
        for key in keys:
            self._watches[key].add(watch)
        try:
            yield watch
        finally:
            for key in keys:
                self._watches[key].discard(watch)
                if not self._watches[key]:
                    del self._watches[key]

    def told_by(self, session: WriteSession, keys: Iterable[str]) -> None:
        """Tell these keys when the session's transaction has ended."""
        told = list(keys)

        def ended(_session: Any, transaction: Any) -> None:
            if transaction.parent is None:
                self._wake(told)
                self._untold.update(told)
                self._something.set()

        event.listen(session.sync_session, "after_transaction_end", ended)

    async def announce(self, kit: Kit) -> None:
        """Job: pass on what was told here to the other processes."""
        if not self._untold:
            self._something = asyncio.Event()
            await self._something.wait()
        told, self._untold = self._untold, set()
        await kit.cache.publish(_channel(kit), msgspec.json.encode(sorted(told)).decode())

    async def listen(self, kit: Kit) -> None:
        """Job: wake the waiters here for what was told elsewhere. Without Valkey they look again by themselves."""
        async with kit.cache.listen(_channel(kit)) as listener:
            while True:
                if message := await listener.wait(LOOK_AGAIN):
                    self._wake(msgspec.json.decode(message, type=list[str]))

    def _wake(self, keys: Iterable[str]) -> None:
        for key in keys:
            for watch in self._watches.get(key, ()):
                watch.set()


def _channel(kit: Kit) -> str:
    return f"{kit.settings.topic_prefix}{kit.settings.service}.changes"
