"""What nearly every test of capacity begins with."""

import httpx
import pytest

from libs.kit.db import Database
from services.capacity.domain.offer import Resource
from tests.conftest import Clients, Databases
from tests.services.capacity.world import a_resource, publish


@pytest.fixture
async def db(database: Databases) -> Database:
    """A migrated database of its own to this worker."""
    return await database("capacity")


@pytest.fixture
async def api(client: Clients) -> httpx.AsyncClient:
    """The service's real application, on that database."""
    return await client("capacity")


@pytest.fixture
async def bench(db: Database) -> Resource:
    """A resource of somebody's, with nothing special about it."""
    resource = a_resource()
    await publish(db, resource)
    return resource
