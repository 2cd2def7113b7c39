"""Sessions: one transaction each, bound to the parties it speaks for, committed at the edge.

    Session
    ├── ReadSession   cannot write: the transaction is read only
    └── WriteSession  commits when its block ends well, else changes nothing

Application code never commits. `outbox.add` takes a WriteSession, so an event cannot be told from a read.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, suppress
from functools import lru_cache, partial
from itertools import accumulate
from typing import Any, NamedTuple, NewType
from uuid import UUID

import asyncpg
from sqlalchemy import URL, event, text
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from libs.kit.refusal import RefusedError, refused_tls, trusting

ReadSession = NewType("ReadSession", AsyncSession)
WriteSession = NewType("WriteSession", AsyncSession)
Session = ReadSession | WriteSession

_CLOSING = 3.0
BACKGROUND = 6
"""Connections for the relay (two), the consumer, jobs and health."""
_BIND = text("SELECT set_config('app.parties', :parties, true), set_config('role', :role, true)")
_PARTIES = text("SELECT set_config('app.parties', :parties, true)")

_SERVER_SETTINGS = {
    "application_name": "filiera",
    "statement_timeout": "15000",
    "lock_timeout": "5000",
    "idle_in_transaction_session_timeout": "15000",
    "jit": "off",  # short statements: compiling them costs more than it saves
}

_TRANSIENT = ("08", "40", "53", "57P", "58", "25006", "25P03", "55P03")
"""SQLSTATEs that begin so: connection, rollback, resources, shutdown, system; standby, idle, lock not available."""


class Database:
    """A service's own database. Connects as the service's role, which owns nothing."""

    def __init__(self, url: URL, *, pool_size: int = 10) -> None:
        self.url, self.service = url, url.username or ""
        self.outbox_written = asyncio.Event()
        """Set after a commit that added to the outbox; the relay sleeps on it."""
        self._requests, self._background = _pool(url, pool_size), _pool(url, BACKGROUND)
        self._reader = self._requests.execution_options(postgresql_readonly=True)

    @asynccontextmanager
    async def read(self, *parties: UUID, role: str | None = None) -> AsyncIterator[ReadSession]:
        """A read-only transaction that sees what these parties, or a role other than the service's, may see."""
        async with heeding_cancellation(), AsyncSession(self._reader) as session:
            await _bind(session, parties, role or self.service)
            yield ReadSession(session)

    def write(self, *parties: UUID, role: str | None = None) -> AbstractAsyncContextManager[WriteSession]:
        """A transaction bound to these parties; commits when the block ends, rolls back when it raises."""
        return self._writing(self._requests, parties, role or self.service)

    @asynccontextmanager
    async def batch(self, role: str) -> AsyncIterator[WriteSession]:
        """A transaction of a role that speaks for every party, for `rows` and `write` alone: in SQLAlchemy's hands a
        transaction costs this process ten times as much."""
        async with heeding_cancellation():
            with closing(await self._requests.raw_connection()) as connection:
                driver: Any = connection.driver_connection
                session = WriteSession(AsyncSession(info={"driver": driver}))
                try:
                    await driver.execute(f"BEGIN; SET LOCAL ROLE {role}")
                    yield session
                    await driver.execute("COMMIT")
                except BaseException:
                    connection.invalidate()  # nobody knows how far its transaction is: it must not be used again
                    raise
        self._committed(session)

    def work(self) -> AbstractAsyncContextManager[WriteSession]:
        """A transaction of a background job, which speaks for every party (`<service>_worker`). It has connections of
        its own: a crowd of requests must not keep the relay from its lease."""
        return self._writing(self._background, (), f"{self.service}_worker")

    @asynccontextmanager
    async def _writing(self, pool: AsyncEngine, parties: Iterable[UUID], role: str) -> AsyncIterator[WriteSession]:
        async with heeding_cancellation(), AsyncSession(pool, expire_on_commit=False) as session, session.begin():
            await _bind(session, parties, role)
            yield WriteSession(session)
        self._committed(session)

    def _committed(self, session: AsyncSession) -> None:
        if session.info.get("outbox"):
            self.outbox_written.set()

    async def close(self) -> None:
        """Close every connection; those that a cancelled task is just giving back are waited for."""
        engines = (self._requests, self._background)
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING):
                while any(map(_in_use, engines)):  # noqa: ASYNC110 - a pool tells nobody
                    await asyncio.sleep(0.01)
        for each in engines:
            await each.dispose()


async def connect(url: URL, **options: Any) -> asyncpg.Connection:
    """A connection. What the URL says of TLS (sslmode, sslrootcert, sslcert, sslkey) means what it means to libpq."""
    dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return await asyncpg.connect(dsn, **options)


def engine(url: URL, connecting: dict[str, Any], **options: Any) -> AsyncEngine:
    """An engine whose connections are made by `connect`."""
    return create_async_engine(url, async_creator=partial(connect, url, **connecting), **options)


def _pool(url: URL, size: int) -> AsyncEngine:
    made = engine(
        url,
        {"timeout": 5, "command_timeout": 20, "server_settings": _SERVER_SETTINGS},
        pool_size=size,
        max_overflow=0,
        pool_timeout=5,
        hide_parameters=True,  # an error is logged with its statement, never with what parties sent
    )
    event.listen(made.sync_engine, "checkout", _not_if_closed)
    return made


