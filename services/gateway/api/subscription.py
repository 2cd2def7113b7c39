"""What can be followed: what is there now, then whatever has changed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import date
from typing import Annotated, Any

import strawberry
from strawberry import ID, field

from services.gateway import store
from services.gateway.api import types
from services.gateway.api.context import Context, Info
from services.gateway.opaque import Malformed, key_of

OrderId = Annotated[ID, strawberry.argument(description="Which order.")]
Day = Annotated[date, strawberry.argument(description="A local day of the workshop's sites.")]


def _order(info: Info, id: OrderId) -> AsyncIterator[Any]:  # noqa: A002 - the customary name
    key = key_of(id, "Order")

    async def look() -> Mapping[Any, Any]:
        found = await info.context.find("orders.order", key)
        return {key: found} if found else {}

    return _follow(info.context, f"orders.order:{key}", look, "There is no such order, or none that you may see.")


def _workshop_day(info: Info, day: Day) -> AsyncIterator[Any]:
    context, party = info.context, info.context.party
    if party is None:
        raise Malformed("This needs a token: send it in the payload of `connection_init`.", "UNAUTHENTICATED")

    async def look() -> Mapping[Any, Any]:
        resources: Any = await context.read(lambda session: store.resources_of(session, party))
        days = await asyncio.gather(*(types.days_of(context, one, day, 1) for one in resources))
        return {bucket.id: bucket for [bucket] in days}

    return _follow(context, f"day:{party}:{day}", look)


async def _follow(
    context: Context, key: str, look: Callable[[], Awaitable[Mapping[Any, Any]]], missing: str | None = None
) -> AsyncIterator[Any]:
    """What `look` finds, then each item that has changed. Every look reads anew under the caller's party.

    `missing` is said if there is still nothing after a wait: what was just written may be on its way.
    """
    seen: dict[Any, Any] = {}
    waited = False
    with context.connection.changes.watch(key) as watch:
        while True:
            context.forget()
            found = await look()
            await context.release()
            if missing and waited and not (seen or found):
                raise Malformed(missing, "NOT_FOUND")
            for name, item in found.items():
                if seen.get(name) != item:
                    seen[name] = item
                    yield item
            await watch.wait()
            waited = True


@strawberry.type(description="What can be followed, over graphql-transport-ws: what is there now, then each change.")
class Subscription:
    order: Any = field(
        resolver=_order, is_subscription=True, graphql_type=types.Order, description="An order's life, to its end."
    )
    workshop_day: Any = field(
        resolver=_workshop_day,
        is_subscription=True,
        graphql_type=types.Bucket,
        description="A day of your workshop: each of its resources, then each that changes.",
    )
