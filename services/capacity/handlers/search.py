"""Searching: from the index of this process, from the rows until that is loaded, and rather not at all than from what
is old. What is found was free a moment ago; the ledger decides when it is held."""

from datetime import datetime, timedelta

import msgspec

from libs.kit.db import ReadSession
from libs.kit.errors import Unavailable
from libs.service.runtime import Kit
from services.capacity import store
from services.capacity.domain.search import Wanted, Window
from services.capacity.search.feed import feed_of
from services.capacity.search.index import within_horizon
from services.capacity.search.qualified import qualified_of

MOST_SECONDS = 5.0
"""Older than this, nothing is told."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Where there was room a moment ago. Only a hold makes sure."""

    as_of: datetime
    """All that was held, booked, published or shown before this instant is taken into account."""
    age_seconds: float
    """How long ago that was when this was answered."""
    windows: list[Window]
    """The best first; as many as were asked for, or all that there are."""


async def search(kit: Kit, wanted: Wanted) -> Found:
    """The best windows. Raises Unavailable (SEARCH_STALE) if nobody has heard of the ledger for a while."""
    looked, valid = await qualified_of(kit.database).at(wanted.qualifications)
    index = feed_of(kit.database).index
    if index is not None and index.heard.age() <= MOST_SECONDS:
        return _found(index.heard.now(), max(looked, index.heard.age()), index.find(wanted, valid))
    async with kit.database.read() as session:
        return await in_rows(session, wanted)


async def in_rows(session: ReadSession, wanted: Wanted) -> Found:
    """The same, from the rows."""
    now = await store.now(session)
    _, as_of = await store.kept_until(session)
    age = (now - as_of).total_seconds()
    if age > MOST_SECONDS:
        told = "What is free was last heard of too long ago to be told; nothing is wrong with your search. Ask again."
        raise Unavailable(told, code="SEARCH_STALE")
    valid = await store.valid(session, wanted.qualifications) if wanted.qualifications else None
    return _found(now, age, await store.find_in_rows(session, within_horizon(wanted, now), valid))


def _found(now: datetime, age: float, windows: list[Window]) -> Found:
    return Found(as_of=now - timedelta(seconds=age), age_seconds=round(age, 3), windows=windows)
