"""The answers that the processes of a service keep for each other, and how they are never older than its read models.

Why that is so is argued in docs/decisions/0025-an-answer-is-never-older-than-the-read-model.md.
"""

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec
from prometheus_client import Counter

from libs.graphql_cache import epoch, scripts
from libs.graphql_cache.tags import Depends, changed_by, kind_of, number_of
from libs.graphql_limits.rules import Rules
from libs.kit.cache import AWAY
from libs.kit.db import ReadSession, WriteSession, heeding_cancellation, transient
from libs.kit.ids import new_id
from libs.service.runtime import Kit

log = logging.getLogger(__name__)

ANSWERS = Counter(
    "filiera_answers", "Answers that may be kept: kept ones, made ones, and made without a cache", ["how"]
)
SHUT = Counter("filiera_answers_shut", "How often a projection could not tell Valkey, and shut the cache")

_PATIENCE = 0.05
"""Seconds for Valkey to say what it has: making an answer takes less than waiting for longer."""
_AWAY_SECONDS = 1.0
"""For so long it is not asked again after that."""
_MARGIN = 1.0
"""Seconds by which clocks may be set while Valkey cannot be told."""
_LIFE, _TAGS_LIFE = 60, 180
"""Seconds. The former is a backstop: an answer is as good at its end as when it was made."""
_LARGEST = 256 * 1024
"""Bytes of an answer that is kept."""
_MOST_TAGS = 1_000


class Kept(NamedTuple):
    """An answer that is as new as the read models are."""

    points: int
    """What running the operation costs."""
    data: Any
    """A `msgspec.Raw`: JSON, encoded as it is."""


class Reading:
    """An answer in the making: what it depends on."""

    def __init__(self, name: str, era: str, births: int) -> None:
        self.name, self.era, self.births = name, era, births
        self.tags: set[str] = set()
        self._unknown = False
        self._being_written: set[int] = set()
        self._session: ReadSession | None = None

    async def reads(self, session: ReadSession, depends: Depends | None, *given: Any, **named: Any) -> None:
        """Before a query that is given this: its result depends on what `depends` says, or nobody knows on what."""
        if session is not self._session:
            self._session = session
            self._being_written |= await epoch.being_written(session)
        if depends is None:
            self._unknown = True
        else:
            self.tags.update(depends(*given, **named))

    @property
    def may_be_kept(self) -> bool:
        """Whether all that it depends on is known, and was still when it was read."""
        kinds = {epoch.EVERYTHING, *(number_of(kind_of(tag)) for tag in self.tags)}
        return not self._unknown and 0 < len(self.tags) <= _MOST_TAGS and not kinds & self._being_written


