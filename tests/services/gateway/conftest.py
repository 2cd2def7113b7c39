"""The gateway's real application and database, and a way to tell it events without waiting for Kafka."""

import asyncio
import importlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import groupby
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from libs.contracts import Event
from libs.graphql_transports.http import running
from libs.kit.clock import SystemClock
from libs.kit.db import Database
from libs.kit.settings import Settings
from libs.kit.testing import eventually
from libs.service.runtime import build
from services.gateway.api.schema import schema
from services.gateway.app import api
from services.gateway.handlers import project
from services.gateway.subscriptions import changes
from tests.conftest import Clients
from tests.services.gateway.world import Asker

Tell = Callable[..., Awaitable[None]]
Serve = Callable[[str], Awaitable[str]]


@pytest.fixture(autouse=True)
def all_compiled() -> Iterator[None]:
    """Whatever a test asks, nothing of it is left to graphql-core."""
    before = Counter(schema.plans.fallbacks)
    yield
    assert schema.plans.fallbacks == before


@pytest.fixture
async def ask(db: Database, worker: str) -> AsyncIterator[Asker]:
    """The application as it answers; its relay, consumer and jobs rest, since `tell` does their work."""
    kit = api.state.kit = build(Settings(service="gateway", database=f"gateway_{worker}"), SystemClock())
    transport = httpx.ASGITransport(api, raise_app_exceptions=False)
    async with running(api), httpx.AsyncClient(transport=transport, base_url="http://t") as http:
        yield Asker(http)
    await kit.close()


@pytest.fixture
async def serve(client: Clients) -> AsyncIterator[Serve]:
    """Start a service's real application with all its tasks behind a real port; gives its URL."""
    async with AsyncExitStack() as stack:

        async def start(service: str) -> str:
            await client(service)
            served = importlib.import_module(f"services.{service}.app").api
            return f"http://{await stack.enter_async_context(port_of(served))}"

        yield start


@pytest.fixture
async def live(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Asker]:
    """The gateway and capacity, for real, behind real ports."""
    monkeypatch.setenv("FILIERA_SERVICES", json.dumps({"capacity": await serve("capacity")}))
    async with httpx.AsyncClient(base_url=await serve("gateway"), timeout=30) as http:
        yield Asker(http)


@pytest.fixture
async def address(ask: Asker) -> AsyncIterator[str]:
    """Host and port of the application as `ask` has it."""
    async with port_of(api) as where:
        yield where


@asynccontextmanager
async def port_of(served: FastAPI, **options: Any) -> AsyncIterator[str]:
    """An application behind a real port of the loopback; `host:port`. Options are uvicorn's."""
    server = uvicorn.Server(uvicorn.Config(served, port=0, lifespan="off", log_config=None, **options))
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)
    yield f"127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    async with asyncio.timeout(10):
        await serving


@pytest.fixture
def tell(db: Database) -> Tell:
    """Project events as the consumer would: a batch per topic, in the order given."""

    async def told(*events: Event) -> None:
        async with db.work() as session:
            for _, batch in groupby(sorted(events, key=lambda event: event.topic), key=lambda event: event.topic):
                await project(session, list(batch), changes)

    return told
