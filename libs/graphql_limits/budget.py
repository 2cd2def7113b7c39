"""What a caller may spend: points a minute, one budget for all processes, kept in Valkey by its clock.

The generic cell rate algorithm: a caller's one number is the instant at which its budget is full again; spending moves
it on, by no more than a minute beyond now. Points flow back all the time, and a whole minute's may go at once.

A process takes a little more than it needs, and spends that without asking again for a moment. What it does not spend
is lost: it is less than what flows back meanwhile. While Valkey is away each process keeps the budgets for itself.
"""

import logging
from dataclasses import dataclass
from math import ceil

from libs.kit.cache import AWAY, Cache
from libs.kit.clock import Clock

log = logging.getLogger(__name__)

_WINDOW = 60.0
"""Seconds in which an empty budget is full again."""
_LEASES = 300
"""A process takes the three hundredth part at once, which flows back in a fifth of a second, ..."""
_LEASE_SECONDS = 1.0
"""... and has a second to spend it: so five processes may serve one caller before anything is wasted."""
_AWAY_SECONDS = 1.0
"""For so long Valkey is not asked again after it has not answered."""
_TIDY_SECONDS = 1.0

_TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local limit, least, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local window = tonumber(ARGV[4]) * 1000000
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
local left = math.floor((now + window - full) * limit / window)
if left < least then return {0, left, math.ceil((least - left) * window / limit)} end
local taken = math.min(left, most)
full = full + taken * window / limit
redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000) + 1)
return {taken, left - taken, 0}
"""
"""Takes `least` to `most` points; answers how many, how many are left, and the microseconds until it can, if none."""


class SpentError(Exception):
    """The budget has too little left: try again in so many seconds."""

    def __init__(self, seconds: float, remaining: int) -> None:
        super().__init__()
        self.seconds, self.remaining = max(1, ceil(seconds)), remaining


@dataclass
class _Lease:
    """Points that this process has taken and not spent."""

    points: int
    left: int
    """In the budget when they were taken."""
    until: float


class Budgets:
    """The budgets of all callers, as one process knows them."""

    def __init__(self, cache: Cache, clock: Clock, prefix: str) -> None:
        self._cache, self._clock, self._prefix = cache, clock, prefix
        self._leases: dict[str, _Lease] = {}
        self._full: dict[str, float] = {}
        """When a budget is full again, by this process's clock: while Valkey is away."""
        self._away_until = self._tidied = float("-inf")

    async def take(self, caller: str, limit: int, points: int) -> int:
        """Spend points of a caller that has `limit` a minute; how many remain. Raises SpentError.

        What costs more than the whole budget costs the whole budget.
        """
        points, lease = min(points, limit), self._lease(caller)
        own = min(points, lease.points)
        lease.points -= own  # before the wait: others of this caller do not spend it too
        if least := points - own:
            try:
                taken, lease.left = await self._taken(caller, limit, least, max(least, limit // _LEASES))
            except SpentError:
                lease.points += own
                raise
            lease.points += taken - least
        return lease.left + lease.points

    def _lease(self, caller: str) -> _Lease:
        now = self._clock.monotonic()
        if now > self._tidied + _TIDY_SECONDS:
            self._tidied = now
            self._leases = {one: lease for one, lease in self._leases.items() if lease.until > now}
            self._full = {one: full for one, full in self._full.items() if full > now}
        found = self._leases.get(caller)
        if found is None or found.until <= now:
            found = self._leases[caller] = _Lease(0, 0, now + _LEASE_SECONDS)
        return found

    async def _taken(self, caller: str, limit: int, least: int, most: int) -> tuple[int, int]:
        if self._clock.monotonic() >= self._away_until:
            try:
                taken, left, wait = await self._cache.run(_TAKE, self._prefix + caller, limit, least, most, _WINDOW)
            except AWAY as error:
                log.warning("budgets are kept by this process alone", extra={"reason": type(error).__name__})
                self._away_until = self._clock.monotonic() + _AWAY_SECONDS
            else:
                return _granted(taken, left, wait / 1e6)
        return self._taken_here(caller, limit, least)

    def _taken_here(self, caller: str, limit: int, least: int) -> tuple[int, int]:
        now = self._clock.monotonic()
        full = max(self._full.get(caller, now), now)
        left = int((now + _WINDOW - full) * limit / _WINDOW)
        if left >= least:
            self._full[caller] = full + least * _WINDOW / limit
            return least, left - least
        return _granted(0, left, (least - left) * _WINDOW / limit)


def _granted(taken: int, left: int, seconds: float) -> tuple[int, int]:
    if not taken:
        raise SpentError(seconds, left)
    return taken, left
