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
    ... on InvalidInput { message fields { path message } }
    ... on PublishResourceSuccess { resource { calendar { weekly } } } } }"""
TERMS = """mutation($input: ChangeTermsInput!) { changeTerms(input: $input) { __typename
    ... on InvalidInput { fields { path message } }
    ... on ChangeTermsSuccess { resource { terms { visibility invited depositPercent windowDays lotMultiple samples
    partyPercent approval answerHours minimumCharge { amount currency }
    cancellation { daysBefore buyerPercent workshopPercent } } } } } }"""
PATTERN = """mutation($input: ChangePatternInput!) { changePattern(input: $input) { __typename
    ... on InvalidInput { fields { path message } }
    ... on ChangePatternSuccess { resource { version pattern { holidays augustWeeks closures { startsOn endsOn }
    shifts { weekdays starts ends breakMinutes teams } events { starts minutes rule } exceptions { day quantity }
    overtime { span { startsOn endsOn } weekdays quantity mostAWeek } } } } } }"""
WORK_FIELDS = """work { process work { run pieces setup cleanup changes { what quantity } efficiencyPercent rampPercent
    lotMultiple minimumPieces transferBatch elapsedMinutes } }"""
CHANGE_WORK = f"""mutation($input: ChangeWorkInput!) {{ changeWork(input: $input) {{ __typename
    ... on InvalidInput {{ fields {{ path message }} }}
    ... on ChangeWorkSuccess {{ resource {{ version name kind processes {WORK_FIELDS} }} }} }} }}"""
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
        ({}, "tell when the resource works: by `calendar` or by `pattern`"),
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
    assert told in " ".join([done["message"], *(one["message"] for one in done["fields"])])


async def own_bench(ask: world.Asker, capacity: Database) -> tuple[world.Asker, str]:
    """A workshop and its bench."""
    workshop, site = ask.as_(new_id(), "workshop"), new_id()
    assert workshop.party
    await know_site(capacity, workshop.party, site)
    given = BENCH | {"siteId": world.gid("Site", site), "pattern": {"shifts": [HOURS]}}
    wanted = "mutation($input: PublishResourceInput!) { publishResource(input: $input) {"
    wanted += " ... on PublishResourceSuccess { resource { id } } } }"
    return workshop, (await workshop.data(wanted, input=given))["publishResource"]["resource"]["id"]


async def test_a_workshop_sells_on_other_terms(ask: world.Asker, capacity: Database) -> None:
    workshop, bench = await own_bench(ask, capacity)
    guest = world.gid("Party", new_id())
    ladder = [{"daysBefore": 7, "buyerPercent": 50, "workshopPercent": 20}]
    rules = {
        "visibility": "invited",
        "invited": [guest],
        "depositPercent": 30,
        "windowDays": 90,
        "cancellation": ladder,
    }
    rules |= {"minimumCharge": MONEY, "lotMultiple": 15, "samples": True, "partyPercent": 40}
    given = {"id": bench, "terms": BENCH["terms"] | rules}
    done = (await workshop.data(TERMS, input=given))["changeTerms"]
    assert done["resource"]["terms"] == rules | {"approval": "automatic", "answerHours": 48}
    given["terms"]["invited"] = [guest, world.gid("Site", new_id())]
    refused = (await workshop.data(TERMS, input=given))["changeTerms"]
    assert [field["path"] for field in refused["fields"]] == ["terms.invited.1"]


async def test_a_workshop_works_by_another_pattern(ask: world.Asker, capacity: Database) -> None:
    workshop, bench = await own_bench(ask, capacity)
    season = {"startsOn": "2031-11-01", "endsOn": "2031-12-23"}
    fair = {"starts": "2031-02-10T09:00:00", "minutes": 240, "rule": "FREQ=DAILY;COUNT=3"}
    pattern = {
        "shifts": [HOURS],
        "holidays": "IT-MI",
        "augustWeeks": 3,
        "closures": [season],
        "overtime": [{"span": season, "weekdays": [6], "quantity": 240, "mostAWeek": 240}],
        "events": [fair],
        "exceptions": [{"day": "2031-06-03", "quantity": 60}],
    }
    done = (await workshop.data(PATTERN, input={"id": bench, "pattern": pattern}))["changePattern"]
    assert done["resource"] == {"version": 2, "pattern": pattern}


async def test_how_a_bench_works_is_told_and_changed_process_by_process(ask: world.Asker, capacity: Database) -> None:
    party, site = new_id(), new_id()
    await know_site(capacity, party, site)
    workshop = ask.as_(party, "workshop")
    sewing = {
        "run": 1,
        "pieces": 5,
        "setup": 30,
        "changes": [{"what": "colour", "quantity": 8}],
        "rampPercent": [60, 80],
    }
    work = [{"process": "lockstitch", "work": sewing}]
    given = BENCH | {"siteId": world.gid("Site", site), "pattern": {"shifts": [HOURS]}, "work": work}
    publish = PUBLISH.replace("calendar { weekly }", f"id {WORK_FIELDS}")
    bench = (await workshop.data(publish, input=given))["publishResource"]["resource"]
    [told] = bench["work"]
    whole = sewing | {"cleanup": 0, "efficiencyPercent": 100, "lotMultiple": 1, "minimumPieces": 1}
    assert told == {"process": "lockstitch", "work": whole | {"transferBatch": None, "elapsedMinutes": 0}}
    assert (await published(capacity, {"id": world.bare(bench["id"])})).work["lockstitch"].changes == {"colour": 8}

    casting = [{"process": "casting", "work": {"run": 4}}, {"process": "burn_out", "work": {"run": 1}}]
    change = {"id": bench["id"], "processes": ["casting", "burn_out"], "work": casting}
    done = (await workshop.data(CHANGE_WORK, input=change))["changeWork"]
    assert (done["resource"]["version"], done["resource"]["name"]) == (2, "Banco")
    assert [one["process"] for one in done["resource"]["work"]] == ["burn_out", "casting"]
    renamed = (await workshop.data(CHANGE_WORK, input={"id": bench["id"], "name": "Forno"}))["changeWork"]["resource"]
    assert (renamed["name"], renamed["work"]) == ("Forno", done["resource"]["work"])

    refused = (await workshop.data(CHANGE_WORK, input={"id": bench["id"]}))["changeWork"]
    assert refused["__typename"] == "InvalidInput"
    wrong = change | {"work": [{"process": "knitting", "work": {"run": 0}}]}
    assert (await workshop.data(CHANGE_WORK, input=wrong))["changeWork"]["__typename"] == "InvalidInput"
