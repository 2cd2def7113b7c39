"""Ten thousand rows at once. On a database of their own: so many resources would slow down whatever is tested next."""

from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from libs.kit.db import Database
from libs.kit.ids import new_id
from tests.conftest import Clients, Databases
from tests.services.capacity import world
from tests.services.capacity.rows import DAILY, ROW, a_table, counts, put, resource, send
from tests.services.capacity.world import day, hold, told


@pytest.fixture
async def db(database: Databases) -> Database:
    return await database("capacity", "many")


@pytest.fixture
async def api(client: Clients) -> httpx.AsyncClient:
    return await client("capacity", "many")


async def test_ten_thousand_rows_go_at_once(api: httpx.AsyncClient, db: Database, site: tuple[UUID, UUID]) -> None:
    workshop, at = site
    rows = [ROW.format(reference=f"R{n}", site=at, name=f"Bench {n}") for n in range(10_000)]
    rows[5_000] = "spoilt"
    assert counts(await send(api, workshop, a_table(*rows))) == (9_999, 0, 1)
    assert counts(await send(api, workshop, a_table(*rows))) == (0, 9_999, 1)
    async with db.work() as session:
        query = text("SELECT count(*) FROM resource WHERE party_id = :party")
        assert await session.scalar(query, {"party": workshop}) == 9_999


async def test_ten_thousand_rows_are_changed_at_once(
    api: httpx.AsyncClient, db: Database, site: tuple[UUID, UUID]
) -> None:
    workshop, at = site
    rows = [DAILY.format(reference=f"R{n}", site=at, name=f"Bench {n}") for n in range(10_000)]
    await send(api, workshop, a_table(*rows))
    benches = [await resource(db, workshop, f"R{n}") for n in range(0, 10_000, 500)]
    held = await hold(db, new_id(), *((bench, day(2), 480) for bench in benches))
    changed = [row.replace("17:00", "16:00") for row in rows]
    changed[5_000] = "spoilt"
    for expected in ((9_999, 0, 1), (0, 9_999, 1)):
        assert counts(await put(api, workshop, a_table(*changed)), "changed") == expected
    await world.sweep(db)
    assert (await told(db, held["id"]))[-1] == "hold_released"
