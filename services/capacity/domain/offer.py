"""What a workshop offers: a resource at a site, and what of it is asked for."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from services.capacity.domain.calendar import Calendar, published_on
from services.capacity.domain.shifts import Pattern, rolled
from services.capacity.domain.terms import MOST_TO_PAY, Money, Refused, Terms
from services.capacity.domain.work import Work


@dataclass(frozen=True, slots=True)
class Site:
    """A place of a workshop; its clock says which day it is there."""

    id: UUID
    party_id: UUID
    version: int
    time_zone: str
    latitude: float | None = None
    """WGS 84 degrees, as the longitude. Neither is known until the catalog tells of the site again."""
    longitude: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """What takes time at a site and can do processes; its party is the workshop."""

    id: UUID
    party_id: UUID
    version: int
    site_id: UUID
    name: str
    kind: str
    processes: list[str]
    unit: str
    time_zone: str
    terms: Terms
    calendar: Calendar
    work: dict[str, Work] = field(default_factory=dict)
    pattern: Pattern | None = None

    def today(self, now: datetime) -> date:
        """The day at the resource's site."""
        return now.astimezone(ZoneInfo(self.time_zone)).date()

    def first_day(self, now: datetime) -> date:
        """The earliest day that may still be taken."""
        return self.today(now) + timedelta(days=self.terms.notice_days)

    def last_day(self, now: datetime) -> date:
        """The last day that may be taken already."""
        window = self.terms.window_days
        return date.max if window is None else self.today(now) + timedelta(days=window)

    def end_of(self, day: date) -> datetime:
        """The instant at which a day ends at the site (UTC)."""
        return datetime.combine(day + timedelta(1), time.min, ZoneInfo(self.time_zone)).astimezone(UTC)

    def rolled(self, now: datetime) -> "Resource":
        """Its next version, with the days added that its pattern has up to the horizon."""
        calendar = rolled(self.calendar, self.pattern or Pattern(), self.time_zone, self.today(now))
        return replace(self, calendar=calendar, version=self.version + 1)

    def is_seen_by(self, party: UUID) -> bool:
        """Whether it is there at all for this party."""
        return self.terms.visibility != "private" or self._is_of(party)

    def is_sold_to(self, party: UUID) -> bool:
        """Whether this party may hold it."""
        return self.terms.visibility == "public" or self._is_of(party)

    def _is_of(self, party: UUID) -> bool:
        return party == self.party_id or party in self.terms.invited

    def allocate(self, day: date, quantity: int) -> "Allocation":
        """So much of a day."""
        return Allocation(bucket_id(self.id, day), self.id, self.party_id, day, quantity)


@dataclass(frozen=True, slots=True)
class Allocation:
    """A quantity of one bucket: one resource of one workshop on one local day."""

    bucket_id: UUID
    resource_id: UUID
    workshop_id: UUID
    day: date
    quantity: int


def check_work(work: Mapping[str, Work], processes: Collection[str]) -> None:
    """Refuse to tell what a process takes that is not done. Raises ValueError."""
    if unknown := sorted(work.keys() - set(processes)):
        raise ValueError(f"work names {unknown[0]}, which is none of its processes")


@lru_cache(maxsize=2**16)
def bucket_id(resource_id: UUID, day: date) -> UUID:
    """UUIDv5 of resource and day: everybody knows a bucket's id, and so its place in the lock order, before its row
    exists; and two first touches of a day agree on it."""
    return uuid5(resource_id, day.isoformat())


NamedDays = Sequence[tuple[UUID, date, int]]
"""Resource, local day, quantity."""
Parts = Sequence[tuple[Resource, Allocation]]
"""The same, once the resources are known."""


def parts_of(resources: Mapping[UUID, Resource], days: NamedDays, party: UUID) -> list[tuple[Resource, Allocation]]:
    """Quantities of days of resources that this party may see. Raises Refused (UNKNOWN_RESOURCE)."""
    parts = []
    for key, day, quantity in days:
        resource = resources.get(key)
        if resource is None or not resource.is_seen_by(party):
            raise Refused("UNKNOWN_RESOURCE", f"There is no resource {key}; check the id.")
        parts.append((resource, resource.allocate(day, quantity)))
    return parts


