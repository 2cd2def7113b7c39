"""The gateway's real application and database, and a way to tell it events without waiting for Kafka."""

from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import groupby

import httpx
import pytest

from libs.contracts import Event
from libs.kit.clock import SystemClock
from libs.kit.db import Database
from libs.kit.runtime import build
from libs.kit.settings import Settings
from services.gateway import commands
from services.gateway.app import api, changes
from services.gateway.handlers import project
from tests.conftest import Databases
from tests.services.gateway.world import Asker

Tell = Callable[..., Awaitable[None]]


@pytest.fixture
async def db(database: Databases) -> Database:
    return await database("gateway")


@pytest.fixture
async def ask(db: Database, worker: str) -> AsyncIterator[Asker]:
    """The application as it answers; its relay, consumer and jobs rest, since `tell` does their work."""
    kit = api.state.kit = build(Settings(service="gateway", database=f"gateway_{worker}"), SystemClock())
    transport = httpx.ASGITransport(api, raise_app_exceptions=False)
    async with commands.client() as api.state.http, httpx.AsyncClient(transport=transport, base_url="http://t") as http:
        yield Asker(http)
    await kit.close()


@pytest.fixture
def tell(db: Database) -> Tell:
    """Project events as the consumer would: a batch per topic, in the order given."""

    async def told(*events: Event) -> None:
        async with db.work() as session:
            for _, batch in groupby(sorted(events, key=lambda event: event.topic), key=lambda event: event.topic):
                await project(session, list(batch), changes)

    return told
