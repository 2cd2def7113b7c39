"""Searching: from the index of this process, from the rows until that is loaded, and rather not at all than from what
is old. What is found was free a moment ago; the ledger decides when it is held."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from libs.contracts import capacity_answers
from libs.contracts.capacity_answers import SearchAnswer
from libs.contracts.values import Money
from libs.kit.db import ReadSession
from libs.kit.errors import Unavailable
from libs.service.runtime import Kit
from services.capacity import store
from services.capacity.domain.search import Wanted, Window, parts
from services.capacity.search.feed import feed_of
from services.capacity.search.index import within_horizon
from services.capacity.search.qualified import qualified_of

MOST_SECONDS = 5.0
"""Older than this, nothing is told."""


async def search(kit: Kit, wanted: Wanted) -> SearchAnswer:
    """The best windows. Raises Unavailable (SEARCH_STALE) if nobody has heard of the ledger for a while."""
    looked, valid = await qualified_of(kit.database).at(wanted.qualifications)
    index = feed_of(kit.database).index
    if index is not None and index.heard.age() <= MOST_SECONDS:
        found = index.find(wanted, valid)
        free = map(index.free, found)
        return _found(wanted, index.heard.now(), max(looked, index.heard.age()), found, free)
    async with kit.database.read() as session:
        return await in_rows(session, wanted)


async def in_rows(session: ReadSession, wanted: Wanted) -> SearchAnswer:
    """The same, from the rows."""
    now = await store.now(session)
    _, as_of = await store.kept_until(session)
    age = (now - as_of).total_seconds()
    if age > MOST_SECONDS:
        told = "What is free was last heard of too long ago to be told; nothing is wrong with your search. Ask again."
        raise Unavailable(told, code="SEARCH_STALE")
    valid = await store.valid(session, wanted.qualifications) if wanted.qualifications else None
    found = await store.find_in_rows(session, within_horizon(wanted, now), valid)
    return _found(wanted, now, age, found, await store.free_in_rows(session, found))


def _found(
    wanted: Wanted, now: datetime, age: float, found: Sequence[Window], free: Iterable[Sequence[int]]
) -> SearchAnswer:
    windows = [_told(window, wanted.currency, quantities) for window, quantities in zip(found, free, strict=True)]
    return SearchAnswer(as_of=now - timedelta(seconds=age), age_seconds=round(age, 3), windows=windows)


def _told(window: Window, currency: str, free: Sequence[int]) -> capacity_answers.Window:
    days = [capacity_answers.WindowDay(day=day, quantity=quantity) for day, quantity in parts(window, free).items()]
    told = asdict(window) | {"price": Money(window.price, currency)}
    return capacity_answers.Window(**told, days=days)
