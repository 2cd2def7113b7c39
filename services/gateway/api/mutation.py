"""What can be done: each command with the service that answers it and the fields of the contract that it takes."""

from collections.abc import Collection
from functools import partial
from typing import Any

import strawberry
from strawberry import field

from libs.contracts import Event, capacity, catalog, orders, values
from libs.contracts import capacity_queues as queues
from libs.contracts.capacity_answers import Pledge
from libs.graphql.services import Call
from libs.graphql.shapes import list_of
from libs.graphql_commands.commands import bulk, command
from libs.graphql_commands.inputs import input_type
from libs.service.commands import Imported
from libs.uploads.signing import sign_upload
from services.gateway.api import promising, types
from services.gateway.api.inputs import PatternInput, fields_of

_UNDER = {"WaitlistEntry": "waitlist"}
_SHOWN = {topic: name for name, topic in types.TOPICS.items()}


def _command(
    name: str, description: str, call: Call[Any], names: str = "", optional: Collection[str] = (), **more: Any
) -> Any:
    """A mutation that writes one aggregate, taking these fields of it and `more`."""
    fields = fields_of(call.answer, names, optional=optional) if names else {}
    shown = getattr(types, _SHOWN[call.answer.topic])
    return command(name, description, call, shown, fields | more)


def _act(of: str, name: str, event: type[Event], description: str, names: str = "", at: str = "", **more: Any) -> Any:
    """A mutation of what there is, at `/<of>s/{id}/<at>` of its service; unless told, at the verb of its name."""
    verb = at or name.partition(next(filter(str.isupper, name)))[0]
    under = _UNDER.get(of, f"{of.lower()}s")
    call = Call(event.topic.partition(".")[0], f"/{under}/{{id}}/{verb}", event, of)
    return _command(name, description, call, names, **more)


