"""What the benchmarks of messaging share: the database of the probe, new topics for each round, loops that end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import text

from libs.kit.db import Database
from libs.kit.ids import new_id
from libs.kit.migrate import migrate
from libs.kit.settings import Settings

ROUNDS = 3


async def prepare(database: str) -> None:
    """Make the probe's database of this name, if it is not there."""
    await migrate("probe", database=database, scripts=Path(__file__).parents[1] / "tests" / "libs")


def settings(database: str) -> Settings:
    """Of one round."""
    return Settings(service="probe", database=database, topic_prefix=f"{new_id().hex}.", kafka_create_topics=True)


async def clear(database: Database) -> None:
    """Forget what earlier rounds told and saw."""
    async with database.work() as session:
        for table in ("outbox", "relay", "relay_progress", "consumed"):
            await session.execute(text(f"DELETE FROM {table}"))


@asynccontextmanager
async def running(*loops: Awaitable[None]) -> AsyncIterator[None]:
    """Run these until the block ends."""
    tasks = [asyncio.ensure_future(loop) for loop in loops]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
