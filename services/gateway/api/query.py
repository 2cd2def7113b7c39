"""What can be asked."""

from collections.abc import Callable
from enum import Enum
from typing import Annotated, Any, TypeVar, cast

import strawberry
from strawberry import ID

from libs.contracts import capacity
from libs.contracts import capacity_queues as queues
from libs.contracts.orders import OrderState
from libs.contracts.values import PartyKind
from libs.graphql.opaque import key_of, parse_id
from libs.graphql.paging import After, First
from libs.graphql.shapes import Node
from libs.graphql_limits.cost import CALLS_SERVICE
from libs.graphql_limits.limits import MOST_POINTS
from libs.read_models.listing import Listing
from services.gateway import store
from services.gateway.api import finding, promising, types
from services.gateway.api.context import Info

F = TypeVar("F", bound=Callable[..., Any])

NodeId = Annotated[ID, strawberry.argument(description="An `id` of any answer.")]
Kind = Annotated[PartyKind | None, strawberry.argument(description="Only of this kind.")]
Name = Annotated[str | None, strawberry.argument(description="Whose name begins so, in any case.")]
Process = Annotated[str | None, strawberry.argument(description="That can do this process.")]
OfParty = Annotated[ID | None, strawberry.argument(description="Only of this party.")]


def _ask(description: str, graphql_type: Any, **metadata: bool) -> Callable[[F], F]:
    """A field of the query."""
    made = strawberry.field(description=description, graphql_type=graphql_type, metadata=metadata)
    return cast("Callable[[F], F]", made)


def _listed(name: str, listing: Listing, states: type[Enum], description: str) -> Any:
    """What the caller may see of a type, all or in one state."""

    async def find(info: Info, first: First = 20, after: After = None, state: Any = None) -> Any:
        return await info.context.page(listing, first, after, state=state)

    find.__annotations__["state"] = Annotated[states | None, strawberry.argument(description="Only in this state.")]
    return _ask(description=description, graphql_type=types.page_type(name))(find)


@strawberry.type(
    description="What can be asked. What concerns you is known by your token; without one it is nothing. An operation"
    f" costs a point for each object that its answer may hold, {MOST_POINTS:,} at most; `extensions.budget` tells what"
    " remains, `extensions.lag` how many events have happened that are not to be seen yet; by GET without a token"
    " the headers `Filiera-Budget` and `Filiera-Lag`."
)
class Query:
    @_ask(description="Anything by its id; null if there is none, or none that you may see.", graphql_type=Node | None)
    async def node(self, info: Info, id: NodeId) -> Any:  # noqa: A002 - Relay's name
        name, key = parse_id(id)
        if name == "Bucket":
            return await types.bucket(info.context, key)
        return await info.context.find(types.TOPICS[name], key_of(id, name)) if name in types.TOPICS else None

    @_ask(description="Who you are by your token; null without one.", graphql_type=types.Viewer | None)
    async def viewer(self, info: Info) -> Any:
        return info.context.caller

    @_ask(description="Who is on the platform, by name.", graphql_type=types.page_type("Party"))
    async def parties(
        self, info: Info, first: First = 20, after: After = None, kind: Kind = None, name: Name = None
    ) -> Any:
        return await info.context.page(store.PARTIES, first, after, kind=kind, name=name)

    @_ask(description="What is offered, newest first.", graphql_type=types.page_type("Product"))
    async def products(self, info: Info, first: First = 20, after: After = None, brand_id: OfParty = None) -> Any:
        brand = key_of(brand_id, "Party") if brand_id else None
        return await info.context.page(store.PRODUCTS, first, after, party_id=brand)

    @_ask(description="What can be booked, newest first.", graphql_type=types.page_type("Resource"))
    async def resources(
        self,
        info: Info,
        first: First = 20,
        after: After = None,
        process: Process = None,
        workshop_id: OfParty = None,
    ) -> Any:
        workshop = key_of(workshop_id, "Party") if workshop_id else None
        return await info.context.page(store.RESOURCES, first, after, process=process, party_id=workshop)

    holds = _listed("Hold", store.HOLDS, capacity.HoldState, "Holds that concern you, newest first.")
    bookings = _listed("Booking", store.BOOKINGS, capacity.BookingState, "Bookings that concern you, newest first.")
    orders = _listed("Order", store.ORDERS, OrderState, "Orders that concern you, newest first.")
    waitlist = _listed("WaitlistEntry", store.WAITLIST, queues.WaitlistState, "Your places in line, newest first.")
    pools = _listed("Pool", store.POOLS, queues.PoolState, "Room that is sold by shares, newest first.")
    pool_shares = _listed("PoolShare", store.SHARES, queues.ShareState, "Your shares of pools, newest first.")
    place_in_line = _ask(
        description="How many wait longer than you for room that could be yours. It needs a token.",
        graphql_type=finding.PlaceInLine,
        **{CALLS_SERVICE: True},
    )(finding.place_in_line)
    search = _ask(
        description="Where there is room for work, the best first: a resource once. What is free may be taken a moment"
        " later; `placeHold` with its `days` decides. It needs a token.",
        graphql_type=finding.SearchAnswer,
        **{CALLS_SERVICE: True},
    )(finding.search)
    promise, promise_together = promising.promise, promising.promise_together
