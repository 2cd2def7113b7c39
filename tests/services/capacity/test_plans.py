"""What is asked of many holds is asked of an index: the ledger must not become slower as holds come together."""

import pytest

from libs.kit.db import connect
from libs.kit.settings import Settings
from services.capacity.store.claims import IS_OVER
from tests.conftest import Databases

_MANY = """INSERT INTO hold (id, party_id, version, state, allocations, expires_at)
    SELECT gen_random_uuid(), gen_random_uuid(), 1, 'held', '[{"quantity": 1}]', clock_timestamp() + interval '1 hour'
      FROM generate_series(1, 20000)"""


@pytest.mark.parametrize(("condition", "by_index"), [(IS_OVER, True), ("state = 'held'", False)])
async def test_holds_that_are_over_are_found_by_an_index_among_many_that_are_not(
    database: Databases, condition: str, by_index: bool
) -> None:
    db = await database("capacity")
    admin = await connect(Settings(service="capacity").server.set(database=db.url.database), timeout=10)
    undone = admin.transaction()
    await undone.start()
    try:
        await admin.execute(_MANY, timeout=30)
        await admin.execute("ANALYZE hold", timeout=30)
        plan = [row[0] for row in await admin.fetch(f"EXPLAIN SELECT EXISTS (SELECT FROM hold WHERE {condition})")]
    finally:
        await undone.rollback()
        await admin.close(timeout=5)
    assert any("hold_ends" in line for line in plan) == by_index, plan
