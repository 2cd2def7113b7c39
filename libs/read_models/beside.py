"""New tables beside the old ones: made, filled, and put in their place. The only one at work on them holds a lock."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from dataclasses import replace
from typing import NamedTuple
from uuid import UUID

import asyncpg
from sqlalchemy import URL

from libs.kit.db import connect
from libs.kit.refusal import RefusedError
from libs.read_models.declaration import ReadModel

_ONE_AT_A_TIME = 7_351_003
"""Advisory lock in the service's database. It goes with the connection, and so does the right to swap."""
_LOOKS = 4
"""How often it is looked, with writers waiting, whether all has come: what they have written is on its way."""
_GIVE_UP_MS = 800
"""Shorter than PostgreSQL's deadlock_timeout of 1 s: whoever waits for us here is never ended for it."""
_WRITERS_WAIT = 3.0
"""Seconds at most: less than their own patience for a lock."""
_MOST = 1_000

_MISSING = """
    SELECT told.aggregate_id, told.version FROM consumed AS told
     WHERE told.consumer = $1 AND told.topic = $2
       AND NOT EXISTS (SELECT FROM {table} AS here WHERE here.id = told.aggregate_id AND here.version >= told.version)
       AND NOT EXISTS (SELECT FROM parked WHERE parked.consumer = told.consumer AND parked.topic = told.topic
                          AND parked.aggregate_id = told.aggregate_id)
     ORDER BY told.aggregate_id LIMIT $3
"""


Swapping = Callable[[asyncpg.Connection], AbstractAsyncContextManager[None]]
"""What is around a swap, whose transaction is this connection's: whoever keeps what the old tables say forgets it."""


class State(NamedTuple):
    """A version of an aggregate that the service has been told of."""

    topic: str
    id: UUID
    version: int


class Beside:
    """The new tables of a service's read models, until they are in the place of the old."""

    def __init__(
        self, connection: asyncpg.Connection, service: str, models: Iterable[ReadModel], swapping: Swapping
    ) -> None:
        self._connection, self._service, self._swapping = connection, service, swapping
        self._names = [model.table for model in models]
        self._made_at = ""
        self.models = {model.topic: replace(model, table=f"rebuilt.{model.table}") for model in models}
        """What is filled, by topic."""

    async def make(self) -> None:
        """Make them, empty, as the old ones are: columns, indexes, grants and who may see a row."""
        self._made_at = await self._connection.fetchval("SELECT rebuilt_make($1)", self._names)

    async def remove(self) -> None:
        """Leave none behind."""
        await self._connection.execute("SELECT rebuilt_make('{}')")

    async def missing(self) -> set[State]:
        """What the service has been told and the new tables do not have, some of it if it is much.

        What the service could not handle and has parked is not missing: no table has it.
        """
        found: set[State] = set()
        for topic, model in self.models.items():
            rows = await self._connection.fetch(_MISSING.format(table=model.table), self._service, topic, _MOST)
            found |= {State(topic, row["aggregate_id"], row["version"]) for row in rows}
        return found

    async def analyze(self) -> None:
        """Have the planner know them from the first query on."""
        await self._connection.execute("SELECT rebuilt_analyze()")

    async def swap(self, read_on: Callable[[], Awaitable[object]]) -> bool:
        """Put the new tables in the place of the old, which are dropped, in one transaction; whether that was done.

        Writers wait while what they have written is read; readers wait for the moment of the swap alone.
        """
        try:
            async with self._swapping(self._connection), self._connection.transaction():
                await self._lock("EXCLUSIVE", self._names)
                async with asyncio.timeout(_WRITERS_WAIT):
                    complete = await self._complete(read_on)
                if not complete:
                    return False
                await self._lock("ACCESS EXCLUSIVE", [*(model.table for model in self.models.values()), *self._names])
                await self._connection.execute("SELECT rebuilt_swap($1, $2)", self._names, self._made_at)
        except (asyncpg.QueryCanceledError, TimeoutError):  # somebody reads for long, or the log is slow: later
            return False
        return True

    async def _complete(self, read_on: Callable[[], Awaitable[object]]) -> bool:
        for _ in range(_LOOKS):
            if not await self.missing():
                return True
            await read_on()
        return False

    async def _lock(self, mode: str, tables: Sequence[str]) -> None:
        await self._connection.execute(f"SET LOCAL statement_timeout = {_GIVE_UP_MS}")
        await self._connection.execute(f"LOCK TABLE {', '.join(tables)} IN {mode} MODE")
        await self._connection.execute("SET LOCAL statement_timeout = 0")


@asynccontextmanager
async def beside(
    url: URL, service: str, models: Sequence[ReadModel], swapping: Swapping = nullcontext
) -> AsyncIterator[Beside]:
    """New, empty tables of these read models, which are gone when the block ends, unless they were swapped in.

    Raises RefusedError if somebody is building others. What one that was killed has left is cleared away first.
    """
    connection = await connect(url, timeout=10, command_timeout=120)
    try:
        await connection.execute(f"SET ROLE {service}_worker")
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _ONE_AT_A_TIME):
            raise RefusedError(
                f"The read models of {service} are being rebuilt by somebody else: wait until that ends."
            )
        made = Beside(connection, service, models, swapping)
        try:
            await made.make()
            yield made
        finally:
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):  # the next one clears away
                await asyncio.shield(made.remove())
    finally:
        await connection.close(timeout=5)
