"""A read model of the probe's: sites, each with the words of its name."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from libs.contracts import Event, catalog
from libs.kit.db import Database
from libs.kit.ids import new_id
from libs.read_models.declaration import ReadModel
from libs.read_models.projection import project

PLACE = ReadModel(
    "catalog.site",
    "place",
    {"party_id": "uuid", "name": "text", "words": "text[]"},
    {"words": lambda event: event.name.split()},
)


def site(name: str, **given: Any) -> catalog.SiteRegistered:
    where = {"municipality": "Milano", "latitude": 45.47, "longitude": 9.19, "time_zone": "Europe/Rome"}
    return catalog.SiteRegistered(**{"id": new_id(), "version": 1, "party_id": new_id(), "name": name} | where | given)


def life(versions: int) -> list[catalog.SiteRegistered]:
    """One site that is called otherwise again and again."""
    key = new_id()
    return [site(f"Via {version}", id=key, version=version) for version in range(1, versions + 1)]


async def tell(db: Database, *events: Event) -> Sequence[UUID]:
    """Project them; whose state was told."""
    async with db.work() as session:
        return [event.id for event in await project(session, PLACE, events)]
