"""Pages of a list: capped, each with cursors that only that list takes."""

from dataclasses import dataclass
from uuid import UUID

import pytest

from libs.graphql.listing import Listing
from libs.graphql.opaque import Malformed
from libs.graphql.paging import MOST, Connection, connection

BY_NAME = Listing("catalog.site", ("name", "id"), descending=False)


@dataclass(frozen=True)
class Item:
    name: str
    id: UUID


ITEMS = [Item(f"{number:03}", UUID(int=number)) for number in range(7)]


async def page(first: int, after: str | None = None, items: list[Item] = ITEMS) -> Connection[Item]:
    async def find(most: int, place: tuple[str, ...]) -> list[Item]:
        return [one for one in items if not place or (one.name, str(one.id)) > place][:most]

    return await connection(BY_NAME, first, after, find, lambda one: one)


@pytest.mark.parametrize("first", [1, 2, 3, 7, MOST])
async def test_every_item_is_on_one_page(first: int) -> None:
    found: list[Item] = []
    after: str | None = None
    while True:
        one = await page(first, after)
        found += [edge.node for edge in one.edges]
        assert one.page_info.has_previous_page == (after is not None)
        assert (one.page_info.start_cursor, one.page_info.end_cursor) == (one.edges[0].cursor, one.edges[-1].cursor)
        after = one.page_info.end_cursor
        if not one.page_info.has_next_page:
            break
        assert len(one.edges) == first
    assert found == ITEMS


async def test_an_empty_page_has_no_cursors() -> None:
    info = (await page(5, items=[])).page_info
    assert (info.start_cursor, info.end_cursor, info.has_next_page) == (None, None, False)


@pytest.mark.parametrize("first", [0, -1, MOST + 1])
async def test_a_page_has_1_to_100_items(first: int) -> None:
    with pytest.raises(Malformed, match="`first` must be 1 to 100"):
        await page(first)


def test_a_cursor_names_the_place_of_its_item() -> None:
    assert BY_NAME.place(BY_NAME.cursor(ITEMS[3])) == ("003", str(UUID(int=3)))


@pytest.mark.parametrize("cursor", ["x", "W10=", "bnVsbA==", "WyJjYXRhbG9nLnNpdGUiXQ==", "é", "=", "A" * 50_000])
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(Malformed) as refused:
        BY_NAME.place(cursor)
    assert refused.value.extensions == {"code": "INVALID_CURSOR"}


def test_a_cursor_of_another_list_or_another_order_is_refused() -> None:
    for other in (Listing("catalog.party", ("name", "id")), Listing("catalog.site")):
        with pytest.raises(Malformed, match="no cursor of this list"):
            BY_NAME.place(other.cursor(ITEMS[0]))