def check_sale(asked: Parts, party: UUID, now: datetime, *, sample: bool = False) -> None:
    """Refuse what these resources do not sell to this party, whether or not there is room."""
    for resource, _ in asked:
        check_party(resource, party)
    check_terms(asked, now, sample=sample)


def check_party(resource: Resource, party: UUID) -> None:
    """Refuse who is not invited."""
    if not resource.is_sold_to(party):
        raise Refused("NOT_INVITED", f"{resource.name} is sold by invitation; ask its workshop for one.")


def check_terms(asked: Parts, now: datetime, *, sample: bool = False) -> None:
    """Refuse what these resources sell to nobody."""
    for resource, allocation in asked:
        _check_day(resource, allocation.day, now)
    for resource, quantity in totals(asked):
        _check_quantity(resource, quantity, sample=sample)
    if len({resource.terms.price_per_unit.currency for resource, _ in asked}) > 1:
        raise Refused("MIXED_CURRENCIES", "These resources are sold in several currencies; hold them one by one.")
    check_price(asked)


def _check_day(resource: Resource, day: date, now: datetime) -> None:
    if not published_on(resource.calendar, day):
        raise Refused("NOT_OFFERED", f"{resource.name} does not work on {day}; choose another day.")
    check_notice(resource, day, now)
    if day > (last := resource.last_day(now)):
        raise Refused("TOO_FAR_AHEAD", f"{day} is too far ahead, {last} is the last day of {resource.name} to take.")


def check_notice(resource: Resource, day: date, now: datetime) -> None:
    """Refuse a day before the first that may still be taken."""
    if day < (first := resource.first_day(now)):
        raise Refused("TOO_SHORT_NOTICE", f"{day} is too soon, {first} is the first day of {resource.name} to take.")


def _check_quantity(resource: Resource, quantity: int, *, sample: bool) -> None:
    terms = resource.terms
    if sample:
        if not terms.samples or quantity >= terms.minimum_quantity:
            most = f"less than {terms.minimum_quantity} {resource.unit}" if terms.samples else "no samples"
            raise Refused("NO_SAMPLE", f"{resource.name} sells {most} as a sample, not {quantity}.")
        return
    if quantity < terms.minimum_quantity:
        least = f"{terms.minimum_quantity} {resource.unit}"
        raise Refused("NOT_OFFERED", f"{resource.name} sells no less than {least} at a time, not {quantity}.")
    check_lots(resource, quantity)


def check_lots(resource: Resource, quantity: int) -> None:
    """Refuse what is no whole number of lots."""
    if quantity % (lot := resource.terms.lot_multiple):
        raise Refused("NOT_WHOLE_LOTS", f"{resource.name} sells in multiples of {lot} {resource.unit}, not {quantity}.")


def check_price(asked: Parts) -> None:
    """Refuse what could be booked, but not told."""
    if (cost := price(asked)).amount > MOST_TO_PAY:
        raise Refused("TOO_EXPENSIVE", f"{cost.amount} minor units of {cost.currency}: over {MOST_TO_PAY}; take less.")


def totals(asked: Parts) -> list[tuple[Resource, int]]:
    """The quantity of each resource over all its days."""
    if len(asked) == 1:  # as most do who come in a crowd
        return [(resource, part.quantity) for resource, part in asked]
    resources = {resource.id: resource for resource, _ in asked}
    quantities = dict.fromkeys(resources, 0)
    for resource, part in asked:
        quantities[resource.id] += part.quantity
    return [*zip(resources.values(), quantities.values(), strict=True)]


def price(asked: Parts) -> Money:
    """What a booking costs."""
    amount = sum(resource.terms.cost(quantity) for resource, quantity in totals(asked))
    return Money(amount, asked[0][0].terms.price_per_unit.currency)