def _not_if_closed(connection: Any, _record: object, _proxy: object) -> None:
    """Hand out no connection that its server has ended, as in a failover. asyncpg knows of it without asking."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError


def _in_use(pooled: AsyncEngine) -> bool:
    return isinstance(pooled.pool, AsyncAdaptedQueuePool) and pooled.pool.checkedout() > 0


async def check(url: URL, seconds: float, password: str) -> None:
    """Raise RefusedError if PostgreSQL answers and will not have us; `password` says which setting has ours.

    Raises whatever else asyncpg does if it does not answer.
    """
    server = f"PostgreSQL at {url.host}:{url.port or 5432}" if url.host else f"PostgreSQL at {url.query.get('host')}"
    if isinstance(root := url.query.get("sslrootcert"), str):
        trusting(root, "sslrootcert in FILIERA_POSTGRES")
    try:
        connection = await connect(url, timeout=seconds)
    except asyncpg.InvalidPasswordError:
        raise RefusedError(f"{server} refuses the password of role {url.username}: set {password}.") from None
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        raise RefusedError(
            f"{server} refuses role {url.username} ({error}): see sslmode in FILIERA_POSTGRES."
        ) from None
    except FileNotFoundError as error:
        if str(url.query.get("host", "")).startswith("/"):
            raise  # its socket is not there: it is away
        raise RefusedError(f"FILIERA_POSTGRES cannot be used: {error}.") from None
    except (OSError, ValueError, asyncpg.InterfaceError) as error:
        raise _refusal(error, server) or error from None
    await connection.close(timeout=seconds)


def _refusal(error: Exception, server: str) -> RefusedError | None:
    if refused := refused_tls(error, server, "sslrootcert in FILIERA_POSTGRES"):
        return refused
    if isinstance(error, ConnectionError) and "rejected SSL upgrade" in str(error):
        return RefusedError(f"{server} does not speak TLS, and sslmode in FILIERA_POSTGRES asks for it.")
    if isinstance(error, PermissionError | asyncpg.ClientConfigurationError | ValueError):
        return RefusedError(f"FILIERA_POSTGRES cannot be used: {error}.")
    return None


async def _bind(session: AsyncSession, parties: Iterable[UUID], role: str) -> None:
    await session.execute(_BIND, {"parties": _joined(parties), "role": role})


def _joined(parties: Iterable[UUID]) -> str:
    return ",".join(map(str, parties))


async def speak_for(session: WriteSession, parties: Iterable[UUID]) -> None:
    """Bind a transaction to these parties instead: its rows are theirs alone from now on."""
    await session.execute(_PARTIES, {"parties": _joined(parties)})


async def rows(session: Session, query: str, *given: object) -> list[Any]:
    """Ask asyncpg, in the session's transaction: SQLAlchemy's layers take longer than a small statement does.

    It must be asked for the connection inside a savepoint: only then does it make it.
    """
    if "driver" not in session.info or session.in_nested_transaction():
        session.info["driver"] = (await (await session.connection()).get_raw_connection()).driver_connection
    found: list[Any] = await session.info["driver"].fetch(query, *given)
    return found


class Write(NamedTuple):
    """A statement that writes, of which nobody asks what it gives back, and what it is given as $1, $2, and so on."""

    statement: str
    given: tuple[object, ...]


async def write(session: WriteSession, *writes: Write) -> None:
    """Write all this in one statement, in no particular order. What it changes must be new, or locked already."""
    if writes:
        given = [value for one in writes for value in one.given]
        await rows(session, _as_one(tuple((one.statement, len(one.given)) for one in writes)), *given)


@lru_cache(maxsize=64)
def _as_one(statements: tuple[tuple[str, int], ...]) -> str:
    """Statements, each with how many values it is given, as one that is given them all."""
    before = accumulate((given for _, given in statements), initial=0)
    parts = [
        f"write_{number} AS ({_shifted(statement, by)})"
        for number, ((statement, _), by) in enumerate(zip(statements, before, strict=False))
    ]
    return f"WITH {', '.join(parts)} SELECT"


def _shifted(statement: str, by: int) -> str:
    return re.sub(r"\$(\d+)", lambda found: f"${int(found[1]) + by}", statement)


@asynccontextmanager
async def heeding_cancellation() -> AsyncIterator[None]:
    """A task told to end ends: an error in cleaning up, such as a rollback on a lost connection, must not hide it.

    Without this a loop that outlives errors outlives its cancellation too.
    """
    try:
        yield
    except Exception as error:
        task = asyncio.current_task()
        if task and task.cancelling():
            raise asyncio.CancelledError from error
        raise


def transient(error: BaseException) -> bool:
    """Whether the same transaction may succeed later as it stands: the database is away, full, or chose a victim.

    Not a statement that took too long: a smaller transaction may succeed, the same one hardly.
    """
    closed = isinstance(error, asyncpg.InterfaceError) and "closed" in str(error)
    if closed or getattr(error, "connection_invalidated", False):
        return True
    state = getattr(getattr(error, "orig", error), "sqlstate", None)
    return isinstance(error, OSError | TimeoutError | PoolTimeoutError) or str(state).startswith(_TRANSIENT)
