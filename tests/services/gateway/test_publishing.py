"""What a workshop says when it publishes reaches capacity as it was said, and what is wrong with it comes back."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from libs.contracts import catalog
from libs.demo.load import COUNTS
from libs.demo.milan import ZONE, firms
from libs.kit.db import Database
from libs.kit.ids import new_id
from services.capacity import store
from services.capacity.domain.calendar import published_on
from services.capacity.domain.offer import Resource
from services.capacity.handlers.sites import keep_sites
from services.gateway.app import api
from tests.conftest import Databases
from tests.services.gateway import world
from tests.services.gateway.conftest import Serve

IMPORT = f"""mutation($input: ImportResourcesInput!) {{ importResources(input: $input) {{ __typename
    ... on Failure {{ code message }} ... on InvalidInput {{ fields {{ path message }} }}
    ... on ImportResourcesSuccess {{ {COUNTS} }} }} }}"""
PUBLISH = """mutation($input: PublishResourceInput!) { publishResource(input: $input) { __typename
    ... on InvalidInput { fields { path message } }
    ... on PublishResourceSuccess { resource { calendar { weekly } } } } }"""
MONEY = {"amount": 50, "currency": "EUR"}
BENCH = {
    "name": "Banco",
    "kind": "bench",
    "processes": ["lockstitch"],
    "terms": {"pricePerUnit": MONEY, "setupPrice": MONEY},
}
HOURS = {"weekdays": [1, 2, 3, 4, 5], "starts": "08:00:00", "ends": "17:00:00", "breakMinutes": 60, "teams": 2}


@pytest.fixture
async def capacity(serve: Serve, ask: world.Asker, database: Databases) -> Database:
    """Capacity's real application behind a real port, and its database."""
    api.state.kit.settings.services["capacity"] = await serve("capacity")
    return await database("capacity")


async def know_site(capacity: Database, party: UUID, site: UUID) -> None:
    """As if the catalog had told of it."""
    where = {"name": "Atelier", "municipality": "Milano", "latitude": 45.47, "longitude": 9.19, "time_zone": ZONE}
    async with capacity.work() as session:
        await keep_sites(session, [catalog.SiteRegistered(id=site, party_id=party, version=1, **where)])


async def published(capacity: Database, resource: dict[str, Any]) -> Resource:
    async with capacity.work() as session:
        return (await store.resources(session, [UUID(resource["id"])]))[UUID(resource["id"])]


async def test_a_made_up_city_keeps_its_holidays_by_name(ask: world.Asker, capacity: Database) -> None:
    city = list(firms(60, 7))
    for firm in city:
        await know_site(capacity, UUID(firm.party["id"]), UUID(firm.party["sites"][0]["id"]))
    resources = [resource for firm in city for resource in firm.resources]
    answer = await ask.as_(new_id(), "hub").data(IMPORT, input={"resources": resources})
    assert answer["importResources"]["__typename"] == "ImportResourcesSuccess", answer
    for resource in resources:
        made = await published(capacity, resource)
        assert made.pattern
        assert made.pattern.holidays == resource["pattern"]["holidays"]
        calendar = made.calendar
        christmas = date(calendar.starts_on.year, 12, 25)
        assert published_on(calendar, max(christmas, calendar.starts_on)) == 0
        assert (calendar.ends_on - calendar.starts_on).days > 365


async def test_a_workshop_publishes_its_shifts(ask: world.Asker, capacity: Database) -> None:
    workshop, site = new_id(), new_id()
    await know_site(capacity, workshop, site)
    given = BENCH | {"siteId": world.gid("Site", site), "pattern": {"shifts": [HOURS], "holidays": "IT-MI"}}
    done = (await ask.as_(workshop, "workshop").data(PUBLISH, input=given))["publishResource"]
    assert done["resource"] == {"calendar": {"weekly": [960] * 5 + [0, 0]}}


@pytest.mark.parametrize(
    ("when", "told"),
    [
        ({}, "either by `calendar` or by `pattern`"),
        ({"pattern": {"shifts": [HOURS], "holidays": "FR"}}, "holidays is one of IT, IT-MI"),
        ({"pattern": {"shifts": [HOURS]}, "unit": "flasks"}, "counted in flasks"),
    ],
)
async def test_what_is_wrong_with_its_hours_comes_back_as_a_sentence(
    ask: world.Asker, capacity: Database, when: dict[str, Any], told: str
) -> None:
    given = BENCH | {"siteId": world.gid("Site", new_id())} | when
    done = (await ask.as_(new_id(), "workshop").data(PUBLISH, input=given))["publishResource"]
    assert done["__typename"] == "InvalidInput"
    assert told in done["fields"][0]["message"]
