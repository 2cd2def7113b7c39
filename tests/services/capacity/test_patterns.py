"""Resources that work by a pattern: published for twelve months, and kept so."""

from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest
from sqlalchemy import text

from libs.kit.db import Database
from libs.kit.ids import new_id
from libs.kit.testing import headers
from services.capacity import store
from services.capacity.domain.calendar import published_on
from services.capacity.domain.offer import Resource
from services.capacity.domain.shifts import HORIZON, Pattern
from services.capacity.handlers.calendars import roll_calendars
from tests.services.capacity import world
from tests.services.capacity.test_api import CALENDAR, a_body
from tests.services.capacity.world import bucket, day, faults, hold, told

SHIFTS = [{"weekdays": [1, 2, 3, 4, 5, 6, 7], "starts": "08:00", "ends": "17:00", "break_minutes": 60}]
EVENT = {"starts": "2026-01-01T08:00", "minutes": 60}
PATTERN = {"shifts": SHIFTS, "holidays": "IT-MI"}


async def publish(api: httpx.AsyncClient, db: Database, workshop: UUID, **when: Any) -> httpx.Response:
    stands = world.a_resource(party_id=workshop)
    await world.know_sites(db, stands)
    body = a_body(site_id=str(stands.site_id))
    del body["calendar"]
    return await api.post("/resources", json=body | when, headers=headers(workshop, "workshop"))


async def the_resource(db: Database, resource_id: str) -> Resource:
    async with db.work() as session:
        return (await store.resources(session, [UUID(resource_id)]))[UUID(resource_id)]


async def roll(db: Database) -> None:
    """What the job does."""
    await roll_calendars(SimpleNamespace(database=db))


async def ends_sooner(db: Database, resource_id: str, days: int) -> None:
    """As if the last days of a calendar had not been published yet."""
    calendar = (await the_resource(db, resource_id)).calendar
    left = {on: quantity for on, quantity in calendar.exceptions.items() if on <= day(days)}
    shorter = msgspec.json.encode(replace(calendar, ends_on=day(days), exceptions=left)).decode()
    async with db.work() as session:
        query = text("UPDATE resource SET calendar = CAST(:calendar AS jsonb) WHERE id = :id")
        await session.execute(query, {"calendar": shorter, "id": UUID(resource_id)})


async def test_a_resource_is_published_by_its_pattern_for_twelve_months(api: httpx.AsyncClient, db: Database) -> None:
    answer = await publish(api, db, new_id(), pattern=PATTERN)
    assert answer.status_code == 201, answer.text
    resource = await the_resource(db, answer.json()["id"])
    assert (resource.calendar.ends_on - day(0)).days >= HORIZON
    christmas = next(date(year, 12, 25) for year in (day(0).year, day(0).year + 1) if date(year, 12, 25) >= day(0))
    assert published_on(resource.calendar, christmas) == 0
    assert answer.json()["pattern"]["holidays"] == "IT-MI"
    assert (await world.last_told(db, resource.id, "capacity.resource"))["pattern"] == answer.json()["pattern"]


@pytest.mark.parametrize(
    ("when", "path"),
    [
        ({}, "body"),
        ({"pattern": {"shifts": SHIFTS, "holidays": "FR"}}, "pattern"),
        ({"pattern": {"shifts": [SHIFTS[0] | {"weekdays": [8]}]}}, "pattern.shifts.0"),
        ({"pattern": {"shifts": [SHIFTS[0] | {"starts": "8 o'clock"}]}}, "pattern.shifts.0.starts"),
        ({"pattern": {"events": [EVENT | {"rule": "FREQ=HOURLY"}]}}, "pattern.events.0"),
        ({"pattern": {"shifts": SHIFTS, "holiday": "IT"}}, "pattern.holiday"),
        ({"pattern": {"shifts": SHIFTS}, "calendar": CALENDAR | {"exceptions": {}}}, "body"),
    ],
)
async def test_a_wrong_pattern_is_refused_naming_the_field(
    api: httpx.AsyncClient, db: Database, when: dict[str, Any], path: str
) -> None:
    answer = await publish(api, db, new_id(), **when)
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, path)


async def test_a_new_pattern_reaches_the_days_that_were_touched(api: httpx.AsyncClient, db: Database) -> None:
    workshop = new_id()
    published = (await publish(api, db, workshop, pattern={"shifts": SHIFTS})).json()
    bench = await the_resource(db, published["id"])
    await hold(db, new_id(), (bench, day(9), 100))
    url, mine = f"/resources/{bench.id}/pattern", headers(workshop, "workshop")
    answer = await api.post(url, json={"pattern": {"shifts": [SHIFTS[0] | {"teams": 2}]}}, headers=mine)
    assert (answer.status_code, answer.json()["version"]) == (200, 2)
    assert await bucket(db, bench, day(9)) == (960, 100, 0)
    assert await faults(db, bench) == []


