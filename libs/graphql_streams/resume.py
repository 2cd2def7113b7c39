"""How a subscription goes on for a client that was away: an event's id names what had been told until then (ADR 0023).

What was told is kept in Valkey, by any gateway process for any other: of each item a digest, and with which event. Who
names an event is not told again what was told until then and is the same now. What is gone is told again, never less.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any

import msgspec

from libs.kit.cache import AWAY
from libs.service.runtime import Kit

_KEPT_SECONDS = 600
"""After its subscription has ended; while that goes on it is kept again and again."""
_LONGEST = 64
"""Characters of what may be an id."""

_KEEP = """
for place = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[place], ARGV[place + 1]) end
redis.call('EXPIRE', KEYS[1], ARGV[1])
return {}
"""
"""Keeps names with their values, or none, and everything for so many seconds."""
_KEPT = "return redis.call('HGETALL', KEYS[1])"

LAST_EVENT: ContextVar[str | None] = ContextVar("LAST_EVENT", default=None)
"""The id of the last event that the client of the operation at hand has, if it says so."""


def last_event(extensions: Mapping[str, Any] | None) -> str | None:
    """What a request names by `extensions.lastEventId`."""
    named = (extensions or {}).get("lastEventId")
    return named if isinstance(named, str) else None


def digest(item: Any) -> str:
    """The same for what is equal."""
    return sha256(msgspec.json.encode(item)).hexdigest()[:32]


class Told:
    """What one subscription has told. `asked` is what was asked, and by whom: it says nothing of anything else."""

    def __init__(self, kit: Kit, *asked: Any) -> None:
        self._cache, self._clock, self._asked = kit.cache, kit.clock, digest(asked)
        self._prefix = f"{kit.settings.topic_prefix}{kit.settings.service}.told:"
        self._stream, self._number, self._kept_at = token_urlsafe(16), 0, kit.clock.monotonic()

    async def until(self, event: str | None) -> dict[str, str]:
        """What had been told until an event: names and digests. Nothing, if that is not known any more."""
        stream, _, number = (event or "")[:_LONGEST].partition(".")
        if not (stream.isascii() and number.isascii() and number.isdigit()):
            return {}
        try:
            kept = [one.decode() for one in await self._cache.run(_KEPT, self._key(stream))]
        except AWAY:
            return {}
        told = ((name, *value.split(":")) for name, value in zip(kept[::2], kept[1::2], strict=True))
        seen = {name: one for name, at, one in told if int(at) <= int(number)}
        await self._keep(*(part for name, one in seen.items() for part in (name, f"0:{one}")))
        return seen

    async def tell(self, name: str, one: str) -> str:
        """Keep that this item is told by the next event, whose id it is that this answers."""
        self._number += 1
        await self._keep(name, f"{self._number}:{one}")
        return f"{self._stream}.{self._number}"

    async def keep(self) -> None:
        """Keep for longer what is kept, if it is time."""
        if self._clock.monotonic() > self._kept_at + _KEPT_SECONDS / 10:
            await self._keep()

    async def _keep(self, *pairs: str) -> None:
        """If that fails, events from now on name something else, of which nothing before is known: what is kept for
        earlier ones may not be what the client has any more."""
        self._kept_at = self._clock.monotonic()
        try:
            await self._cache.run(_KEEP, self._key(self._stream), _KEPT_SECONDS, *pairs)
        except AWAY:
            self._stream = token_urlsafe(16)

    def _key(self, stream: str) -> str:
        return f"{self._prefix}{stream}:{self._asked}"
