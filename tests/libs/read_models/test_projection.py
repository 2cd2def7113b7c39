"""Read models are right whatever the order, and however often, events arrive."""

import random

import pytest
from sqlalchemy import text

from libs.kit.db import Database
from tests.libs.read_models.place import life, site, tell

Row = tuple[int, str, list[str]]


async def rows(db: Database) -> dict[object, Row]:
    async with db.work() as session:
        found = await session.execute(text("SELECT id, version, name, words FROM place"))
        return {row.id: (row.version, row.name, row.words) for row in found}


@pytest.mark.parametrize("seed", range(3))
async def test_any_order_of_events_ends_in_the_newest_state(kit_database: Database, seed: int) -> None:
    told = [event for _ in range(4) for event in life(6)]
    random.Random(seed).shuffle(told)
    for start in range(0, len(told), 5):
        await tell(kit_database, *told[start : start + 5])
    assert list((await rows(kit_database)).values()) == [(6, "Via 6", ["Via", "6"])] * 4


async def test_telling_everything_again_changes_nothing(kit_database: Database) -> None:
    told = life(3)
    for _ in range(2):
        await tell(kit_database, *told)
    assert await rows(kit_database) == {told[0].id: (3, "Via 3", ["Via", "3"])}


async def test_an_older_event_in_a_later_batch_is_passed_over(kit_database: Database) -> None:
    first, second = life(2)
    await tell(kit_database, second)
    await tell(kit_database, first)
    assert await rows(kit_database) == {first.id: (2, "Via 2", ["Via", "2"])}


async def test_of_a_batch_the_newest_of_each_is_told_in_the_order_of_ids(kit_database: Database) -> None:
    one, other = life(3), life(2)
    assert await tell(kit_database, *other, *one) == sorted([one[0].id, other[0].id])


async def test_odd_letters_are_kept_as_they_are(kit_database: Database) -> None:
    odd = site('a,"b"\\{c} \u2028 è')
    await tell(kit_database, odd)
    assert (await rows(kit_database))[odd.id] == (1, odd.name, odd.name.split())
