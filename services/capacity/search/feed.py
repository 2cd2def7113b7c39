"""How search hears of the ledger: from the ledger's events in the outbox, which stands in the same database.

Every process needs every event, at once. Members of a consumer group share events out, and the way over the broker is
two waits longer and ends when the broker does. So every process reads the outbox itself, 25 times a second. That also
says truly how old an index is: nothing that was committed before the last look is missing.
"""

import time
from collections.abc import Iterable, Sequence
from functools import lru_cache
from uuid import UUID

import msgspec

from libs.contracts import capacity
from libs.contracts.capacity import Bucket
from libs.kit.db import Database
from libs.service import tail
from libs.service.runtime import Kit
from libs.service.tail import Tail, Told
from services.capacity import store
from services.capacity.domain.availability import first_searched
from services.capacity.search import metrics
from services.capacity.search.index import Heard, Index

LOOK = 0.04
"""Seconds between looks at the outbox."""
MOST = 500
"""Events of one look: what they change is done in one go, and others wait for it."""
_BUCKET, _RESOURCE = capacity.BucketChanged.topic, capacity.ResourcePublished.topic

_bucket = msgspec.json.Decoder(Bucket)


class Feed:
    """Keeps the index of a process, if `look` is called again and again."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._tail = Tail()
        self.index: Index | None = None
        """None until everything was loaded."""

    async def look(self) -> None:
        """Take in what was committed since the last look. The first time, and every few weeks, load everything."""
        if self.index is None or self.index.is_worn():
            self.index = await self._loaded()
        while await self._follow(self.index):
            pass

    async def _loaded(self) -> Index:
        """From the rows, which have at least what was told up to where the tail begins; told again, it does no harm."""
        began = time.monotonic()
        async with self._database.work() as session:
            after, _ = await store.kept_until(session)
            index = Index(Heard(await store.now(session), began))
            async for some in store.kept_availabilities(session):
                index.put(some)
            for resource_id, day, taken in await store.taken(session, index.first_day):
                index.set_taken(resource_id, day, taken)
        self._tail = Tail(after)
        while await self._follow(index):
            pass
        metrics.LOADED.set(time.monotonic() - began)
        return index

    async def _follow(self, index: Index) -> bool:
        """Whether there may be more."""
        began = time.monotonic()
        async with self._database.work() as session:
            told, ahead = await tail.read(session, self._tail, (_BUCKET, _RESOURCE), MOST)
            changed = {one.aggregate_id for one in told if one.topic == _RESOURCE}
            rows = await store.availabilities(session, changed, index.first_day) if changed else []
        for bucket in _buckets(told):
            index.set_free(bucket.resource_id, bucket.day, max(0, bucket.published - _taken(bucket)))
            index.set_taken(bucket.resource_id, bucket.day, _taken(bucket))
        index.put(rows)
        self._tail = ahead
        if ahead.at is not None:
            index.heard = Heard(ahead.at, began)
        _note_lag(index.heard, told)
        return ahead.at is None


def _buckets(told: Iterable[Told]) -> list[Bucket]:
    return [_bucket.decode(one.payload) for one in told if one.topic == _BUCKET]


def _taken(bucket: Bucket) -> int:
    return bucket.held + bucket.committed + bucket.blocked


def _note_lag(heard: Heard, told: Sequence[Told]) -> None:
    now = heard.now()
    for one in told:
        metrics.LAG.observe((now - one.created_at).total_seconds())


class Keeper:
    """Keeps the rows of all resources. One process at a time has the turn; whichever asks and is first."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._tail = Tail()

    async def keep(self) -> None:
        """Write the rows of resources of which the ledger has told, and those that have become old."""
        while await self._turn():
            pass

    async def _turn(self) -> bool:
        """Whether there may be more."""
        async with self._database.work() as session:
            after = await store.turn_to_keep(session)
            if after is None:
                return False
            begin = self._tail if self._tail.after == after else Tail(after)
            told, ahead = await tail.read(session, begin, (_BUCKET, _RESOURCE), MOST)
            first_day = first_searched(await store.now(session))
            worn = await store.worn_availabilities(session, first_day, MOST)
            ids = {*worn, *map(_resource_of, told)}
            await store.keep_availabilities(session, await store.availabilities(session, ids, first_day))
            await store.kept_up_to(session, ahead.after, ahead.at)
        self._tail = ahead
        return ahead.at is None or len(worn) == MOST


def _resource_of(told: Told) -> UUID:
    return _bucket.decode(told.payload).resource_id if told.topic == _BUCKET else told.aggregate_id


feed_of = lru_cache(maxsize=8)(Feed)
"""The feed of this process, by its database."""
_keeper_of = lru_cache(maxsize=8)(Keeper)


async def look(kit: Kit) -> None:
    """The job that keeps the index of this process."""
    await feed_of(kit.database).look()


async def keep(kit: Kit) -> None:
    """The job that keeps the rows."""
    await _keeper_of(kit.database).keep()
