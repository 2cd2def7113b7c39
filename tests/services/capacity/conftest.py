"""What nearly every test of capacity begins with."""

from uuid import UUID

import pytest

from libs.kit.db import Database
from services.capacity.domain.offer import Resource
from tests.services.capacity.world import a_resource, know_sites, publish


@pytest.fixture
async def bench(db: Database) -> Resource:
    """A resource of somebody's, with nothing special about it."""
    resource = a_resource()
    await publish(db, resource)
    return resource


@pytest.fixture
async def site(db: Database) -> tuple[UUID, UUID]:
    """A workshop and its site."""
    stands = a_resource()
    await know_sites(db, stands)
    return stands.party_id, stands.site_id
