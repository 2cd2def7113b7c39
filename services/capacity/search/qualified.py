"""Which workshops are qualified, looked up when somebody asks, and remembered for a second.

They change a few times a year: an index of them would cost more to keep right than this costs to ask.
"""

import time
from collections.abc import Set
from functools import lru_cache

from libs.kit.db import Database
from services.capacity import store
from services.capacity.domain.search import Valid

FRESH = 1.0
_MOST = 200


class Qualified:
    """What this process has looked up."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[Set[str], tuple[float, Valid]] = {}

    async def at(self, schemes: Set[str]) -> tuple[float, Valid | None]:
        """Seconds since it was looked up, and on which days each workshop has all of these; none: nothing is asked."""
        if not schemes:
            return 0.0, None
        looked, valid = self._known.get(schemes, (float("-inf"), {}))
        if time.monotonic() - looked > FRESH:
            looked, valid = time.monotonic(), await self._look(schemes)
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[schemes] = looked, valid
        return time.monotonic() - looked, valid

    async def _look(self, schemes: Set[str]) -> Valid:
        async with self._database.read() as session:
            return await store.valid(session, schemes)


qualified_of = lru_cache(maxsize=8)(Qualified)
"""Of this process, by its database."""
