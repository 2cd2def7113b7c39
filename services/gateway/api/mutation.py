"""What can be done: each command with the service that answers it and the fields of the contract that it takes."""

from collections.abc import Collection
from typing import Any

import strawberry
from strawberry import ID, field

from libs.contracts import Event, capacity, catalog, orders
from libs.graphql.commands import mutation
from libs.graphql.inputs import input_type
from libs.graphql.opaque import after_token
from libs.graphql.services import Call
from libs.graphql.shapes import list_of
from libs.service.commands import Imported
from services.gateway.api import types
from services.gateway.api.context import Context
from services.gateway.api.inputs import fields_of

_MANY = "Up to 500. Those already known are left as they are."


def command(
    name: str, description: str, call: Call[Any], names: str = "", optional: Collection[str] = (), **more: Any
) -> Any:
    """A mutation that writes one aggregate, taking these fields of it and `more`."""
    fields = (fields_of(call.answer, names, optional=optional) if names else {}) | more
    if call.id_of:
        fields["id"] = field(description="Which one.", graphql_type=ID, metadata={"id_of": call.id_of})
    aggregate = call.answer.topic.partition(".")[2]
    written = {aggregate: field(description="As it is now.", graphql_type=getattr(types, aggregate.capitalize()))}

    def answer(context: Context, state: Event, _body: Any) -> dict[str, Any]:
        return {aggregate: context.seen(state), "after": after_token(state.topic, state.id, state.version)}

    return mutation(name, description, call, fields, written, answer)


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

    return mutation(name, description, call, {items: listed}, counts, answer)


_SECONDS = field(description="How long to hold; 900 unless told.", graphql_type=int | None, default=None)
_UNIT = field(description="Unit of its buckets.", graphql_type=str, default="minutes")
_PLACE = "name municipality latitude longitude time_zone"
_WORK = "site_id name kind processes terms calendar pattern"
_EITHER = {"calendar"}
"""A resource says when it works by one or the other; what it takes, the service says."""
_GOODS = "name description price variants routing"
_SITE = input_type(
    "ImportSiteInput", "One of its places.", fields_of(catalog.SiteRegistered, f"id {_PLACE}", plain=True)
)
_SITES = field(description="Its places.", graphql_type=list_of(_SITE))
_PARTY = fields_of(catalog.PartyRegistered, "id kind name", plain=True) | {"sites": _SITES}
_MACHINE = fields_of(capacity.ResourcePublished, f"id party_id {_WORK}", plain=True, optional=_EITHER)
_RESOURCE = _MACHINE | {"unit": _UNIT}

_COMMANDS = (
    command("registerParty", "Join.", Call("catalog", "/parties", catalog.PartyRegistered), "kind name"),
    command("registerSite", "Open a place.", Call("catalog", "/sites", catalog.SiteRegistered), _PLACE),
    command("registerProduct", "Offer a product.", Call("catalog", "/products", catalog.ProductRegistered), _GOODS),
    command(
        "withdrawProduct",
        "Offer a product no longer; orders already placed go on.",
        Call("catalog", "/products/{id}/withdraw", catalog.ProductWithdrawn, "Product"),
    ),
    command(
        "publishResource",
        "Publish what takes time, with terms and a calendar, or a pattern: from then on it can be booked.",
        Call("capacity", "/resources", capacity.ResourcePublished),
        _WORK,
        _EITHER,
        unit=_UNIT,
    ),
    command(
        "changeCalendar",
        "Change the days or hours of a resource. What they carry no more becomes unattainable; who was promised it is "
        "displaced in the published order.",
        Call("capacity", "/resources/{id}/calendar", capacity.CalendarChanged, "Resource"),
        "calendar",
    ),
    command(
        "placeHold",
        "Take room on one or more days, all or nothing, for a while.",
        Call("capacity", "/holds", capacity.HoldPlaced),
        "allocations",
        seconds=_SECONDS,
    ),
    command("confirmHold", "Book it.", Call("capacity", "/holds/{id}/confirm", capacity.BookingConfirmed, "Hold")),
    command(
        "releaseHold", "Give the room back.", Call("capacity", "/holds/{id}/release", capacity.HoldReleased, "Hold")
    ),
    command(
        "cancelBooking", "Cancel it.", Call("capacity", "/bookings/{id}/cancel", capacity.BookingCancelled, "Booking")
    ),
    command(
        "placeOrder",
        "Order pieces to be made; what comes of it is told by the subscription `order`.",
        Call("orders", "/orders", orders.OrderPlaced),
        "lines earliest_day due_day",
    ),
    command(
        "cancelOrder",
        "Withdraw an order that is on its way or confirmed; its room is given back.",
        Call("orders", "/orders/{id}/cancel", orders.OrderCancelled, "Order"),
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
    description="What can be done. Each answers its success or why not; but for `Unavailable`, that changed nothing.",
)
