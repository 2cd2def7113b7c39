"""Commands whose work takes many transactions: their key is taken until the last, so that no second runs beside it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec
from fastapi import Response
from sqlalchemy.ext.asyncio import AsyncSession

from libs.kit.db import Database, WriteSession, connect, heeding_cancellation, rows, write
from libs.kit.errors import Conflict, Problem
from libs.service.commands import Command
from libs.service.idempotency import STILL_RUNNING, Asked, first_answers, remembering

# The lock of libs/service/idempotency.py, for as long as the connection lasts.
_TAKE = """SELECT set_config('app.parties', $1, false),
    pg_try_advisory_lock(hashtextextended($1 || ' ' || $2, 0))"""
_ALIVE = {"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "3"}
"""If our machine is gone, PostgreSQL ends the connection after 40 s, and with it the lock."""


async def run(command: Command, work: Callable[[], Awaitable[msgspec.Struct]]) -> Response:
    """Do work, each part of which can be done again, and answer what it tells; or give the first answer again. Raises
    Conflict (STILL_RUNNING) if a request of this key is at work."""
    async with alone(command.kit.database, command.asked) as (session, is_free):
        [known] = await first_answers(session, [command.asked])
        if isinstance(known, Problem):
            raise known
        if known is not None:
            return known
        if not is_free:
            raise Conflict(STILL_RUNNING, code="STILL_RUNNING")
        answer = Response(msgspec.json.encode(await work()), media_type="application/json")
        await write(session, *remembering([(command.asked, answer)]))
    return answer


@asynccontextmanager
async def alone(database: Database, asked: Asked) -> AsyncIterator[tuple[WriteSession, bool]]:
    """A connection of its own that keeps a key, and whether it was free, for `rows` and `write` alone: in no
    transaction, so nobody ends it for being idle. A process that is killed gives its keys back with its connections."""
    connection = await connect(database.url, timeout=5, command_timeout=20, server_settings=_ALIVE)
    session = WriteSession(AsyncSession(info={"driver": connection}))
    try:
        async with heeding_cancellation():
            [(_, is_free)] = await rows(session, _TAKE, str(asked.party), asked.key)
            yield session, is_free
    finally:
        if not connection.is_closed():
            await connection.execute("SELECT pg_advisory_unlock_all()")  # whoever sends again at once finds it free
        connection.terminate()
