"""What PostgreSQL knows of the answers that are kept: which epoch of them may be given, and until when at the latest.

It is the one row of a table, `answers (epoch text, until timestamptz NOT NULL)`, that the service and its worker may
update.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import NamedTuple

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.graphql_cache.tags import number_of
from libs.kit.db import ReadSession, WriteSession

_LOCKS = 0x416E7377
"""The first half of our advisory locks' keys: `Answ`. The second is a kind as a number."""
EVERYTHING = 0
"""In the place of a kind: of all of them."""
_LOCK = text("SELECT pg_advisory_xact_lock_shared(:locks, kind) FROM unnest(CAST(:kinds AS int[])) AS kind")
_LOCKED = text(
    "SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2"
    " AND classid = CAST(:locks AS bigint)"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
_LEFT = "greatest(0, extract(epoch FROM until - clock_timestamp()))::float8"
_NOW = text(f"SELECT epoch, {_LEFT} AS left FROM answers")  # noqa: S608 - ours
_UNTIL = "clock_timestamp() + make_interval(secs => CAST(:lease AS float8))"
_RENEW = text(f"UPDATE answers SET until = {_UNTIL} WHERE epoch = :epoch RETURNING epoch")  # noqa: S608 - ours
_OPEN = text(f"""
    UPDATE answers SET epoch = :epoch, until = {_UNTIL}
     WHERE until < clock_timestamp()
       AND (epoch IS NOT NULL OR until < clock_timestamp() - make_interval(secs => CAST(:rest AS float8)))
    RETURNING epoch
""")  # noqa: S608 - ours
_SHUT = text("UPDATE answers SET epoch = NULL WHERE epoch = :epoch")
_SHUT_ANY = f"UPDATE answers SET epoch = NULL RETURNING {_LEFT}"  # noqa: S608 - ours


class Now(NamedTuple):
    """What may be given now."""

    epoch: str | None
    """Answers of this one; None: of none."""
    left: float
    """Seconds until no answer of it, or of the last one, is given any more, if nothing is done."""


async def now(session: ReadSession | WriteSession) -> Now:
    """As it is committed now."""
    return Now(*(await session.execute(_NOW)).one())


async def renew(session: WriteSession, epoch: str, lease: float) -> bool:
    """Let an epoch's answers be given for so many seconds from now; False if they may be no more."""
    return (await session.execute(_RENEW, {"epoch": epoch, "lease": lease})).first() is not None


async def begin(session: WriteSession, epoch: str, lease: float, rest: float) -> bool:
    """Let a new epoch's answers be given, if those of the last one are not any more, and if that was shut, not for
    `rest` seconds; whether they may."""
    return (await session.execute(_OPEN, {"epoch": epoch, "lease": lease, "rest": rest})).first() is not None


async def shut(session: WriteSession, epoch: str) -> None:
    """Have an epoch not renewed any more: committed at once, whatever becomes of the session."""
    async with AsyncSession(session.bind) as own, own.begin():
        await own.execute(_SHUT, {"epoch": epoch})


async def writing(session: WriteSession, kinds: Iterable[str]) -> None:
    """Have it known until the transaction has ended, however it does, that it writes things of these kinds."""
    await session.execute(_LOCK, {"locks": _LOCKS, "kinds": sorted(map(number_of, kinds))})


async def being_written(session: ReadSession) -> set[int]:
    """The kinds, as numbers, of which some other transaction may write things that statements from now on do not see.

    At READ COMMITTED: a lock is let go after what its transaction wrote can be seen.
    """
    return set(await session.scalars(_LOCKED, {"locks": _LOCKS}))


@asynccontextmanager
async def nothing_kept(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """While the block runs no answer is given that was kept before, and none is kept of what is read now: whatever a
    transaction of this connection does to the tables in it, whole ones at once, no answer is older. Begins after
    seconds; if the connection breaks, its transaction has done nothing."""
    await connection.execute("SELECT pg_advisory_lock_shared($1, $2)", _LOCKS, EVERYTHING)
    try:
        while left := await connection.fetchval(_SHUT_ANY):  # noqa: ASYNC110 - nobody tells when it is over
            await asyncio.sleep(left)
        yield
    finally:
        await connection.execute("SELECT pg_advisory_unlock_shared($1, $2)", _LOCKS, EVERYTHING)
