"""The schema's objects: which contract, which of its fields, and what can be looked up from there."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import ID, Parent, field

from libs.contracts import capacity, catalog, orders, values
from libs.contracts import capacity_queues as queues
from libs.contracts.values import PartyKind
from libs.graphql.lookups import Lookups, looked_up
from libs.graphql.opaque import Malformed, global_id
from libs.graphql.paging import After, Connection, First
from libs.graphql.shapes import Shapes, list_of, output
from libs.kit.auth import Principal
from libs.read_models.listing import Listing
from services.gateway import store, views
from services.gateway.api.context import Context, Info

TOPICS = {
    "Party": "catalog.party",
    "Site": "catalog.site",
    "Product": "catalog.product",
    "Resource": "capacity.resource",
    "Hold": "capacity.hold",
    "Booking": "capacity.booking",
    "Order": "orders.order",
    "WaitlistEntry": "capacity.waitlist",
    "Pool": "capacity.pool",
    "PoolShare": "capacity.share",
}
TERMS = (
    "price_per_unit setup_price minimum_charge minimum_quantity lot_multiple notice_days window_days deposit_percent"
    " cancellation visibility samples approval answer_hours material_days party_percent newcomers_percent"
)
ENTRIES = {"exceptions": values.DayQuantity, "changes": values.Change, "work": values.ProcessWork}
"""What mappings are shown and given as, by their names."""
_PARTIES = "workshop_id brand_id debtor_id creditor_id"
OWNERS = {f"{name.lower()}_id": name for name in TOPICS if name != "Party"} | dict.fromkeys(_PARTIES.split(), "Party")
"""What ids are shown as, by their names; of a party's own it is told what the party is to it."""
_lookups = Lookups(TOPICS, __name__)
_shapes = Shapes(_lookups.one, OWNERS, **ENTRIES)
shape, whole, later, one, several = _shapes.shape, _shapes.whole, _lookups.later, _lookups.one, _lookups.several
MOST_DAYS = 92
FromDay = Annotated[date, strawberry.argument(name="from", description="The first day.")]
Days = Annotated[int, strawberry.argument(description=f"How many days, 1 to {MOST_DAYS}. Each costs a point.")]


def page_type(name: str) -> Any:
    """The connection of a type of this module."""
    return Connection[later(name)]  # type: ignore[misc]  # a type made at run time


def many(name: str, listing: Listing, column: str, description: str) -> Any:
    """A field that pages through what names the root in a column."""

    async def find(root: Parent[Any], info: Info, first: First = 20, after: After = None) -> Any:
        return await info.context.page_of(listing, first, after, column, root.id)

    return field(resolver=find, description=description, graphql_type=page_type(name))


def _invited(root: Parent[values.Terms]) -> list[ID]:
    return [ID(global_id("Party", one)) for one in root.invited]


def _offered(root: Parent[catalog.Product]) -> bool:
    return views.offered(root)


def _offer(root: Parent[queues.WaitlistEntry]) -> ID | None:
    return ID(global_id("Hold", root.id)) if root.allocations else None


async def _buckets(root: Parent[capacity.Resource], info: Info, start: FromDay, days: Days = 14) -> Any:
    if not 1 <= days <= MOST_DAYS:
        raise Malformed(f"`days` must be 1 to {MOST_DAYS}.", "INVALID_DAYS")
    if (date.max - start).days < days:
        raise Malformed("`from` is too far away; choose an earlier day.", "INVALID_DAYS")
    return await info.context.days_of(root, start, days)


async def _sites(roots: Sequence[capacity.Resource], info: Info) -> list[Any]:
    sites = await info.context.find_all(TOPICS["Site"], [root.site_id for root in roots])
    own = zip(roots, sites, strict=True)
    return [site if site and site.party_id == root.party_id else None for root, site in own]


async def bucket(context: Context, key: str) -> views.Bucket | None:
    """A bucket by its key, `<resource>/<day>`; None if there is no such resource."""
    resource, _, day = key.partition("/")
    try:
        found, start = await context.find("capacity.resource", UUID(resource)), date.fromisoformat(day)
    except ValueError:
        return None
    return (await context.days_of(found, start, 1))[0] if found else None


