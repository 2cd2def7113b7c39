"""What nearly every test of orders begins with."""

import pytest

from libs.kit.db import Database
from tests.conftest import Databases


@pytest.fixture
async def db(database: Databases) -> Database:
    """A migrated database of its own to this worker."""
    return await database("orders")
