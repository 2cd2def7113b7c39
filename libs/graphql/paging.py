"""Relay connections: forward, by keyset, capped."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Generic, TypeVar

import strawberry
from strawberry import field

from libs.graphql.opaque import Malformed
from libs.graphql_limits.cost import MOST_ITEMS as MOST
from libs.read_models.listing import Listing, NoPlaceError

T = TypeVar("T")

_FIRST = f"How many, 1 to {MOST}. Each costs a point, and again what is asked of it."
First = Annotated[int, strawberry.argument(description=_FIRST)]
After = Annotated[str | None, strawberry.argument(description="The cursor after which to go on.")]


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    has_next_page: bool = field(description="Whether there is more after this page.")
    has_previous_page: bool = field(description="Whether this page began after a cursor.")
    start_cursor: str | None = field(description="Cursor of the first edge.")
    end_cursor: str | None = field(description="Cursor of the last edge: send it as `after` for the next page.")


@strawberry.type(description="One item of a list and its place.")
class Edge(Generic[T]):
    node: T = field(description="The item.")
    cursor: str = field(description="Its place in the list.")


@strawberry.type(description="One page of a list.")
class Connection(Generic[T]):
    edges: list[Edge[T]] = field(description="The items with their places.")
    page_info: PageInfo = field(description="Where the page stands.")


def check_first(first: int) -> None:
    """Raise Malformed unless so many may be asked for."""
    if not 1 <= first <= MOST:
        raise Malformed(f"`first` must be 1 to {MOST}.", "INVALID_FIRST")


async def connection(
    listing: Listing,
    first: int,
    after: str | None,
    find: Callable[[int, tuple[str, ...]], Awaitable[Sequence[T]]],
    seen: Callable[[T], T],
) -> Connection[T]:
    """A page of a list. `find` gives up to so many items after a place, `seen` what may be seen of one.

    Raises Malformed.
    """
    check_first(first)
    found = await find(first + 1, _place(listing, after) if after else ())
    edges: list[Edge[T]] = [Edge(node=seen(one), cursor=listing.cursor(one)) for one in found[:first]]
    start, end = (edges[0].cursor, edges[-1].cursor) if edges else (None, None)
    info = PageInfo(has_next_page=len(found) > first, has_previous_page=bool(after), start_cursor=start, end_cursor=end)
    return Connection(edges=edges, page_info=info)


def _place(listing: Listing, cursor: str) -> tuple[str, ...]:
    try:
        return listing.place(cursor)
    except NoPlaceError:
        told = "`after` is no cursor of this list. Send `pageInfo.endCursor` or a `cursor` as it came."
        raise Malformed(told, "INVALID_CURSOR") from None
