"""Pages of a list: capped, each with cursors that only that list takes."""

from dataclasses import dataclass
from uuid import UUID

import pytest

from libs.graphql.opaque import Malformed
from libs.graphql.paging import MOST, Connection, connection
from libs.read_models.listing import Listing

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


async def test_what_is_no_cursor_of_the_list_is_refused_with_what_to_send() -> None:
    for other in ("x", Listing("catalog.site").cursor(ITEMS[0])):
        with pytest.raises(Malformed, match="no cursor of this list") as refused:
            await page(5, other)
        assert refused.value.extensions == {"code": "INVALID_CURSOR"}
