"""Calendars against the ledger, and who may touch what in the database."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from libs.kit.db import Database
from libs.kit.errors import Conflict
from libs.kit.ids import new_id
from services.capacity.domain.calendar import published_on
from services.capacity.domain.offer import Resource
from tests.services.capacity import world
from tests.services.capacity.world import a_resource, bucket, day, faults, hold, publish, told

# --- calendars -------------------------------------------------------------------------------------------------------


async def test_a_new_calendar_reaches_the_days_that_were_touched(db: Database, bench: Resource) -> None:
    await hold(db, new_id(), (bench, day(1), 100))
    changed = await world.change_calendar(db, bench, weekly=[200] * 7)
    assert changed.version == 2
    assert await bucket(db, bench, day(1)) == (200, 100, 0)
    with pytest.raises(Conflict, match="100 minutes free"):
        await hold(db, new_id(), (bench, day(1), 101))
    assert await faults(db, bench) == []


async def test_what_is_taken_stays_published_when_the_calendar_falls_below_it(db: Database, bench: Resource) -> None:
    await hold(db, new_id(), (bench, day(2), 300), (bench, day(1), 301))
    await world.change_calendar(db, bench, weekly=[299] * 7)
    assert [await bucket(db, bench, day(n)) for n in (1, 2)] == [(301, 301, 0), (300, 300, 0)]
    assert [await world.unattainable(db, bench, day(n)) for n in (1, 2)] == [2, 1]
    with pytest.raises(Conflict, match="has 0 minutes free"):
        await hold(db, new_id(), (bench, day(1), 1))
    assert await told(db, bench.id, "capacity.resource") == ["resource_published", "calendar_changed"]
    assert await faults(db, bench) == []


async def test_a_first_touch_and_a_new_calendar_never_disagree(db: Database) -> None:
    for _ in range(12):
        bench = a_resource()
        await publish(db, bench)
        touched = [hold(db, new_id(), (bench, day(n), 10)) for n in range(1, 5)]
        await asyncio.gather(*touched, world.change_calendar(db, bench, weekly=[100] * 7))
        after = await world.last_told(db, bench.id, "capacity.resource")
        assert after["calendar"]["weekly"] == [100] * 7
        assert {await bucket(db, bench, day(n)) for n in range(1, 5)} == {(100, 10, 0)}
        assert await faults(db, bench) == []


async def test_the_past_keeps_what_was_published(db: Database, bench: Resource) -> None:
    await hold(db, new_id(), (bench, day(0), 10))
    async with db.work() as session:
        query = text("UPDATE bucket SET day = day - 1 WHERE resource_id = :id")
        await session.execute(query, {"id": bench.id})
    await world.change_calendar(db, bench, weekly=[0] * 7)
    assert await bucket(db, bench, day(-1)) == (480, 10, 0)


async def test_publishing_a_year_costs_one_row(db: Database, bench: Resource) -> None:
    assert published_on(bench.calendar, day(300)) == 480
    async with db.work() as session:
        assert not await session.scalar(text("SELECT count(*) FROM bucket WHERE resource_id = :id"), {"id": bench.id})


# --- who may touch what ----------------------------------------------------------------------------------------------


async def test_the_database_itself_refuses_to_oversell(db: Database, bench: Resource) -> None:
    await hold(db, new_id(), (bench, day(1), 10))
    for broken in ("held = 481", "held = -1", "committed = 471", "published = 9", "unattainable = 1"):
        with pytest.raises(IntegrityError):
            async with world.ledger(db) as session:
                await session.execute(text(f"UPDATE bucket SET {broken} WHERE resource_id = :id"), {"id": bench.id})


async def test_the_ledgers_role_can_touch_the_ledger_and_nothing_else(db: Database, bench: Resource) -> None:
    for statement in (
        "UPDATE resource SET name = 'mine'",
        "UPDATE resource SET id = id",
        "DELETE FROM resource",
        "INSERT INTO resource SELECT * FROM resource",
        "INSERT INTO qualification SELECT * FROM qualification",
        "UPDATE qualification SET scheme = 'gots'",
        "SELECT * FROM outbox",
        "UPDATE outbox SET sent_at = now()",
        "SELECT * FROM parked",
        "SELECT * FROM relay",
    ):
        with pytest.raises(DBAPIError, match=r"permission denied|row-level security"):
            async with world.ledger(db) as session:
                await session.execute(text(statement))


async def test_a_party_sees_its_own_rows_alone(db: Database, bench: Resource) -> None:
    brand = new_id()
    placed = await hold(db, brand, (bench, day(1), 10))
    await world.confirm(db, brand, placed["id"])
    tables = ("resource", "bucket", "hold", "booking")
    seen = {}
    for who, party in (("workshop", bench.party_id), ("brand", brand), ("stranger", new_id())):
        async with db.read(party) as session:
            seen[who] = [await session.scalar(text(f"SELECT count(*) FROM {table}")) for table in tables]
    assert seen == {"workshop": [1, 1, 0, 0], "brand": [0, 0, 1, 1], "stranger": [0, 0, 0, 0]}


async def test_a_day_is_a_day_of_the_resources_zone(db: Database) -> None:
    ahead, behind = a_resource(time_zone="Pacific/Kiritimati"), a_resource(time_zone="Pacific/Niue")
    await publish(db, ahead, behind)
    there, here = world.today("Pacific/Niue"), world.today("Pacific/Kiritimati")
    assert there < here
    await hold(db, new_id(), (behind, there, 1), (ahead, here, 1))
    with pytest.raises(Conflict) as refused:
        await hold(db, new_id(), (ahead, here - timedelta(1), 1))
    assert refused.value.code == "TOO_SHORT_NOTICE"
