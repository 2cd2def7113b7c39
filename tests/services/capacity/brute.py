"""Search as a person would do it with the ledger on paper: resource by resource, day by day. Slow, and plain."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import groupby
from math import cos, hypot, inf, radians
from uuid import UUID

from sqlalchemy import text

from libs.kit.db import Database
from services.capacity.domain.calendar import published_on
from services.capacity.domain.offer import Resource
from services.capacity.domain.qualification import Qualification
from services.capacity.domain.search import Wanted, Window

Buckets = dict[tuple[UUID, date], int]


@dataclass
class Standing:
    """A resource, where it stands, and what its workshop has shown."""

    resource: Resource
    place: tuple[float, float] | None
    shown: list[Qualification] = field(default_factory=list)

    def may_work(self, day: date, schemes: Iterable[str]) -> bool:
        """Whether the workshop has all these qualifications on a day."""
        counts = {one.scheme for one in self.shown if one.state == "shown" and one.valid_from <= day <= one.valid_until}
        return counts >= set(schemes)


async def _buckets(db: Database) -> tuple[datetime, Buckets]:
    async with db.work() as session:
        now = (await session.execute(text("SELECT clock_timestamp()"))).scalar_one()
        query = "SELECT resource_id, day, published - held - committed - blocked FROM bucket"
        return now, {(resource_id, day): free for resource_id, day, free in await session.execute(text(query))}


async def free(db: Database, windows: Iterable[tuple[Resource, Window]]) -> list[list[int]]:
    """What is free of each resource on each day of its window."""
    _, buckets = await _buckets(db)
    return [
        [free_on(buckets, resource, day) for day in days_between(window.starts_on, window.ends_on)]
        for resource, window in windows
    ]


def free_on(buckets: Buckets, resource: Resource, day: date) -> int:
    return buckets.get((resource.id, day), published_on(resource.calendar, day))


async def search(db: Database, standing: Iterable[Standing], wanted: Wanted) -> list[Window]:
    now, buckets = await _buckets(db)
    found = [window for one in standing if (window := best(one, buckets, wanted, now))]
    return sorted(found, key=lambda window: rank(window, wanted.order))[: wanted.limit]


def rank(window: Window, order: str) -> tuple[float, date, int, UUID]:
    km = inf if window.km is None else window.km
    return (
        {"earliest": 0, "nearest": km, "cheapest": window.price}[order],
        window.ends_on,
        window.price,
        window.resource_id,
    )


def is_wanted(standing: Standing, wanted: Wanted) -> bool:
    """But for its free days."""
    resource, km = standing.resource, away(standing.place, wanted.near)
    need = resource.terms.least_for(wanted.quantity)
    return all(
        (
            wanted.process in resource.processes,
            (wanted.unit, wanted.currency) == (resource.unit, resource.terms.price_per_unit.currency),
            wanted.near is None or wanted.km is None or (km is not None and km <= wanted.km),
            wanted.price is None or resource.terms.cost(need) <= wanted.price,
            resource.is_seen_by(wanted.party),
        )
    )


def best(standing: Standing, buckets: Buckets, wanted: Wanted, now: datetime) -> Window | None:
    resource = standing.resource
    if not is_wanted(standing, wanted):
        return None
    need = resource.terms.least_for(wanted.quantity)
    first = max(wanted.first, resource.first_day(now))
    last = min(wanted.last, resource.last_day(now), now.date() + timedelta(364))
    spans = []
    for qualified, run in groupby(days_between(first, last), lambda day: standing.may_work(day, wanted.qualifications)):
        days = [(day, free_on(buckets, resource, day)) for day in run]
        if qualified and (span := (whole if wanted.lot == "day" else spread)(days, need)):
            spans.append(span)
    if not spans:
        return None
    starts_on, ends_on = spans[0]
    return Window(
        resource_id=resource.id,
        workshop_id=resource.party_id,
        site_id=resource.site_id,
        name=resource.name,
        starts_on=starts_on,
        ends_on=ends_on,
        quantity=need,
        price=resource.terms.cost(need),
        km=away(standing.place, wanted.near),
        sold_to_you=resource.is_sold_to(wanted.party),
    )


def days_between(first: date, last: date) -> list[date]:
    return [first + timedelta(number) for number in range((last - first).days + 1)]


def spread(free: Sequence[tuple[date, int]], need: int) -> tuple[date, date] | None:
    working = [(day, quantity) for day, quantity in free if quantity > 0]
    got = 0
    for day, quantity in working:
        got += quantity
        if got >= need:
            return working[0][0], day
    return None


def whole(free: Sequence[tuple[date, int]], need: int) -> tuple[date, date] | None:
    return next(((day, day) for day, quantity in free if quantity >= need), None)


def away(place: tuple[float, float] | None, near: tuple[float, float] | None) -> float | None:
    if place is None or near is None:
        return None
    return 111.195 * hypot(place[0] - near[0], (place[1] - near[1]) * cos(radians(near[0])))