class Answers:
    """Those that one process sees."""

    def __init__(self, *, lease: float = 2.0, rest: float = 10.0) -> None:
        self._lease, self._rest = lease, rest
        """Seconds that answers are given without asking PostgreSQL whether they may be, and, after they could not be
        forgotten, none are kept."""
        self._kit: Kit | None = None
        self._epoch: str | None = None
        self._most = 0
        self._away_until = float("-inf")

    async def keep(self, kit: Kit) -> None:
        """Job: while it runs, answers are kept, and this process's projections can have them forgotten."""
        self._kit, self._most = kit, Rules().answers_megabytes * 2**20
        task = asyncio.current_task()
        try:
            while not (task and task.cancelling()):  # a client of ours may have swallowed it
                if self._most:
                    await self._look_after(kit)
                await asyncio.sleep(self._lease / 3)
        finally:
            self._kit = self._epoch = None

    async def look(self, *asked: Any) -> Kept | Reading | None:
        """The answer to what is asked, by whoever has no token; else what it takes to keep the one that is made; None
        while none are kept. Begin to read after this."""
        if self._kit is None or self._epoch is None or self._kit.clock.monotonic() < self._away_until:
            found = None
        else:
            found = await self._look(
                self._kit, self._epoch, sha256(msgspec.json.encode(asked, order="sorted")).hexdigest()
            )
        ANSWERS.labels("kept" if isinstance(found, Kept) else "made" if found else "uncached").inc()
        return found

    async def _look(self, kit: Kit, era: str, name: str) -> Kept | Reading | None:
        try:
            async with asyncio.timeout(_PATIENCE):
                found = await kit.cache.run(scripts.LOOK, _key(kit, era), name, _TAGS_LIFE)
        except AWAY:
            self._away_until = kit.clock.monotonic() + _AWAY_SECONDS
            return None
        if len(found) == 2:
            return Kept(found[0], msgspec.Raw(found[1]))
        return Reading(name, era, *found) if found else None

    async def store(self, reading: Reading, points: int, data: object) -> Any:
        """Keep an answer that costs so many points, if it may be kept and nothing has changed since it was begun; the
        data as a `msgspec.Raw`."""
        told = msgspec.json.encode(data)
        if self._kit and reading.may_be_kept and len(told) <= _LARGEST:
            given = reading.name, reading.births, points, told, _LIFE, _TAGS_LIFE, self._most // 2
            with suppress(*AWAY):
                async with asyncio.timeout(_PATIENCE):
                    await self._kit.cache.run(scripts.KEEP, _key(self._kit, reading.era), *given, *sorted(reading.tags))
        return msgspec.Raw(told)

    async def forget(self, session: WriteSession, keys: Iterable[str]) -> None:
        """Before what this session has changed, `<kind>:<id>`, is committed: have no answer given that is older.

        If that cannot be told to Valkey, which takes some seconds, none are given at all.
        """
        tags = changed_by(keys)
        await epoch.writing(session, {kind_of(tag) for tag in tags})
        while (now := await epoch.now(session)).epoch:
            if await self._forgotten(now.epoch, tags):
                return
            SHUT.inc()
            log.warning("answers are not kept for a while: Valkey cannot be told what has changed")
            await epoch.shut(session, now.epoch)
        await asyncio.sleep(now.left)

    async def _forgotten(self, era: str, tags: list[str]) -> bool:
        if self._kit is None:
            return False
        try:
            [lives] = await self._kit.cache.run(scripts.FORGET, _key(self._kit, era), *tags)
        except AWAY:
            return False
        return bool(lives)

    async def _look_after(self, kit: Kit) -> None:
        """Go on with the epoch that there is, or begin one. Nothing is lost if that fails: an epoch ends by itself."""
        try:
            async with heeding_cancellation():
                era = self._epoch or await self._present(kit)
                self._epoch = era if era and await self._renewed(kit, era) else await self._begun(kit)
        except Exception as error:
            if not (isinstance(error, AWAY) or transient(error)):
                raise

    async def _present(self, kit: Kit) -> str | None:
        async with kit.database.work() as session:
            return (await epoch.now(session)).epoch

    async def _renewed(self, kit: Kit, era: str) -> bool:
        """Valkey's time is taken first: so it ends there before the time that PostgreSQL knows."""
        lives, now = await kit.cache.run(scripts.LIVES, _key(kit, era))
        if not lives:
            return False
        async with kit.database.work() as session:
            may = await epoch.renew(session, era, self._lease + _MARGIN)
        if may:
            await kit.cache.run(scripts.RENEW, _key(kit, era), now + int(self._lease * 1000))
        return may

    async def _begun(self, kit: Kit) -> str | None:
        era = new_id().hex
        _, now = await kit.cache.run(scripts.LIVES, _key(kit, era))
        await kit.cache.run(scripts.OPEN, _key(kit, era), now + int(self._lease * 1000))
        async with kit.database.work() as session:
            return era if await epoch.begin(session, era, self._lease + _MARGIN, self._rest) else None


def _key(kit: Kit, era: str) -> str:
    return f"{kit.settings.topic_prefix}{kit.settings.service}.answers:{era}"
