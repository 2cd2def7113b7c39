"""A list is read page by page, by keyset: nothing twice, nothing left out, whatever the order."""

from uuid import UUID

import pytest

from libs.contracts import catalog
from libs.kit.db import Database
from libs.kit.ids import new_id
from libs.read_models.declaration import by_topic
from libs.read_models.listing import Listing, Page
from libs.read_models.reading import Reader
from tests.libs.read_models.place import PLACE, site, tell

READER = Reader(by_topic(PLACE))
NEWEST_FIRST = Listing("catalog.site", filters={"word": "words @> ARRAY[CAST(:word AS text)]"})
BY_NAME = Listing("catalog.site", ("name", "id"), descending=False, always="name <> 'hidden'")
NAMES = ("Corso", "Alzaia", "Via", "Alzaia", "Via", "Alzaia", "hidden")


async def walked(db: Database, listing: Listing, first: int, **filters: str) -> list[UUID]:
    found: list[UUID] = []
    after: tuple[str, ...] = ()
    while True:
        async with db.work() as session:
            page = await READER.page(session, listing, first, after, **filters)
        if not page:
            return found
        found += [one.id for one in page]
        after = listing.place(listing.cursor(page[-1]))


@pytest.mark.parametrize("first", [1, 2, 3, 100])
async def test_walking_a_list_meets_everything_once_in_its_order(kit_database: Database, first: int) -> None:
    sites = [site(name) for name in NAMES]
    await tell(kit_database, *sites)
    newest = sorted((one.id for one in sites), reverse=True)
    assert await walked(kit_database, NEWEST_FIRST, first) == newest
    shown = sorted((one.name, one.id) for one in sites if one.name != "hidden")
    assert await walked(kit_database, BY_NAME, first) == [key for _, key in shown]


async def test_a_filter_counts_where_it_is_given(kit_database: Database) -> None:
    sites = [site(name) for name in NAMES]
    await tell(kit_database, *sites)
    assert set(await walked(kit_database, NEWEST_FIRST, 2, word="Via")) == {sites[2].id, sites[4].id}


async def test_the_pages_of_many_parents_are_read_at_once(kit_database: Database) -> None:
    one, other, nobody = new_id(), new_id(), new_id()
    sites = [site(name, party_id=party) for party in (one, other) for name in NAMES]
    await tell(kit_database, *sites)
    async with kit_database.work() as session:
        found = await READER.pages(session, Page(BY_NAME, "party_id", 2, ("Alzaia", str(UUID(int=0)))), [one, nobody])
    assert {party: [each.name for each in page if isinstance(each, catalog.Site)] for party, page in found.items()} == {
        one: ["Alzaia", "Alzaia"]
    }


async def test_what_is_asked_by_id_is_found_if_it_is_there(kit_database: Database) -> None:
    here = site("Via")
    await tell(kit_database, here)
    async with kit_database.work() as session:
        assert await READER.by_ids(session, "catalog.site", [here.id, new_id()]) == {here.id: here}
