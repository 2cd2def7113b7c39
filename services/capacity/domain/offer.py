"""What a workshop offers: a resource, when it works, and on which terms it sells its time."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

MOST = 1_000_000
"""Of anything on one day, in a resource's unit."""
MOST_TO_PAY = 2**31 - 1
"""For a booking, in minor units: the largest Int that GraphQL carries."""


class Refused(Exception):  # noqa: N818 - what a workshop does, not a fault
    """The rules say no: a stable code for programs and a sentence for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Weekly shifts (seven quantities, Monday first), and what is different on some days, in a span of days."""

    weekly: list[int]
    exceptions: dict[date, int]
    starts_on: date
    ends_on: date

    def __post_init__(self) -> None:
        if len(self.weekly) != 7 or not all(0 <= quantity <= MOST for quantity in self.weekly):
            raise ValueError(f"weekly has seven quantities, Monday first, each from 0 to {MOST:,}")
        if not all(0 <= quantity <= MOST for quantity in self.exceptions.values()):
            raise ValueError(f"each exception is from 0 to {MOST:,}")
        if not 0 <= (self.ends_on - self.starts_on).days <= 1100:
            raise ValueError("ends_on is not before starts_on, and at most 1,100 days after it")
        if not all(self.starts_on <= day <= self.ends_on for day in self.exceptions):
            raise ValueError("exceptions are of days from starts_on to ends_on")


def published_on(calendar: Calendar, day: date) -> int:
    """What the calendar gives on a day: nothing outside its span, else the exception, else the weekly shift."""
    if not calendar.starts_on <= day <= calendar.ends_on:
        return 0
    return calendar.exceptions.get(day, calendar.weekly[day.weekday()])


@dataclass(frozen=True, slots=True)
class Money:
    """Minor units of an ISO 4217 currency."""

    amount: int
    currency: str = "EUR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Prices for a unit of time and, once, for setting up; the least that is sold, in units; days of notice."""

    price_per_unit: Money
    setup_price: Money
    minimum_quantity: int = 1
    notice_days: int = 0

    def __post_init__(self) -> None:
        prices = (self.price_per_unit, self.setup_price)
        if not all(0 <= price.amount <= 10**9 and price.currency == prices[0].currency for price in prices):
            raise ValueError("both prices are in one currency, from 0 to 1,000,000,000 minor units")
        if not re.fullmatch("[A-Z]{3}", prices[0].currency):
            raise ValueError("a currency is three capital letters, e.g. EUR")
        if not (1 <= self.minimum_quantity <= MOST and 0 <= self.notice_days <= 366):
            raise ValueError(f"minimum_quantity is from 1 to {MOST:,}, notice_days from 0 to 366")


@dataclass(frozen=True, slots=True)
class Site:
    """A place of a workshop; its clock says which day it is there."""

    id: UUID
    party_id: UUID
    version: int
    time_zone: str


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

    def today(self, now: datetime) -> date:
        """The day at the resource's site."""
        return now.astimezone(ZoneInfo(self.time_zone)).date()

    def first_day(self, now: datetime) -> date:
        """The earliest day that may still be taken."""
        return self.today(now) + timedelta(days=self.terms.notice_days)

    def price(self, quantity: int) -> int:
        """What a booking of so much costs: setting up once, then each unit."""
        return self.terms.setup_price.amount + self.terms.price_per_unit.amount * quantity

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


def bucket_id(resource_id: UUID, day: date) -> UUID:
    """UUIDv5 of resource and day: everybody knows a bucket's id, and so its place in the lock order, before its row
    exists; and two first touches of a day agree on it."""
    return uuid5(resource_id, day.isoformat())


def check_terms(asked: Sequence[tuple[Resource, Allocation]], now: datetime) -> None:
    """Refuse what these resources do not sell, whether or not there is room."""
    for resource, allocation in asked:
        day, first = allocation.day, resource.first_day(now)
        if not published_on(resource.calendar, day):
            raise Refused("NOT_OFFERED", f"{resource.name} does not work on {day}; choose another day.")
        if day < first:
            soon = f"{day} is too soon, {first} is the first day of {resource.name} to take."
            raise Refused("TOO_SHORT_NOTICE", soon)
    for resource, quantity in totals(asked):
        if quantity < resource.terms.minimum_quantity:
            least = f"{resource.terms.minimum_quantity} {resource.unit}"
            raise Refused("NOT_OFFERED", f"{resource.name} sells no less than {least} at a time, not {quantity}.")
    if len({resource.terms.price_per_unit.currency for resource, _ in asked}) > 1:
        raise Refused("MIXED_CURRENCIES", "These resources are sold in several currencies; hold them one by one.")
    check_price(asked)


def check_price(asked: Sequence[tuple[Resource, Allocation]]) -> None:
    """Refuse what could be booked, but not told."""
    if (cost := price(asked)).amount > MOST_TO_PAY:
        raise Refused("TOO_EXPENSIVE", f"{cost.amount} minor units of {cost.currency}: over {MOST_TO_PAY}; take less.")


def totals(asked: Sequence[tuple[Resource, Allocation]]) -> list[tuple[Resource, int]]:
    """The quantity of each resource over all its days."""
    resources = {resource.id: resource for resource, _ in asked}
    return [(r, sum(part.quantity for _, part in asked if part.resource_id == id_)) for id_, r in resources.items()]


def price(asked: Sequence[tuple[Resource, Allocation]]) -> Money:
    """What a booking costs."""
    amount = sum(resource.price(quantity) for resource, quantity in totals(asked))
    return Money(amount, asked[0][0].terms.price_per_unit.currency)
