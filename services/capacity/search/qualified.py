"""Which workshops are qualified, looked up when somebody asks, and remembered for a second.

They change a few times a year: an index of them would cost more to keep right than this costs to ask. Who
holds has them looked up anew.
"""

import time
from collections.abc import Collection, Iterable, Mapping, Set
from datetime import date
from functools import lru_cache
from uuid import UUID

from libs.kit.db import Database, Session
from services.capacity import store
from services.capacity.domain.offer import Parts, Resource
from services.capacity.domain.qualification import Lack
from services.capacity.domain.search import Valid
from services.capacity.domain.terms import Refused

FRESH = 1.0
_MOST = 200
Needed = Mapping[tuple[UUID, date], frozenset[str]]
"""By resource and local day: the schemes in which its workshop is qualified on that day. A day left out needs none."""


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


async def lacking(session: Session, known: Mapping[UUID, Resource], asked: Iterable[Needed]) -> Set[Lack]:
    """What workshops lack of what is needed of them, at this moment: nothing is remembered here."""
    wanted = {
        (known[key].party_id, day, scheme)
        for needed in asked
        for (key, day), schemes in needed.items()
        if key in known
        for scheme in schemes
    }
    return await store.lacking(session, wanted)


def check_qualified(asked: Parts, needed: Needed, lacks: Collection[Lack]) -> None:
    """Refuse a day on which a workshop lacks what is needed of it."""
    for resource, part in asked:
        for scheme in sorted(needed.get((resource.id, part.day), ())):
            if (resource.party_id, part.day, scheme) in lacks:
                told = f"The workshop of {resource.name} is not qualified with {scheme} on {part.day}"
                raise Refused("NOT_QUALIFIED", f"{told}; choose another day or workshop.")
