"""What an operation begins with, and what its resolvers share: who asks, one read transaction, loaders that batch."""

import asyncio
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Awaitable, Callable, Container, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, ClassVar, Concatenate, ParamSpec, TypeVar
from uuid import UUID

from graphql import GraphQLError
from starlette.requests import HTTPConnection
from strawberry.dataloader import DataLoader

from libs.contracts import Event
from libs.graphql.changes import Changes
from libs.graphql.opaque import Written
from libs.graphql.services import Services
from libs.graphql_cache.answers import Reading
from libs.graphql_cache.tags import Depends
from libs.graphql_limits.budget import SpentError
from libs.graphql_limits.payers import RATE_LIMITED, is_hub, payer, too_dear
from libs.graphql_limits.rules import Allowed
from libs.kit.auth import Principal
from libs.kit.db import ReadSession
from libs.kit.errors import language_of
from libs.kit.metrics import REFUSALS
from libs.language import preferred, told
from libs.service.runtime import Kit, kit_of

_PATIENCE = 2.0
"""Seconds that a query waits for what it must see."""
_CHECK_EVERY = 0.25
"""Seconds between its looks, if there is no news."""

A = TypeVar("A")
T = TypeVar("T")
E = TypeVar("E", bound=Event)
P = ParamSpec("P")

Loader = DataLoader[tuple[A, UUID], T | None]
"""Finds by what is asked and an id."""


@dataclass
class Connection:
    """An HTTP request or a web socket: what its operations begin with."""

    kit: Kit
    changes: Changes
    services: Services
    allowed: Allowed
    caller: Principal | None = None
    authorization: str | None = None
    after: Sequence[Written] = ()
    """What its queries must see, if that comes in time."""
    address: str = ""
    """Where it comes from: who pays, if nobody says who is calling."""
    cost: int = 0
    """Points taken since the last answer."""
    spent: dict[str, Any] = field(default_factory=dict)
    """That, what remains, and how far behind what is read may be, for `extensions`."""
    connection_params: dict[str, Any] | None = None
    """The payload of a web socket's `connection_init`."""

    def speak(self, language: object) -> None:
        """Know the caller's language by what a web socket is opened with, if it says so by an `Accept-Language`."""
        if isinstance(language, str):
            self.services.language = preferred(language)

    def told(self, text: str) -> str:
        """A sentence of ours in the caller's language."""
        return told(text, self.services.language)

    def told_of(self, errors: list[GraphQLError]) -> list[GraphQLError]:
        """Errors with their sentences in the caller's language."""
        for error in errors:
            error.message = self.told(error.message)
        return errors

    async def identify(self, authorization: str | None) -> None:
        """Learn who is calling, if anybody says so. Raises Unauthenticated."""
        if authorization is not None:
            self.caller = await self.kit.verifier.principal(authorization)
            self.authorization = authorization

    @property
    def payer(self) -> str:
        """The name of the budget that pays."""
        return payer(self.allowed.rules, self.caller, self.address)[0]

    @property
    def is_hub(self) -> bool:
        """Whether a hub calls, which brings many things at once."""
        return is_hub(self.caller)

    def ends_at(self) -> float | None:
        """When the token ends, by the event loop's clock; None if there is no token."""
        if self.caller is None:
            return None
        left = self.caller.expires_at - self.kit.clock.now()
        return asyncio.get_running_loop().time() + left.total_seconds()

    @property
    def is_anybody(self) -> bool:
        """Whether its answers are the same for everybody who has no token: nor does it say what they must have."""
        return self.authorization is None and not self.after

    async def pay(self, points: int) -> None:
        """Spend points of whoever pays. Raises Refusal, and has taken none then."""
        if not points:
            return
        budget, limit = payer(self.allowed.rules, self.caller, self.address)
        try:
            remaining = await self.allowed.budgets.take(budget, limit, points)
        except SpentError as spent:
            REFUSALS.labels(RATE_LIMITED).inc()
            self._tell(spent.remaining, limit)
            raise too_dear(limit, spent.seconds) from None
        self.cost += min(points, limit)
        self._tell(remaining, limit)

    def _tell(self, remaining: int, limit: int) -> None:
        budget = {"cost": self.cost, "remaining": remaining, "limit": limit}
        self.spent = {"budget": budget, "lag": self.changes.lag.events(self.kit)}


