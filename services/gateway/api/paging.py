"""Relay connections: forward, by keyset, capped."""

from collections.abc import Sequence
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import strawberry
from strawberry import field

from services.gateway import opaque, store
from services.gateway.api.context import Context, PageOf

T = TypeVar("T")
MOST = 100

First = Annotated[int, strawberry.argument(description=f"How many, 1 to {MOST}.")]
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


async def page(context: Context, listing: store.Listing, first: int, after: str | None, **filters: Any) -> Any:
    """A page of a whole list."""
    place = _place(listing, first, after)
    found = await context.read(lambda session: store.page(session, listing, first + 1, place, **filters))
    return _connection(context, listing, found, first, after)


async def page_of(
    context: Context, listing: store.Listing, first: int, after: str | None, column: str, parent: UUID
) -> Any:
    """A page of one parent's list; those of several parents are read together."""
    key = PageOf(listing, column, parent, first + 1, tuple(_place(listing, first, after)))
    return _connection(context, listing, await context.pages.load(key), first, after)


def _place(listing: store.Listing, first: int, after: str | None) -> list[str]:
    if not 1 <= first <= MOST:
        raise opaque.Malformed(f"`first` must be 1 to {MOST}.", "INVALID_FIRST")
    return opaque.parse_cursor(after, listing.topic, len(listing.order)) if after else []


def _connection(
    context: Context, listing: store.Listing, found: Sequence[Any], first: int, after: str | None
) -> Connection[Any]:
    edges: list[Edge[Any]] = [
        Edge(node=context.seen(one), cursor=opaque.cursor(listing.topic, listing.place(one))) for one in found[:first]
    ]
    start, end = (edges[0].cursor, edges[-1].cursor) if edges else (None, None)
    info = PageInfo(has_next_page=len(found) > first, has_previous_page=bool(after), start_cursor=start, end_cursor=end)
    return Connection(edges=edges, page_info=info)
