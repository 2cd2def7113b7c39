"""What can be followed: what is there now, then whatever has changed."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import date
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import ID, field

from libs.contracts.capacity_queues import WaitlistState
from libs.contracts.orders import OrderCompleted, OrderState
from libs.graphql.opaque import Malformed, key_of
from libs.graphql_streams.following import follow
from services.gateway import store
from services.gateway.api import types
from services.gateway.api.context import Info

MOST_RESOURCES = 1_000
"""Of a workshop that are followed. The oldest: a new one must not push out one that was told."""
Id = Annotated[ID, strawberry.argument(description="Which one.")]
_OPEN = {OrderState.PLACED, OrderState.RESERVED, OrderState.CONFIRMED, WaitlistState.WAITING, WaitlistState.OFFERED}
"""Of other states, and of an order that is completed, nothing more becomes."""
Day = Annotated[date, strawberry.argument(description="A local day of the workshop's sites.")]


def _over(event: Any) -> bool:
    return event.state not in _OPEN or isinstance(event, OrderCompleted)


def _life(name: str, description: str) -> Any:
    """A field that follows one aggregate of this type, until it has ended."""
    topic = types.TOPICS[name]

    def one(info: Info, id: Id) -> AsyncIterator[Any]:  # noqa: A002 - the customary name
        key = key_of(id, name)

        async def look() -> Mapping[Any, Any]:
            found = await info.context.find(topic, key)
            return {key: found} if found else {}

        missing = "There is none of this id, or none that you may see; check the id."
        return follow(info.context, f"{topic}:{key}", look, missing, over=_over)

    shown = getattr(types, name)
    return field(resolver=one, is_subscription=True, graphql_type=shown, description=description)


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
    order: Any = _life("Order", "An order's life; complete once that is over, or once you may see it no more.")
    waitlist_offer: Any = _life(
        "WaitlistEntry",
        "Your place in line, until it is offered room, and what becomes of that: accepted, declined or missed; or that"
        " it lapsed. Then it is complete. The offer is a hold, `holdId`.",
    )
    workshop_day: Any = field(
        resolver=_workshop_day,
        is_subscription=True,
        graphql_type=types.Bucket,
        description="A day of your workshop: each of its resources, then each that changes. Of more than"
        f" {MOST_RESOURCES:,} resources the oldest are followed; ask for the `buckets` of others.",
    )
