"""Who may see what. Rows are hidden by row-level security on `audience`; parts of a row are taken out here.

| | whole | in part |
| --- | --- | --- |
| hold, booking | holder | a workshop: its own allocations; the price only if all of them are its own |
| order | buyer | a brand: its own lines; a workshop: all lines, its own allocations; the total only to the buyer |
| resource | everybody; a private one and its days: its workshop and who is invited | |
| bucket | its workshop | everybody: published and available, not how the rest is split |
"""

from datetime import date
from typing import Any, TypeVar
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from libs.contracts import Event, capacity, orders
from libs.contracts.values import Allocation, Calendar

E = TypeVar("E", bound=Event)

_IN_PART = (capacity.Hold, capacity.Booking, orders.Order)


def audience(event: capacity.Hold | capacity.Booking | orders.Order) -> list[UUID]:
    """The parties that may see something of it, each once."""
    workshops = {allocation.workshop_id for allocation in event.allocations}
    brands = {line.brand_id for line in event.lines} if isinstance(event, orders.Order) else set[UUID]()
    return sorted({event.party_id} | workshops | brands)


def invited(resource: capacity.Resource) -> list[UUID] | None:
    """Who may see a resource; none: everybody."""
    private = resource.terms.visibility == "private"
    return sorted({resource.party_id, *resource.terms.invited}) if private else None


def seen_by(party: UUID | None, event: E) -> E:
    """The event without what this party may not see; what is taken out of a single value is None."""
    if not isinstance(event, _IN_PART) or event.party_id == party:
        return event
    own = [allocation for allocation in event.allocations if allocation.workshop_id == party]
    return replace(event, **_parts(event, party, own))


def _parts(event: Event, party: UUID | None, own: list[Allocation]) -> dict[str, Any]:
    match event:
        case orders.Order():
            lines = event.lines if own else [line for line in event.lines if line.brand_id == party]
            return {"lines": lines, "allocations": own, "total": None}
        case capacity.Booking():
            return {"allocations": own, "price": event.price if own == event.allocations else None}
    return {"allocations": own}


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