def connect(http: HTTPConnection, changes: Changes, after: Sequence[Written] = ()) -> Connection:
    """The beginning of a request or a web socket."""
    kit, state = kit_of(http), http.app.state
    services = Services(state.http, kit.settings.services, language_of(http))
    address = http.client.host if http.client else ""
    return Connection(kit, changes, services, state.allowed, after=after, address=address)


class Operation(ABC):
    """One operation. Its reads share a connection of the pool, one after another, until `release`."""

    topics: ClassVar[Container[str]]
    """Of which aggregates there are read models."""
    nodes: Loader[str, Event]
    """Aggregates by topic and id."""
    asked: tuple[Any, ...]
    """Document, variables, which operation: of one that stays open."""
    depends: ClassVar[Mapping[Callable[..., Any], Depends]] = {}
    """On what the results of queries depend: without that no answer that they are in is kept."""
    reading: Reading | None = None
    """Notes on what its answer depends, if that may be kept."""
    event_id: str | None = None
    """Names what it has told last, if it is a subscription."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.caller = connection.caller
        self.party = connection.caller.party if connection.caller else None
        self._turn = asyncio.Lock()
        self._open = AsyncExitStack()
        self._session: ReadSession | None = None
        self.forget()

    @abstractmethod
    def forget(self) -> None:
        """Make the loaders anew: a subscription's next answer must not see the last one's world."""

    @abstractmethod
    def seen(self, event: E) -> E:
        """What the caller may see of it."""

    def loader(self, find: Callable[[ReadSession, A, list[UUID]], Awaitable[Mapping[UUID, T]]]) -> Loader[A, T]:
        """What is asked of many ids at once is found by one query."""

        async def load(keys: list[tuple[A, UUID]]) -> list[T | None]:
            alike: dict[A, list[UUID]] = defaultdict(list)
            for asked, id_ in keys:
                alike[asked].append(id_)
            found = {asked: await self.read(find, asked, ids) for asked, ids in alike.items()}
            return [found[asked].get(id_) for asked, id_ in keys]

        return DataLoader(load)

    def know(self, *events: Event) -> None:
        """What a service has just told of other aggregates: the read models may not have that yet."""
        for event in events:
            self.nodes.prime((event.topic, event.id), event, force=True)

    async def read(
        self, query: Callable[Concatenate[ReadSession, P], Awaitable[T]], *given: P.args, **named: P.kwargs
    ) -> T:
        """Run a query under the caller's party."""
        async with self._turn:
            if self._session is None:
                parties = [self.party] if self.party else []
                reading = self.connection.kit.database.read(*parties)
                self._session = await self._open.enter_async_context(reading)
            if self.reading:
                await self.reading.reads(self._session, self.depends.get(query), *given, **named)
            return await query(self._session, *given, **named)

    async def find(self, topic: str, key: UUID | None) -> Any:
        """An aggregate by its id as the caller may see it; None if there is none, or none that may be seen."""
        [found] = await self.find_all(topic, [key])
        return found

    async def find_all(self, topic: str, keys: Sequence[UUID | None]) -> list[Any]:
        """Aggregates by their ids, likewise, in this order."""
        wanted = list(dict.fromkeys(key for key in keys if key))
        events = await self.nodes.load_many([(topic, key) for key in wanted])
        found = {key: event and self.seen(event) for key, event in zip(wanted, events, strict=True)}
        return [found[key] if key else None for key in keys]

    async def release(self) -> None:
        """Give the connection back; the next read takes a new one and sees what has come since."""
        async with self._turn:
            self._session = None
            await self._open.aclose()

    async def stale(self) -> bool:
        """Wait until the read models have what the request must see; True if they do not have it in time."""
        wanted = self.connection.after
        if not wanted:
            return False
        until = asyncio.get_running_loop().time() + _PATIENCE
        with self.connection.changes.watch(*(f"{one.topic}:{one.id}" for one in wanted)) as watch:
            while not await self._has(wanted):
                if (left := until - asyncio.get_running_loop().time()) <= 0:
                    return True
                await watch.news(min(left, _CHECK_EVERY))
        return False

    async def _has(self, wanted: Sequence[Written]) -> bool:
        self.forget()
        found = await self.nodes.load_many([(one.topic, one.id) for one in wanted])
        await self.release()
        return all(event and event.version >= one.version for event, one in zip(found, wanted, strict=True))
