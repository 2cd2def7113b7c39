"""What is thrown away in time, and what never is."""

from uuid import UUID

import pytest
from sqlalchemy import text

from libs.contracts import catalog
from libs.contracts.values import PartyKind
from libs.kit.auth import Verifier
from libs.kit.cache import Cache
from libs.kit.clock import SystemClock
from libs.kit.db import Database
from libs.kit.errors import Invalid
from libs.kit.ids import new_id
from libs.kit.settings import Settings
from libs.messaging import outbox
from libs.service.housekeeping import tidy
from libs.service.runtime import Kit


def kit(database: Database) -> Kit:
    settings, clock = Settings(service="probe"), SystemClock()
    return Kit(settings, database, Cache(settings.redis), clock, Verifier(settings, clock))


async def told(database: Database, versions: int, sent_days_ago: dict[int, float]) -> UUID:
    """An aggregate with so many versions, each sent so long ago; those not named are not sent."""
    key = new_id()
    async with database.work() as session:
        for version in range(1, versions + 1):
            await outbox.add(session, party(key, version))
        for version, days in sent_days_ago.items():
            sent = "UPDATE outbox SET sent_at = clock_timestamp() - make_interval(secs => :seconds)"
            which = {"seconds": days * 86400, "key": key, "version": version}
            await session.execute(text(f"{sent} WHERE aggregateid = :key AND version = :version"), which)
    return key


def party(key: UUID, version: int, name: str = "x") -> catalog.PartyRenamed:
    return catalog.PartyRenamed(id=key, version=version, kind=PartyKind.BRAND, name=name)


async def kept(database: Database, key: UUID) -> list[int]:
    async with database.work() as session:
        found = await session.execute(text("SELECT version FROM outbox WHERE aggregateid = :k ORDER BY 1"), {"k": key})
        return [row.version for row in found]


async def test_an_event_goes_when_its_successor_was_sent_seven_days_ago(kit_database: Database) -> None:
    key = await told(kit_database, 3, {1: 9, 2: 7.01, 3: 1})
    await tidy(kit(kit_database))
    assert await kept(kit_database, key) == [2, 3]


async def test_the_newest_state_stays_for_ever(kit_database: Database) -> None:
    alone = await told(kit_database, 1, {1: 400})
    pair = await told(kit_database, 2, {1: 400, 2: 7.01})
    await tidy(kit(kit_database))
    assert await kept(kit_database, alone) == [1]
    assert await kept(kit_database, pair) == [2]


async def test_what_was_not_sent_is_not_thrown_away(kit_database: Database) -> None:
    key = await told(kit_database, 2, {2: 7.01})
    await tidy(kit(kit_database))
    assert await kept(kit_database, key) == [1, 2]


async def test_idempotency_keys_last_a_day(kit_database: Database) -> None:
    insert = (
        "INSERT INTO idempotency_key VALUES (:party, :key, '', 200, '', clock_timestamp() - interval '1 hour' * :age)"
    )
    async with kit_database.work() as session:
        for key, age in (("old", 25), ("young", 23)):
            await session.execute(text(insert), {"party": new_id(), "key": key, "age": age})
    await tidy(kit(kit_database))
    async with kit_database.work() as session:
        assert [row.key for row in await session.execute(text("SELECT key FROM idempotency_key"))] == ["young"]


async def test_a_state_too_large_to_be_sent_is_refused_before_it_is_written(kit_database: Database) -> None:
    key = new_id()

    async def tell() -> None:
        async with kit_database.work() as session:
            await outbox.add(session, party(key, 1, "x" * outbox.LARGEST))

    with pytest.raises(Invalid, match="make it smaller"):
        await tell()
    assert await kept(kit_database, key) == []
