"""What nearly every test of a service begins with; which service it is of, its folder says."""

import httpx
import pytest

from libs.kit.db import Database
from tests.conftest import Clients, Databases


@pytest.fixture
async def db(database: Databases, request: pytest.FixtureRequest) -> Database:
    """The service's database, migrated, of this worker."""
    return await database(request.path.parent.name)


@pytest.fixture
async def api(client: Clients, request: pytest.FixtureRequest) -> httpx.AsyncClient:
    """The service's real application, on that database."""
    return await client(request.path.parent.name)
