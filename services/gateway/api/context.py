"""What the resolvers of one operation share: who asks, one read transaction, and loaders that batch."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple, TypeAlias, TypeVar
from uuid import UUID

import strawberry
from starlette.requests import HTTPConnection
from strawberry.dataloader import DataLoader

from libs.contracts import Event, capacity
from libs.kit.auth import Principal
from libs.kit.db import ReadSession
from libs.kit.runtime import Kit, kit_of
from services.gateway import store, views
from services.gateway.changes import Changes
from services.gateway.commands import Commands
from services.gateway.opaque import Written

_PATIENCE = 2.0
"""Seconds that a query waits for what it must see."""
_LOOK_AGAIN = 0.25

T = TypeVar("T")
E = TypeVar("E", bound=Event)


@dataclass
class Connection:
    """An HTTP request or a web socket: what its operations begin with."""

    kit: Kit
    changes: Changes
    commands: Commands
    caller: Principal | None = None
    authorization: str | None = None
    after: Sequence[Written] = ()
    """What its queries must see, if that comes in time."""
    connection_params: dict[str, Any] | None = None
    """The payload of a web socket's `connection_init`."""

    async def identify(self, authorization: str | None) -> None:
        """Learn who is calling, if anybody says so. Raises Unauthenticated."""
        if authorization is not None:
            self.caller = await self.kit.verifier.principal(authorization)
            self.authorization = authorization


def connect(http: HTTPConnection, after: Sequence[Written] = ()) -> Connection:
    """The beginning of a request or a web socket."""
    kit, state = kit_of(http), http.app.state
    return Connection(kit, state.changes, Commands(state.http, kit.settings.services), after=after)


class PageOf(NamedTuple):
    """One page of a parent's list."""

    listing: store.Listing
    column: str
    parent: UUID
    first: int
    after: tuple[str, ...]


class DaysOf(NamedTuple):
    """Touched days of a resource."""

    resource: UUID
    start: date
    days: int


class Context:
    """One operation. Its reads share a connection of the pool, one after another, until `release`."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.caller = connection.caller
        self.party = connection.caller.party if connection.caller else None
        self._turn = asyncio.Lock()
        self._open = AsyncExitStack()
        self._session: ReadSession | None = None
        self.forget()

    def forget(self) -> None:
        """Let the loaders look again: a subscription's next answer must not see the last one's world."""
        self.nodes: DataLoader[tuple[str, UUID], Event | None] = DataLoader(self._nodes)
        self.pages: DataLoader[PageOf, list[Event]] = DataLoader(self._pages)
        self.days: DataLoader[DaysOf, dict[date, capacity.Bucket]] = DataLoader(self._days)

    async def read(self, query: Callable[[ReadSession], Awaitable[T]]) -> T:
        """Run a query under the caller's party."""
        async with self._turn:
            if self._session is None:
                parties = [self.party] if self.party else []
                reading = self.connection.kit.database.read(*parties)
                self._session = await self._open.enter_async_context(reading)
            return await query(self._session)

    async def find(self, topic: str, key: UUID | None) -> Any:
        """An aggregate by its id as the caller may see it; None if there is none, or none that may be seen."""
        event = await self.nodes.load((topic, key)) if key else None
        return event and self.seen(event)

    def seen(self, event: E) -> E:
        """What the caller may see of it."""
        return views.seen_by(self.party, event)

    async def release(self) -> None:
        """Give the connection back; the next read takes a new one and sees what has come since."""
        async with self._turn:
            self._session = None
            await self._open.aclose()

    async def stale(self) -> bool:
        """Wait until the read models have what the request must see; True if they do not have it in time."""
        wanted = self.connection.after
        until = asyncio.get_running_loop().time() + _PATIENCE
        with self.connection.changes.watch(*(f"{one.topic}:{one.id}" for one in wanted)) as watch:
            while not await self._has(wanted):
                if (left := until - asyncio.get_running_loop().time()) <= 0:
                    return True
                await watch.wait(min(left, _LOOK_AGAIN))
        return False

    async def _has(self, wanted: Sequence[Written]) -> bool:
        self.forget()
        found = await asyncio.gather(*(self.nodes.load((one.topic, one.id)) for one in wanted))
        await self.release()
        return all(event and event.version >= one.version for event, one in zip(found, wanted, strict=True))

    async def _nodes(self, keys: list[tuple[str, UUID]]) -> Sequence[Event | None]:
        found: dict[tuple[str, UUID], Event] = {}
        for topic in dict.fromkeys(topic for topic, _ in keys):
            ids = [id_ for of, id_ in keys if of == topic]
            events = await self.read(lambda session, of=topic, ids=ids: store.by_ids(session, of, ids))  # type: ignore[misc]
            found |= {(topic, id_): event for id_, event in events.items()}
        return [found.get(key) for key in keys]

    async def _pages(self, keys: list[PageOf]) -> Sequence[list[Event]]:
        alike: dict[PageOf, list[UUID]] = defaultdict(list)
        for key in keys:
            alike[key._replace(parent=_ANY)].append(key.parent)
        found: dict[PageOf, list[Event]] = {}
        for of, parents in alike.items():
            pages = await self.read(
                lambda session, of=of, ids=parents: store.pages(  # type: ignore[misc]
                    session, of.listing, of.first, of.after, of.column, ids
                )
            )
            found |= {of._replace(parent=id_): page for id_, page in zip(parents, pages, strict=True)}
        return [found[key] for key in keys]

    async def _days(self, keys: list[DaysOf]) -> Sequence[dict[date, capacity.Bucket]]:
        found: dict[DaysOf, dict[date, capacity.Bucket]] = {key: {} for key in keys}
        for start, days in dict.fromkeys((key.start, key.days) for key in keys):
            ids = [key.resource for key in keys if (key.start, key.days) == (start, days)]
            touched = await self.read(
                lambda session, ids=ids, start=start, days=days: store.buckets(session, ids, start, days)  # type: ignore[misc]
            )
            for (resource, day), bucket in touched.items():
                found[DaysOf(resource, start, days)][day] = bucket
        return [found[key] for key in keys]


_ANY = UUID(int=0)
Info: TypeAlias = strawberry.Info[Context, None]
