"""How far a service's read models are behind: said with every answer, so it must cost none of them a question."""

from collections.abc import Sequence

from libs.kit.cache import AWAY
from libs.kit.ids import new_id
from libs.service.runtime import Kit

EVERY = 1.0
"""Seconds between a process's words."""
_SILENT = 3
"""Seconds without a word after which nobody knows how far a process is."""
_MOVING = 8
"""Seconds that a rebalance may take once the broker has missed a process: by then others have all that it had."""
_UNKNOWN = -1

_SHARE = """
local now = tonumber(redis.call('TIME')[1])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ':' .. now)
redis.call('EXPIRE', KEYS[1], ARGV[4])
local kept, others = redis.call('HGETALL', KEYS[1]), {}
for place = 1, #kept, 2 do
    local events, at = string.match(kept[place + 1], '(-?%d+):(%d+)')
    local silent = now - tonumber(at)
    if silent > tonumber(ARGV[4]) then
        redis.call('HDEL', KEYS[1], kept[place])
    elseif kept[place] ~= ARGV[1] then
        others[#others + 1] = silent > tonumber(ARGV[3]) and -1 or tonumber(events)
    end
end
return others
"""
"""Says how many events a process is behind, and answers what the others have said: -1 if that is unknown."""


class Lag:
    """The lag of one service, as one of its processes knows it."""

    def __init__(self) -> None:
        self._process = new_id().hex
        self._elsewhere: Sequence[int] = (_UNKNOWN,)

    def events(self, kit: Kit) -> int | None:
        """How many events are in Kafka and not in the read models yet; None while some process does not know, or Valkey
        is away. What its owner has not sent yet is not counted."""
        parts = (_known_here(kit), *self._elsewhere)
        return None if _UNKNOWN in parts else sum(parts)

    async def share(self, kit: Kit) -> None:
        """Job: tell the other processes, and hear of them."""
        key = f"{kit.settings.topic_prefix}{kit.settings.service}.lag"
        forgotten = kit.settings.kafka_session_timeout_ms // 1000 + _MOVING
        try:
            self._elsewhere = await kit.cache.run(_SHARE, key, self._process, _known_here(kit), _SILENT, forgotten)
        except AWAY:
            self._elsewhere = (_UNKNOWN,)


def _known_here(kit: Kit) -> int:
    return sum(kit.lag.values()) if kit.lag else _UNKNOWN
