"""What can be followed: what is there now, then whatever has changed."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import date
from typing import Annotated, Any

import strawberry
from strawberry import ID, field

from libs.graphql.opaque import Malformed, key_of
from services.gateway import store
from services.gateway.api import types
from services.gateway.api.context import Info

OrderId = Annotated[ID, strawberry.argument(description="Which order.")]
Day = Annotated[date, strawberry.argument(description="A local day of the workshop's sites.")]


def _order(info: Info, id: OrderId) -> AsyncIterator[Any]:  # noqa: A002 - the customary name
    key = key_of(id, "Order")

    async def look() -> Mapping[Any, Any]:
        found = await info.context.find("orders.order", key)
        return {key: found} if found else {}

    return info.context.follow(f"orders.order:{key}", look, "There is no such order, or none that you may see.")


def _workshop_day(info: Info, day: Day) -> AsyncIterator[Any]:
    context, party = info.context, info.context.party
    if party is None:
        raise Malformed("This needs a token: send it in the payload of `connection_init`.", "UNAUTHENTICATED")

    async def look() -> Mapping[Any, Any]:
        resources: Any = await context.read(store.resources_of, party)
        days = await asyncio.gather(*(context.days_of(one, day, 1) for one in resources))
        return {bucket.id: bucket for [bucket] in days}

    return context.follow(f"day:{party}:{day}", look)


@strawberry.type(description="What can be followed, over graphql-transport-ws: what is there now, then each change.")
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
        description="A day of your workshop: each of its resources, then each that changes.",
    )
