"""A database of capacity for one measurement."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from sqlalchemy import URL

from libs.kit.db import Database
from libs.kit.migrate import migrate
from libs.kit.settings import Settings


def arguments(url: URL) -> dict[str, Any]:
    """What asyncpg is told to connect there."""
    given = {"host": url.host, "port": url.port, "user": url.username, "password": url.password} | dict(url.query)
    return {"database": url.database} | {name: value for name, value in given.items() if value is not None}


async def drop(settings: Settings) -> None:
    """Away with the database that the settings name, if it is there."""
    admin = await asyncpg.connect(**arguments(settings.server), timeout=10)
    await admin.execute(f"DROP DATABASE IF EXISTS {settings.database} WITH (FORCE)", timeout=60)
    await admin.close(timeout=5)


@asynccontextmanager
async def fresh(settings: Settings) -> AsyncIterator[Database]:
    """It, new and migrated, until the block ends."""
    await drop(settings)
    await migrate(settings.service, database=settings.database)
    database = Database(settings.url)
    yield database
    await database.close()
    await drop(settings)