_product, _resource = partial(_act, "Product"), partial(_act, "Resource")
_hold, _booking, _order = partial(_act, "Hold"), partial(_act, "Booking"), partial(_act, "Order")
_entry, _pool = partial(_act, "WaitlistEntry"), partial(_act, "Pool")
_SECONDS = field(description="How long to hold; 900 unless told.", graphql_type=int | None, default=None)
_SAMPLE = field(description="Less than the minimum, where samples are sold.", graphql_type=bool, default=False)
_SCHEMES = field(
    description="Schemes: every workshop has each of them on each day.", graphql_type=list[str], default_factory=list
)
_PRICE = field(description="In minor units; the terms' price unless told.", graphql_type=int | None, default=None)
_REPORT = fields_of(values.Actual, "quantity good scrap")
_UNIT = field(description="Unit of its buckets.", graphql_type=str, default="minutes")
_PLACE = "name municipality latitude longitude time_zone"
_WORK = "site_id name kind processes terms calendar pattern work"
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
    _command("registerParty", "Join.", Call("catalog", "/parties", catalog.PartyRegistered), "kind name"),
    _command("registerSite", "Open a place.", Call("catalog", "/sites", catalog.SiteRegistered), _PLACE),
    _command("registerProduct", "Offer a product.", Call("catalog", "/products", catalog.ProductRegistered), _GOODS),
    _product("withdrawProduct", catalog.ProductWithdrawn, "Offer a product no longer; orders already placed go on."),
    _command(
        "publishResource",
        "Publish what takes time, with terms and a calendar, or a pattern: from then on it can be booked.",
        Call("capacity", "/resources", capacity.ResourcePublished),
        _WORK,
        _EITHER,
        unit=_UNIT,
    ),
    _resource(
        "changeTerms",
        capacity.TermsChanged,
        "Change how a resource is sold, from now on, to all of these terms; what is booked stays as it was agreed.",
        "terms",
        at="terms",
    ),
    _resource(
        "changeWork",
        capacity.ResourceChanged,
        "Change what a resource is called, does, or takes for that; what is left out stays, as does what is booked.",
        "name kind processes work",
        optional={"name", "kind", "processes", "work"},
        at="work",
    ),
    _resource(
        "changeCalendar",
        capacity.CalendarChanged,
        "Change the days or hours of a resource; then it works by no pattern. What they carry no more becomes "
        "unattainable; who was promised it is displaced in the published order.",
        "calendar",
        at="calendar",
    ),
    _resource(
        "changePattern",
        capacity.CalendarChanged,
        "Have it work by a pattern from today on: twelve months are published, and every month another. Who was "
        "promised what they carry no more is displaced as by `changeCalendar`.",
        at="pattern",
        pattern=field(description="What the calendar is worked out from, day after day.", graphql_type=PatternInput),
    ),
    sign_upload,
    _command(
        "placeHold",
        "Take room on one or more days, all or nothing, for a while.",
        Call("capacity", "/holds", capacity.HoldPlaced),
        "allocations",
        seconds=_SECONDS,
        sample=_SAMPLE,
        qualifications=_SCHEMES,
    ),
    *promising.HOLDING,
    _hold("confirmHold", capacity.BookingConfirmed, "Book it."),
    _hold("releaseHold", capacity.HoldReleased, "Give the room back."),
    _hold("proposeHold", capacity.HoldProposed, "Ask the workshop, which decides by hand, to book it."),
    _hold(
        "amendHold", capacity.HoldAmended, "As the workshop: offer other days or a price.", "allocations", amount=_PRICE
    ),
    _hold("acceptHold", capacity.BookingConfirmed, "Agree to what the other side has proposed: it is booked."),
    _hold("rejectHold", capacity.HoldReleased, "Do not agree, as either side: the room is given back."),
    _booking(
        "declareMaterial", capacity.BookingSupplied, "As a workshop: its material is in house.", at="material-ready"
    ),
    _booking("startBooking", capacity.BookingStarted, "As a workshop: begin the work."),
    _booking("reportWork", capacity.WorkReported, "As a workshop: what came of it since your last report.", **_REPORT),
    _booking("completeBooking", capacity.BookingCompleted, "As a workshop: your part of the work is done."),
    _booking("moveBooking", capacity.BookingMoved, "As who displaced it: propose other days of yours.", "allocations"),
    _booking("acceptMove", capacity.BookingConfirmed, "As the holder: agree to the days that it was moved to."),
    _booking("rejectMove", capacity.BookingCancelled, "As the holder: do not agree to them; the booking ends."),
    _booking("cancelBooking", capacity.BookingCancelled, "Cancel it, as either side; its `ending` tells what is due."),
    _command(
        "joinWaitlist",
        "Wait for a resource or for a process. When there is room and it is your turn, it is held for you, for an hour;"
        " the subscription `waitlistOffer` tells.",
        Call("capacity", "/waitlist", queues.WaitlistJoined),
        "resource_id process currency quantity first_day last_day",
    ),
    _entry("leaveWaitlist", queues.WaitlistWithdrawn, "Leave the line; what was offered goes to the next."),
    _command(
        "openPool",
        "As a workshop: set room aside for firms that each need less than the minimum.",
        Call("capacity", "/pools", queues.PoolOpened),
        "resource_id day quantity minimum closes_at",
        {"minimum"},
    ),
    _pool("joinPool", Pledge, "Pledge a share; once the minimum is met, all are booked.", "quantity"),
    _pool("leavePool", Pledge, "Take your share back while the pool is open."),
    _pool("closePool", queues.PoolClosed, "As its workshop: let everybody go, and free the room."),
    _command(
        "placeOrder",
        "Order pieces to be made; what comes of it is told by the subscription `order`.",
        Call("orders", "/orders", orders.OrderPlaced),
        "lines earliest_day due_day",
    ),
    _order("cancelOrder", orders.OrderCancelled, "Withdraw an order, on its way or confirmed; its room is given back."),
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
