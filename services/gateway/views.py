"""Who may see what. Rows are hidden by row-level security, most by `audience`; parts of a row are taken out here.

| | whole | in part |
| --- | --- | --- |
| hold | holder | a workshop: its own allocations; a proposal's price only if all of them are its own |
| booking | holder | a workshop: its own allocations, promised days, agreed terms and reports; the price only if all \
allocations are its own; of what is due what it owes or is owed; of who displaced it only itself |
| order | buyer | a brand: its own lines; a workshop: all lines, its own allocations; the total only to the buyer |
| resource | its workshop | everybody, a private one only who is invited: all but that others are invited too |
| place in line, share of a pool | its party | nobody |
| pool | whoever sees its resource, as that is now | |
| bucket | its workshop | everybody: published and available, not how the rest is split |
"""

from collections.abc import Iterable
from datetime import date
from typing import Any, TypeVar
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from libs.contracts import Event, capacity, catalog, orders
from libs.contracts.values import Actual, Agreed, Allocation, Calendar, Ending

E = TypeVar("E", bound=Event)
P = TypeVar("P", Allocation, Agreed, Actual)


def audience(event: capacity.Hold | capacity.Booking | orders.Order) -> list[UUID]:
    """The parties that may see something of it, each once."""
    workshops = {allocation.workshop_id for allocation in event.allocations}
    brands = {line.brand_id for line in event.lines} if isinstance(event, orders.Order) else set[UUID]()
    return sorted({event.party_id} | workshops | brands)


def invited(resource: capacity.Resource) -> list[UUID] | None:
    """Who may see a resource; none: everybody."""
    private = resource.terms.visibility == "private"
    return sorted({resource.party_id, *resource.terms.invited}) if private else None


def offered(product: catalog.Product) -> bool:
    """Whether it can still be ordered."""
    return not isinstance(product, catalog.ProductWithdrawn)


def seen_by(party: UUID | None, event: E) -> E:
    """The event without what this party may not see; what is taken out of a single value is None."""
    parts = _parts(event, party)
    return replace(event, **parts) if parts else event


def _parts(event: Event, party: UUID | None) -> dict[str, Any]:
    match event:
        case capacity.Resource() | capacity.Hold() | capacity.Booking() | orders.Order() if event.party_id == party:
            return {}
        case capacity.Resource():
            return _of_resource(event, party)
        case capacity.Hold():
            return _of_hold(event, party)
        case capacity.Booking():
            return _of_booking(event, party)
        case orders.Order():
            own = _own(event.allocations, party)
            lines = event.lines if own else [line for line in event.lines if line.brand_id == party]
            return {"lines": lines, "allocations": own, "total": None}
    return {}


def _of_resource(resource: capacity.Resource, party: UUID | None) -> dict[str, Any]:
    terms, invited = resource.terms, [one for one in resource.terms.invited if one == party]
    return {"terms": replace(terms, invited=invited)} if terms.invited else {}


def _of_hold(hold: capacity.Hold, party: UUID | None) -> dict[str, Any]:
    own = _own(hold.allocations, party)
    unpriced = hold.proposal and replace(hold.proposal, price=None)
    return {} if own == hold.allocations else {"allocations": own, "proposal": unpriced}


def _of_booking(booking: capacity.Booking, party: UUID | None) -> dict[str, Any]:
    own = {name: _own(getattr(booking, name), party) for name in ("allocations", "promised", "agreed", "actual")}
    return own | {
        "price": booking.price if own["allocations"] == booking.allocations else None,
        "displaced_by": [one for one in booking.displaced_by if one == party],
        "ending": booking.ending and _of_ending(booking.ending, party),
    }


def _of_ending(ending: Ending, party: UUID | None) -> Ending:
    return replace(ending, due=[one for one in ending.due if party in (one.debtor_id, one.creditor_id)])


def _own(parts: Iterable[P], party: UUID | None) -> list[P]:
    return [part for part in parts if part.workshop_id == party]


class Bucket(Struct, frozen=True):
    """One resource on one local day. available = published - held - committed - blocked, never negative."""

    resource_id: UUID
    day: date
    """Of the site's time zone."""
    published: int
    """What the workshop offers, in the resource's unit."""
    available: int
    """What can still be taken."""
    held: int | None = None
    """Under live holds. Null to all but the workshop."""
    committed: int | None = None
    """Booked. Null to all but the workshop."""
    blocked: int | None = None
    """Withdrawn. Null to all but the workshop."""

    @property
    def id(self) -> str:
        """A day never touched has no id of the ledger's, so it is named by what it is."""
        return f"{self.resource_id}/{self.day}"


def day_of(resource: capacity.Resource, day: date, touched: capacity.Bucket | None, party: UUID | None) -> Bucket:
    """A resource's day; one that nobody has touched offers what the calendar says."""
    published = touched.published if touched else _published(resource.calendar, day)
    taken = (touched.held, touched.committed, touched.blocked) if touched else (0, 0, 0)
    split = taken if resource.party_id == party else ()
    return Bucket(resource.id, day, published, published - sum(taken), *split)


def _published(calendar: Calendar, day: date) -> int:
    if not calendar.starts_on <= day <= calendar.ends_on:
        return 0
    return calendar.exceptions.get(day.isoformat(), calendar.weekly[day.weekday()])