whole(values.Money, values.Variant, values.Operation, values.Refusal, values.Rung)
whole(values.Span, values.Shift, values.Overtime, values.CalendarEvent, values.DayQuantity, values.Calendar)
whole(values.Pattern, values.Change, values.Work, values.ProcessWork)
Need = shape(values.Need, "process minutes")
Terms = shape(
    values.Terms,
    TERMS,
    invited=field(
        resolver=_invited, description="Ids of the parties it is sold to: to its workshop all, else your own."
    ),
)
Allocation = shape(values.Allocation, "day quantity resource_id workshop_id")
Proposal = shape(values.Proposal, hidden="price")
whole(values.Agreed, values.Actual, values.Due, values.Ending)
Line = shape(orders.Line, "sku quantity price needs product_id brand_id")
Party = shape(
    catalog.Party,
    "version kind name",
    sites=many("Site", store.SITES, "party_id", "Its places, by name."),
    resources=many("Resource", store.RESOURCES, "party_id", "What it works with, newest first."),
)
Site = shape(
    catalog.Site,
    "version name municipality latitude longitude time_zone",
    party=one("Party", "party_id", "Whose place it is."),
    resources=many("Resource", store.AT_SITE, "site_id", "What works here, newest first."),
)
Product = shape(
    catalog.Product,
    "version name description price variants routing",
    offered=field(resolver=_offered, description="False once withdrawn; orders already placed go on."),
    brand=one("Party", "party_id", "Who sells it."),
)
Bucket = shape(
    views.Bucket,
    "day published available held committed blocked",
    resource=one("Resource", "resource_id", "Whose time it is."),
)
Resource = shape(
    capacity.Resource,
    "version name kind processes unit time_zone terms calendar pattern work",
    workshop=one("Party", "party_id", "Whose it is."),
    site=looked_up(_sites, "Where it stands; null if not its workshop's.", later("Site") | None),
    buckets=field(
        resolver=_buckets,
        graphql_type=list_of(Bucket),
        description="Its days. One that nobody has touched offers what the calendar says.",
    ),
    pools=many("Pool", store.POOLS, "resource_id", "What it sells by shares, newest first."),
)
Hold = shape(
    capacity.Hold,
    "version state allocations placed_at expires_at refusal proposal order_id",
    holder=one("Party", "party_id", "Who holds."),
)
Booking = shape(
    capacity.Booking,
    "version state stage deadline allocations promised placed_at price agreed material_by material_at actual ending"
    " order_id",
    hidden="price",
    holder=one("Party", "party_id", "Who booked."),
    displaced_by=several("Party", "displaced_by", "Workshops whose calendars shrank below it, until it stands again."),
)
Order = shape(
    orders.Order,
    "version state stage lines total earliest_day due_day allocations refusal",
    hidden="total",
    buyer=one("Party", "party_id", "Who asked."),
)
WaitlistEntry = shape(
    queues.WaitlistEntry,
    "version state resource_id process currency quantity first_day last_day joined_at allocations expires_at",
    waiting=one("Party", "party_id", "Who waits."),
    hold_id=field(resolver=_offer, description="Id of the hold that it is offered: `confirmHold` takes it, in time."),
    hold=one("Hold", "id", "That hold."),
    booking=one("Booking", "id", "What it was confirmed as."),
)
Pool = shape(
    queues.Pool,
    "version state resource_id day quantity minimum pledged price_per_unit setup_price minimum_charge closes_at",
    workshop=one("Party", "party_id", "Whose that is."),
    shares=many("PoolShare", store.SHARES, "pool_id", "What you have pledged of it, newest first."),
)
PoolShare = shape(
    queues.PoolShare,
    "version pool_id state quantity joined_at at_most price",
    holder=one("Party", "party_id", "Who pledged."),
    booking=one("Booking", "id", "What it has become, if the pool has fired."),
)


def _party_id(root: Parent[Principal]) -> ID:
    return ID(global_id("Party", root.party))


Viewer = output(
    "Viewer",
    Principal,
    "Who is asking: what the token says.",
    {
        "party_id": field(resolver=_party_id, description="Global id of the party."),
        "role": field(description="What the party does on the platform.", graphql_type=PartyKind),
        "party": one("Party", "party", "The party, once it is registered."),
    },
)
