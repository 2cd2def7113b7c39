"""The schema's objects: which contract, which of its fields, and what can be looked up from there."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import ID, Parent, field

from libs.contracts import capacity, catalog, orders, values
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
}
TERMS = (
    "price_per_unit setup_price minimum_charge minimum_quantity lot_multiple notice_days window_days deposit_percent"
    " cancellation visibility samples approval answer_hours material_days party_percent newcomers_percent"
)
PATTERN = "shifts holidays august_weeks closures overtime events"
_shapes, _lookups = Shapes(), Lookups(TOPICS, __name__)
shape, later, one, several = _shapes.shape, _lookups.later, _lookups.one, _lookups.several
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


@strawberry.type(description="What one day offers, whatever the week says.")
class DayQuantity:
    day: date = field(description="A local day of the resource's site.")
    quantity: int = field(description="In the resource's unit.")


def _exceptions(description: str) -> Any:
    def days(root: Parent[Any]) -> list[DayQuantity]:
        return [DayQuantity(day=date.fromisoformat(day), quantity=n) for day, n in sorted(root.exceptions.items())]

    return field(resolver=days, description=description)


def _invited(root: Parent[values.Terms]) -> list[ID]:
    return [ID(global_id("Party", one)) for one in root.invited]


def _offered(root: Parent[catalog.Product]) -> bool:
    return views.offered(root)


async def _buckets(root: Parent[capacity.Resource], info: Info, start: FromDay, days: Days = 14) -> Any:
    if not 1 <= days <= MOST_DAYS:
        raise Malformed(f"`days` must be 1 to {MOST_DAYS}.", "INVALID_DAYS")
    if (date.max - start).days < days:
        raise Malformed("`from` is too far away.", "INVALID_DAYS")
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


_shapes.whole(values.Money, values.Variant, values.Operation, values.Refusal, values.Rung)
_shapes.whole(values.Span, values.Shift, values.Overtime, values.CalendarEvent)
Need = shape(values.Need, "process minutes")
Terms = shape(
    values.Terms,
    TERMS,
    invited=field(
        resolver=_invited, description="Ids of the parties it is sold to: to its workshop all, else your own."
    ),
)
Calendar = shape(
    values.Calendar,
    "weekly starts_on ends_on",
    exceptions=_exceptions("Public holidays, closures, overtime; in order."),
)
Pattern = shape(
    values.Pattern, PATTERN, exceptions=_exceptions("Days by themselves, whatever the rest says; in order.")
)
Allocation = shape(
    values.Allocation,
    "day quantity",
    resource=one("Resource", "resource_id", "What is taken."),
    workshop=one("Party", "workshop_id", "Whose it is."),
)
Agreed = shape(
    values.Agreed,
    "price deposit cancellation material_days",
    resource=one("Resource", "resource_id", "What was booked."),
    workshop=one("Party", "workshop_id", "Whose it is."),
)
Proposal = shape(values.Proposal, "awaiting price", hidden="price")
Actual = shape(values.Actual, "quantity good scrap completed", workshop=one("Party", "workshop_id", "Who reports."))
Due = shape(
    values.Due, "amount", debtor=one("Party", "debtor_id", "Who owes."), creditor=one("Party", "creditor_id", "Whom.")
)
Ending = shape(values.Ending, "by code message due")
Line = shape(
    orders.Line,
    "sku quantity price needs",
    product=one("Product", "product_id", "What is made."),
    brand=one("Party", "brand_id", "Whose product it is."),
)
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
    "version name kind processes unit time_zone terms calendar pattern",
    workshop=one("Party", "party_id", "Whose it is."),
    site=looked_up(_sites, "Where it stands; null if not its workshop's.", later("Site") | None),
    buckets=field(
        resolver=_buckets,
        graphql_type=list_of(Bucket),
        description="Its days. One that nobody has touched offers what the calendar says.",
    ),
)
Hold = shape(
    capacity.Hold,
    "version state allocations placed_at expires_at refusal proposal",
    holder=one("Party", "party_id", "Who holds."),
    order=one("Order", "order_id", "The order that asked, if one did."),
)
Booking = shape(
    capacity.Booking,
    "version state stage deadline allocations promised placed_at price agreed material_by material_at actual ending",
    hidden="price",
    holder=one("Party", "party_id", "Who booked."),
    displaced_by=several("Party", "displaced_by", "Workshops whose calendars shrank below it, until it stands again."),
    order=one("Order", "order_id", "The order that it is for, if one asked."),
)
Order = shape(
    orders.Order,
    "version state stage lines total earliest_day due_day allocations refusal",
    hidden="total",
    buyer=one("Party", "party_id", "Who asked."),
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
