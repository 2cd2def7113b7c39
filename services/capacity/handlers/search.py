"""Searching: from the index of this process, from the rows until that is loaded, and rather not at all than from what
is old. What is found was free a moment ago; the ledger decides when it is held."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from uuid import UUID

import msgspec

from libs.kit.db import ReadSession
from libs.kit.errors import Unavailable
from libs.service.runtime import Kit
from services.capacity import store
from services.capacity.domain.search import Part, Wanted, Window, parts
from services.capacity.search.feed import feed_of
from services.capacity.search.index import within_horizon
from services.capacity.search.qualified import qualified_of

MOST_SECONDS = 5.0
"""Older than this, nothing is told."""


class Holdable(msgspec.Struct, frozen=True, kw_only=True):
    """Where there was room a moment ago, and what to hold of it."""

    resource_id: UUID
    workshop_id: UUID
    site_id: UUID
    name: str
    """Of the resource."""
    starts_on: date
    ends_on: date
    quantity: int
    """As much as was asked for, or the least above it that is sold."""
    price: int
    """Of all of it, set-up included, in minor units of the currency asked for."""
    km: float | None
    """From the place asked about."""
    sold_to_you: bool
    """Whether who asks may hold it; if not, the workshop sells by invitation, and may be asked for one."""
    days: list[Part]
    """All that is free of each day, until there is enough: what a hold asks for."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Where there was room a moment ago. Only a hold makes sure."""

    as_of: datetime
    """All that was held, booked, published or shown before this instant is taken into account."""
    age_seconds: float
    """How long ago that was when this was answered."""
    windows: list[Holdable]
    """The best first; as many as were asked for, or all that there are."""


async def search(kit: Kit, wanted: Wanted) -> Found:
    """The best windows. Raises Unavailable (SEARCH_STALE) if nobody has heard of the ledger for a while."""
    looked, valid = await qualified_of(kit.database).at(wanted.qualifications)
    index = feed_of(kit.database).index
    if index is not None and index.heard.age() <= MOST_SECONDS:
        found = index.find(wanted, valid)
        return _found(index.heard.now(), max(looked, index.heard.age()), found, map(index.free, found))
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
    found = await store.find_in_rows(session, within_horizon(wanted, now), valid)
    return _found(now, age, found, await store.free_in_rows(session, found))


def _found(now: datetime, age: float, found: Sequence[Window], free: Iterable[Sequence[int]]) -> Found:
    windows = [_holdable(window, quantities) for window, quantities in zip(found, free, strict=True)]
    return Found(as_of=now - timedelta(seconds=age), age_seconds=round(age, 3), windows=windows)


def _holdable(window: Window, free: Sequence[int]) -> Holdable:
    return Holdable(**asdict(window), days=parts(window, free))
