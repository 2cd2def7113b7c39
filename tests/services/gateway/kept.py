"""Processes that keep answers for each other, step by step: what is looked up, read, stored, changed, committed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

import msgspec

from libs.contracts import catalog
from libs.graphql.changes import Changes
from libs.graphql_cache.answers import Answers, Kept, Reading
from libs.graphql_cache.tags import of_ids
from libs.kit.clock import SystemClock
from libs.kit.db import Database, WriteSession
from libs.kit.settings import Settings
from libs.kit.testing import eventually
from libs.service.runtime import Kit, build
from services.gateway import store
from services.gateway.handlers import project
from tests.services.gateway import world

PARTY = "catalog.party"
LEASE = 0.5


@dataclass
class Process:
    """A gateway's process, as far as it keeps answers."""

    kit: Kit
    changes: Changes = field(default_factory=Changes)

    @property
    def answers(self) -> Answers:
        return self.changes.answers

    async def look(self, party: UUID) -> Kept | Reading | None:
        return await self.answers.look("name", party)

    async def read(self, found: Kept | Reading | None, party: UUID) -> str | None:
        """What the read model has, noted as the answer's."""
        async with self.kit.database.read() as session:
            if isinstance(found, Reading):
                await found.reads(session, of_ids, PARTY, [party])
            event = (await store.by_ids(session, PARTY, [party])).get(party)
        return cast("catalog.Party", event).name if event else None

    async def store(self, found: Kept | Reading | None, name: str | None) -> None:
        if isinstance(found, Reading):
            await self.answers.store(found, 1, name)

    async def ask(self, party: UUID) -> str | None:
        """An answer as anybody gets it."""
        found = await self.look(party)
        if isinstance(found, Kept):
            return said(found)
        name = await self.read(found, party)
        await self.store(found, name)
        return name

    async def keep(self, party: UUID) -> str | None:
        """Ask until the answer is a kept one."""
        async with asyncio.timeout(10):
            while True:
                name = await self.ask(party)
                if isinstance(await self.look(party), Kept):
                    return name
                await asyncio.sleep(0.02)

    @asynccontextmanager
    async def writing(self, *events: catalog.Party) -> AsyncIterator[WriteSession]:
        """A projection that has done all but commit."""
        async with self.kit.database.work() as session:
            await project(session, events, self.changes)
            yield session

    async def write(self, *events: catalog.Party) -> None:
        async with self.writing(*events):
            pass

    async def open(self) -> None:
        """Until answers are kept."""
        await eventually(lambda: self.answers.look("whether any are kept"))


def said(found: Any) -> str | None:
    assert isinstance(found, Kept)
    name: str | None = msgspec.json.decode(bytes(found.data))
    return name


@asynccontextmanager
async def process(database: Database, redis: str = "", *, most: int = 32) -> AsyncIterator[Process]:
    """A process at work; what it shares with others are a database and Valkey."""
    settings = Settings(service="gateway", database=database.url.database, **({"redis": redis} if redis else {}))
    async with AsyncExitStack() as stack:
        kit = build(settings, SystemClock())
        stack.push_async_callback(kit.close)
        made = Process(kit)
        made.changes.answers = Answers(lease=LEASE, rest=0.2)
        stack.push_async_callback(ended, asyncio.create_task(made.answers.keep(kit)))
        if most:
            await made.open()
        yield made


async def ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def named(name: str, party: catalog.Party) -> catalog.PartyRenamed:
    return world.later(party, catalog.PartyRenamed, name=name)
