"""What can be done: each command with the service that answers it and the fields of the contract that it takes."""

from collections.abc import Callable
from typing import Annotated, Any, Union

import msgspec
import strawberry
from strawberry import ID, field

from libs.contracts import Event, capacity, catalog, orders
from services.gateway.api import types
from services.gateway.api.context import Context, Info
from services.gateway.api.failures import FAILURES, failure
from services.gateway.api.inputs import body_of, fields_of, input_type
from services.gateway.api.shapes import list_of
from services.gateway.commands import Call, Refused
from services.gateway.opaque import after_token

_KEY = "Name the command with a key of your own, so that sending it again does it once. Kept for 24 hours."
_AFTER = "Send it back in the header `Filiera-After`, and a query sees at least this."
_MANY = "Up to 500. Those already known are left as they are."

Answer = Callable[[Context, Any, dict[str, Any]], dict[str, Any]]
"""The fields of a success, from what the service answered and what it was sent."""


class Imported(msgspec.Struct):
    """What a service answers to an import."""

    accepted: int
    skipped: int


def command(name: str, description: str, call: Call[Any], names: str = "", **more: Any) -> Any:
    """A mutation that writes one aggregate, taking these fields of it and `more`."""
    fields = (fields_of(call.answer, names) if names else {}) | more
    if call.id_of:
        fields["id"] = field(description="Which one.", graphql_type=ID, metadata={"id_of": call.id_of})
    aggregate = call.answer.topic.partition(".")[2]
    written = {aggregate: field(description="As it is now.", graphql_type=getattr(types, aggregate.capitalize()))}

    def answer(context: Context, state: Event, _body: Any) -> dict[str, Any]:
        return {aggregate: context.seen(state), "after": after_token(state.topic, state.id, state.version)}

    return _mutation(name, description, call, fields, written, answer)


def bulk(name: str, description: str, call: Call[Imported], of: type[Event], item: Any) -> Any:
    """A mutation of hubs that brings many aggregates with ids of their own; its `after` is the last one's."""
    items = call.path.rpartition("/")[2]
    listed = field(description=_MANY, graphql_type=list_of(item))
    counts = {
        "accepted": field(description="How many are new.", graphql_type=int),
        "skipped": field(description="How many were known already.", graphql_type=int),
    }

    def answer(_context: Context, done: Imported, body: dict[str, Any]) -> dict[str, Any]:
        last = body[items][-1]["id"]
        return {"accepted": done.accepted, "skipped": done.skipped, "after": after_token(of.topic, last, 1)}

    return _mutation(name, description, call, {items: listed}, counts, answer)


def _mutation(name: str, description: str, call: Call[Any], fields: Any, written: Any, answer: Answer) -> Any:
    title = name[0].upper() + name[1:]
    key = field(description=_KEY, graphql_type=str | None, default=None)
    given = input_type(f"{title}Input", f"What `{name}` takes.", fields | {"idempotency_key": key})
    after = field(description=_AFTER, graphql_type=str)
    success: Any = strawberry.type(type(f"{title}Success", (), written | {"after": after}), description="It is done.")
    union = strawberry.union(f"{title}Result", description=f"What `{name}` answers.")

    async def run(info: Info, input: Any) -> Any:  # noqa: A002 - the customary name
        try:
            body = body_of(input)
            done = await _send(info.context, call, body, body.pop("idempotency_key", None))
            return success(**answer(info.context, done, body))
        except Refused as refused:
            return failure(refused)

    run.__annotations__["input"] = Annotated[given, strawberry.argument(description="What it takes.")]
    result = Annotated[Union[(success, *FAILURES)], union]  # type: ignore[valid-type]
    return strawberry.mutation(resolver=run, name=name, description=description, graphql_type=result)


async def _send(context: Context, call: Call[Any], body: dict[str, Any], key: str | None) -> Any:
    token = context.connection.authorization
    if token is None:
        raise Refused(401, "UNAUTHENTICATED", "This needs a token: send `Authorization: Bearer <token>`.")
    await context.release()  # waiting for a service must not keep a connection of the pool
    return await context.connection.commands.send(call, body, token, key)


_SECONDS = field(description="How long to hold; 900 unless told.", graphql_type=int | None, default=None)
_UNIT = field(description="Unit of its buckets.", graphql_type=str, default="minutes")
_PLACE = "name municipality latitude longitude time_zone"
_WORK = "site_id name kind processes time_zone terms calendar"
_GOODS = "name description price variants routing"
_SITE = input_type(
    "ImportSiteInput", "One of its places.", fields_of(catalog.SiteRegistered, f"id {_PLACE}", plain=True)
)
_SITES = field(description="Its places.", graphql_type=list_of(_SITE))
_PARTY = fields_of(catalog.PartyRegistered, "id kind name", plain=True) | {"sites": _SITES}
_RESOURCE = fields_of(capacity.ResourcePublished, f"id party_id {_WORK}", plain=True) | {"unit": _UNIT}

_COMMANDS = (
    command("registerParty", "Join.", Call("catalog", "/parties", catalog.PartyRegistered), "kind name"),
    command("registerSite", "Open a place.", Call("catalog", "/sites", catalog.SiteRegistered), _PLACE),
    command("registerProduct", "Offer a product.", Call("catalog", "/products", catalog.ProductRegistered), _GOODS),
    command(
        "withdrawProduct",
        "Offer a product no longer; orders already placed go on.",
        Call("catalog", "/products/{Product}/withdraw", catalog.ProductWithdrawn),
    ),
    command(
        "publishResource",
        "Publish what takes time, with terms and calendar: from then on it can be booked.",
        Call("capacity", "/resources", capacity.ResourcePublished),
        _WORK,
        unit=_UNIT,
    ),
    command(
        "changeCalendar",
        "Change the days or hours of a resource; never below what is held or booked.",
        Call("capacity", "/resources/{Resource}/calendar", capacity.CalendarChanged),
        "calendar",
    ),
    command(
        "placeHold",
        "Take room on one or more days, all or nothing, for a while.",
        Call("capacity", "/holds", capacity.HoldPlaced),
        "allocations",
        seconds=_SECONDS,
    ),
    command("confirmHold", "Book it.", Call("capacity", "/holds/{Hold}/confirm", capacity.BookingConfirmed)),
    command("releaseHold", "Give the room back.", Call("capacity", "/holds/{Hold}/release", capacity.HoldReleased)),
    command("cancelBooking", "Cancel it.", Call("capacity", "/bookings/{Booking}/cancel", capacity.BookingCancelled)),
    command(
        "placeOrder",
        "Order pieces to be made; what comes of it is told by the subscription `order`.",
        Call("orders", "/orders", orders.OrderPlaced),
        "lines earliest_day due_day",
    ),
    command(
        "cancelOrder",
        "Withdraw an order that is on its way or confirmed; its room is given back.",
        Call("orders", "/orders/{Order}/cancel", orders.OrderCancelled),
    ),
    bulk(
        "importParties",
        "For hubs: bring parties with their sites.",
        Call("catalog", "/imports/parties", Imported),
        catalog.PartyRegistered,
        input_type("ImportPartyInput", "A party with its places.", _PARTY),
    ),
    bulk(
        "importResources",
        "For hubs: bring resources of parties.",
        Call("capacity", "/imports/resources", Imported),
        capacity.ResourcePublished,
        input_type("ImportResourceInput", "A resource of a party.", _RESOURCE),
    ),
)
Mutation = strawberry.type(
    type("Mutation", (), {one.graphql_name: one for one in _COMMANDS}),
    description="What can be done. Each answers its success or why not; a failure has changed nothing.",
)
