"""The resources that an operation looks at, with their tool sets."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

import numpy as np

from services.capacity.domain.availability import KM_PER_DEGREE
from services.capacity.promise.hours import Longs
from services.capacity.promise.question import Operation
from services.capacity.promise.works import ALL, Rows, Works, works
from services.capacity.search.offers import Ints, Offers


def metres(here: tuple[Longs, Longs], there: tuple[Longs, Longs]) -> Longs:
    """Whole metres between places, each (latitude, longitude), on a flat map."""
    (north, east), (north_there, east_there) = here, there
    narrower = np.cos(np.radians((north + north_there) / 2))
    away = np.hypot(north - north_there, (east - east_there) * narrower) * KM_PER_DEGREE * 1000
    whole: Longs = np.rint(away).astype(np.int64)
    return whole


@dataclass(frozen=True, eq=False)
class ToolSet:
    """A tool set beside a candidate: what is free of it by day, in the planner's direction, and what it costs."""

    id: UUID
    workshop: UUID
    name: str
    quantity: int
    """Taken on each day that the operation works."""
    free: Longs
    price: int
    """Minor units for a day."""
    setup: int


@dataclass(frozen=True, eq=False)
class Shortlist:
    """The resources that an operation looks at, a row each."""

    operation: Operation
    offers: Offers
    rows: Longs
    """In the offers."""
    free: Longs
    """(rows, days): what may be taken of each day, in the planner's direction."""
    tools: list[list[ToolSet]]
    """One for each tool that the operation needs, for each row."""

    @cached_property
    def works(self) -> Works:
        """What the operation takes of each."""
        return works(self.operation, [self.offers.work[row] for row in self.rows], self.free.max(axis=1))

    @cached_property
    def cumulative(self) -> Longs:
        """(rows, days + 1): what is free before each day, whatever is free of the tools."""
        return cumulative(self.free)

    @cached_property
    def ids(self) -> list[UUID]:
        return [self.offers.ids[row] for row in self.rows]

    @cached_property
    def where(self) -> tuple[Longs, Longs]:
        return self.offers.latitude[self.rows].astype(float), self.offers.longitude[self.rows].astype(float)

    @cached_property
    def price(self) -> Longs:
        return self.offers.price[self.rows].astype(np.int64)

    @cached_property
    def setup_price(self) -> Longs:
        return self.offers.setup[self.rows].astype(np.int64)

    @cached_property
    def least(self) -> Longs:
        return self.offers.least[self.rows].astype(np.int64)

    @cached_property
    def lot(self) -> Longs:
        return self.offers.lot[self.rows].astype(np.int64)

    @cached_property
    def minimum(self) -> Longs:
        return self.offers.minimum[self.rows].astype(np.int64)

    def sold(self, minutes: Longs | int, rows: Rows = ALL) -> Longs:
        """The least that is sold of each row to who needs so many."""
        return least_for(self.minimum[rows], self.lot[rows], minutes)

    def cost(self, minutes: Longs) -> Longs:
        """What a booking of so many of each row costs."""
        return np.where(minutes > 0, np.maximum(self.least, self.setup_price + self.price * minutes), 0)


def least_for(minimum: Ints | Longs, lot: Ints | Longs, quantity: Longs | int) -> Longs:
    """As the terms have it: whole lots, and the minimum."""
    lots: Longs = -(-np.maximum(quantity, minimum.astype(np.int64)) // lot) * lot
    return lots


def usable(free: Longs, tools: Iterable[ToolSet]) -> Longs:
    """What is free on the days that have the tools."""
    for tool in tools:
        free = np.where(tool.free >= tool.quantity, free, 0)
    return free


def cumulative(free: Longs) -> Longs:
    """(rows, days) -> (rows, days + 1): what is free before each day."""
    return np.concatenate([np.zeros((len(free), 1), np.int64), free.cumsum(axis=1)], axis=1)
