"""What nearly every test of capacity begins with."""

import httpx
import pytest

from libs.kit.db import Database
from tests.conftest import Clients, Databases


@pytest.fixture
async def db(database: Databases) -> Database:
    """A migrated database of its own to this worker."""
    return await database("capacity")


@pytest.fixture
async def api(client: Clients) -> httpx.AsyncClient:
    """The service's real application, on that database."""
    return await client("capacity")
