"""What a running service holds: its settings, database, caches and keys, handed to whoever needs them."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from libs.kit.auth import Verifier
from libs.kit.cache import Cache
from libs.kit.clock import Clock
from libs.kit.db import Database
from libs.kit.settings import Settings


@dataclass(frozen=True)
class Kit:
    """One per process."""

    settings: Settings
    database: Database
    cache: Cache
    clock: Clock
    verifier: Verifier
    lag: dict[str, int] = field(default_factory=dict)
    """The consumer's: events not handled yet, by topic; empty while that is not known."""

    async def close(self) -> None:
        """Close what has connections."""
        await self.cache.close()
        await self.database.close()


def build(settings: Settings, clock: Clock) -> Kit:
    """Make the parts from settings; connects to nothing yet."""
    database = Database(settings.url, pool_size=settings.pool_size)
    return Kit(settings, database, Cache(settings.redis, settings.redis_password), clock, Verifier(settings, clock))


def kit_of(connection: HTTPConnection) -> Kit:
    """The kit of the service that a request came to."""
    kit = connection.app.state.kit
    assert isinstance(kit, Kit)  # noqa: S101 - set at start-up by libs.service.app
    return kit


async def _asked_for(connection: HTTPConnection) -> Kit:
    """A dependency that is not async costs each request a turn of a thread."""
    return kit_of(connection)


KitOf = Annotated[Kit, Depends(_asked_for)]