async def test_only_the_workshop_changes_its_pattern(api: httpx.AsyncClient, db: Database) -> None:
    published = (await publish(api, db, new_id(), pattern=PATTERN)).json()
    stranger = headers(new_id(), "workshop")
    answer = await api.post(f"/resources/{published['id']}/pattern", json={"pattern": {}}, headers=stranger)
    assert answer.status_code == 404


async def test_days_are_added_as_time_goes_on_and_told_once(api: httpx.AsyncClient, db: Database) -> None:
    published = (await publish(api, db, new_id(), pattern=PATTERN)).json()
    whole = await the_resource(db, published["id"])
    await ends_sooner(db, published["id"], HORIZON - 1)
    for _ in range(2):
        await roll(db)
    after = await the_resource(db, published["id"])
    assert (after.version, after.calendar) == (2, whole.calendar)
    assert await faults(db, after) == []
    assert await told(db, published["id"], "capacity.resource") == ["resource_published", "calendar_changed"]


async def test_a_horizon_that_is_long_enough_is_left_alone(api: httpx.AsyncClient, db: Database) -> None:
    published = (await publish(api, db, new_id(), pattern=PATTERN)).json()
    await ends_sooner(db, published["id"], HORIZON + 2)  # local days are up to two apart
    await roll(db)
    assert (await the_resource(db, published["id"])).version == 1


async def test_a_calendar_of_its_own_ends_the_pattern(api: httpx.AsyncClient, db: Database) -> None:
    workshop = new_id()
    published = (await publish(api, db, workshop, pattern=PATTERN)).json()
    calendar = {"weekly": [60] * 7, "exceptions": {}, "starts_on": str(day(0)), "ends_on": str(day(30))}
    url, mine = f"/resources/{published['id']}/calendar", headers(workshop, "workshop")
    assert (await api.post(url, json={"calendar": calendar}, headers=mine)).json()["pattern"] is None
    await roll(db)
    assert (await the_resource(db, published["id"])).calendar.ends_on == day(30)


async def test_a_day_that_was_touched_before_it_was_taken_back_gets_its_room_again(
    api: httpx.AsyncClient, db: Database
) -> None:
    published = (await publish(api, db, new_id(), pattern={"shifts": SHIFTS})).json()
    bench = await the_resource(db, published["id"])
    brand, last = new_id(), day(HORIZON - 5)
    placed = await hold(db, brand, (bench, last, 100))
    await world.release(db, brand, placed["id"])
    await ends_sooner(db, published["id"], HORIZON - 10)
    async with db.work() as session:
        await session.execute(text("UPDATE bucket SET published = 0 WHERE resource_id = :id"), {"id": bench.id})
    await roll(db)
    assert (await bucket(db, bench, last) or ())[0] == published_on(bench.calendar, last)
    await hold(db, brand, (bench, last, 100))
    assert await faults(db, bench) == []


async def test_what_is_published_stays_though_the_rules_for_it_change(db: Database) -> None:
    bench = world.a_resource(pattern=Pattern(), ends_on=day(30))
    await world.publish(db, bench)
    await roll(db)
    after = await the_resource(db, str(bench.id))
    assert [published_on(after.calendar, day(n)) for n in (29, 30, 31)] == [480, 480, 0]
    assert after.calendar.ends_on >= day(0) + timedelta(HORIZON)


async def test_one_that_cannot_be_rolled_on_keeps_no_other_waiting(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    stuck, well = (world.a_resource(pattern=Pattern(), ends_on=day(ends)) for ends in (20, 30))
    await world.publish(db, stuck, well)
    async with db.work() as session:
        query = text("UPDATE resource SET time_zone = 'Mars/Base' WHERE id = :id")
        await session.execute(query, {"id": stuck.id})
    await roll(db)
    assert (await the_resource(db, str(well.id))).version == 2
    assert (await the_resource(db, str(stuck.id))).version == 1
    assert "cannot be rolled on" in caplog.text
    async with db.work() as session:
        await session.execute(text("UPDATE resource SET time_zone = 'Europe/Rome' WHERE id = :id"), {"id": stuck.id})
    await roll(db)
    assert (await the_resource(db, str(stuck.id))).version == 2
