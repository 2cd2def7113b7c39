"""What can be followed: what is there now, then whatever has changed."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import date
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import ID, field

from libs.graphql.opaque import Malformed, key_of
from libs.graphql_streams.following import follow
from services.gateway import store
from services.gateway.api import types
from services.gateway.api.context import Info

MOST_RESOURCES = 1_000
"""Of a workshop that are followed. The oldest: a new one must not push out one that was told."""
OrderId = Annotated[ID, strawberry.argument(description="Which order.")]
Day = Annotated[date, strawberry.argument(description="A local day of the workshop's sites.")]


def _order(info: Info, id: OrderId) -> AsyncIterator[Any]:  # noqa: A002 - the customary name
    key = key_of(id, "Order")

    async def look() -> Mapping[Any, Any]:
        found = await info.context.find("orders.order", key)
        return {key: found} if found else {}

    return follow(info.context, f"orders.order:{key}", look, "There is no such order, or none that you may see.")


def _workshop_day(info: Info, day: Day) -> AsyncIterator[Any]:
    context, party = info.context, info.context.party
    if party is None:
        said = "This needs a token: in the payload of `connection_init`, or as a header of a request for events."
        raise Malformed(said, "UNAUTHENTICATED")

    async def look() -> Mapping[Any, Any]:
        return await context.read(store.versions_on, party, day, MOST_RESOURCES)

    async def tell(ids: list[UUID]) -> list[Any]:
        resources = await context.find_all("capacity.resource", ids)
        return [bucket for [bucket] in await asyncio.gather(*(context.days_of(one, day, 1) for one in resources))]

    return follow(context, f"day:{party}:{day}", look, tell=tell)


@strawberry.type(
    description="What can be followed, over graphql-transport-ws or as server-sent events (graphql-sse): what is there"
    " now, then each change. Whoever asks again with `extensions.lastEventId`, the last answer's `extensions.eventId`,"
    " is told what has changed since. Each answer costs points, and so does looking for changes, a little; with none"
    " left it ends with an error `RATE_LIMITED`."
)
class Subscription:
    order: Any = field(
        resolver=_order,
        is_subscription=True,
        graphql_type=types.Order,
        description="An order's life; complete once you may see it no more.",
    )
    workshop_day: Any = field(
        resolver=_workshop_day,
        is_subscription=True,
        graphql_type=types.Bucket,
        description="A day of your workshop: each of its resources, then each that changes. Of more than"
        f" {MOST_RESOURCES:,} resources the oldest are followed; ask for the `buckets` of others.",
    )
