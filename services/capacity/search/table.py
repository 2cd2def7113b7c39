"""The rows of one process, in one unit and currency: arrays with a row a resource, in memory column by column."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from services.capacity.domain.availability import (
    HORIZON,
    LONGEST_BASE,
    Availability,
    cell_of,
    cells_around,
    first_searched,
)
from services.capacity.domain.work import Work
from services.capacity.search.offers import (
    FIGURES,
    INVITED,
    PRIVATE,
    PUBLIC,
    Bytes,
    Floats,
    Ints,
    Offers,
    Shorts,
    figures,
    sold_to,
)

WIDTH = HORIZON + LONGEST_BASE + 1
_BAND = 10_000
"""Codes of one band of cells from west to east; there are 7,200 of them round the Earth."""
_NOWHERE = 2**40
_SHAPES = {"sums": (WIDTH,), "figures": (len(FIGURES),)}
"""Of what has more than a number a row."""
_NO_END = 20_000
"""Days: a window that ends after every horizon."""
_VISIBLE = {"public": PUBLIC, "invited": INVITED, "private": PRIVATE}

_COLUMNS: dict[str, npt.DTypeLike] = {
    **dict.fromkeys(("sums", "most", "price", "setup", "least", "minimum", "lot"), np.int32),
    "figures": np.int32,
    **dict.fromkeys(("latitude", "longitude"), np.float32),
    **dict.fromkeys(("notice", "window", "zone"), np.int16),
    "visibility": np.int8,
    "cell": np.int64,
}

Rows = npt.NDArray[np.intp]


class Days:
    """Which day it is at every site, counted from the index's first. It changes at midnight of each time zone."""

    def __init__(self, base: date) -> None:
        self.base = base
        self.changes = 0
        self._zones: dict[str, int] = {}
        self._today = np.zeros(0, np.int16)
        self._until: datetime | None = None

    def number(self, zone: str) -> int:
        """A small number for a time zone."""
        if zone not in self._zones:
            self._zones[zone] = len(self._zones)
            self._until = None
        return self._zones[zone]

    def offsets(self, now: datetime) -> list[timedelta]:
        """How far the clock of each zone is ahead of UTC, by its number."""
        return [now.astimezone(ZoneInfo(zone)).utcoffset() or timedelta() for zone in self._zones]

    def ahead(self, offset: timedelta, now: datetime) -> Shorts:
        """Tomorrow in each zone whose clock is ahead of one that is so far ahead of UTC; 0 in the others."""
        ahead = np.array([here > offset for here in self.offsets(now)], np.bool_)
        return np.where(ahead, self.come(now)[: len(ahead)] + np.int16(1), np.int16(0))

    def come(self, now: datetime) -> Shorts:
        """Today in each zone, by its number."""
        if self._until is None or now >= self._until:
            todays = [now.astimezone(ZoneInfo(zone)).date() for zone in (*self._zones, "UTC")]
            midnights = [
                datetime.combine(today + timedelta(1), time(), ZoneInfo(zone))
                for today, zone in zip(todays, (*self._zones, "UTC"), strict=True)
            ]
            self._today = np.array([(today - self.base).days for today in todays], np.int16)
            self._until, self.changes = min(midnights), self.changes + 1
        return self._today


class Table:
    """Grows; a row never moves. `sums[i]` is what is free before day i of the index's base, for every row."""

    def __init__(self, days: Days) -> None:
        self.ids, self.sites, self.workshops = list[UUID](), list[UUID](), list[UUID]()
        self.names = list[str]()
        self._days = days
        self._numbers: dict[UUID, int] = {}
        self._room(64)
        self.invited, self.work = list[frozenset[UUID]](), list[Work | None]()
        self._may_begin = self._may_end = np.zeros(0, np.int16)
        self._counted = -1
        self._by_cell, self._cells_in_order = np.zeros(0, np.intp), np.zeros(0, np.int64)

    def __len__(self) -> int:
        return len(self.ids)

    def _room(self, rows: int) -> None:
        """Make room for so many rows, and move what is there."""
        for name, kind in _COLUMNS.items():
            made = np.zeros((*_SHAPES.get(name, ()), rows), kind)
            if len(self):
                made[..., : len(self)] = getattr(self, name)[..., : len(self)]
            setattr(self, name, made)

    sums: Ints
    most: Ints
    """No day of the row has more free."""
    price: Ints
    setup: Ints
    least: Ints
    minimum: Ints
    lot: Ints
    latitude: Floats
    longitude: Floats
    notice: Shorts
    window: Shorts
    zone: Shorts
    visibility: Bytes
    cell: npt.NDArray[np.int64]
    figures: Ints

    def put(self, rows: Sequence[Availability], process: str) -> list[int]:
        """Take resources in for a process, or put them as they are now in their old places; the numbers of their rows.
        Many at once are quick: a column of the memory is a day of all."""
        numbers = [self._number(row) for row in rows]
        for name in ("price", "setup", "least", "minimum", "lot", "most"):
            getattr(self, name)[numbers] = [getattr(row, name) for row in rows]
        self.notice[numbers] = [row.notice_days for row in rows]
        self.window[numbers] = [_NO_END if row.window_days is None else row.window_days for row in rows]
        self.visibility[numbers] = [_VISIBLE[row.visibility] for row in rows]
        for number, row in zip(numbers, rows, strict=True):
            self.invited[number] = frozenset((row.party_id, *row.invited))
            self.names[number] = row.name
            self.work[number] = row.work.get(process)
        self.figures[:, numbers] = np.array([figures(self.work[number]) for number in numbers]).T
        self.zone[numbers] = [self._days.number(row.time_zone) for row in rows]
        self._stand(numbers, rows)
        self._fill(numbers, rows)
        self._counted = -1
        return numbers

    def _number(self, row: Availability) -> int:
        if (number := self._numbers.get(row.id)) is None:
            number = self._numbers[row.id] = len(self)
            if number == len(self.price):
                self._room(2 * number)
            self.ids.append(row.id)
            self.sites.append(row.site_id)
            self.workshops.append(row.party_id)
            self.names.append(row.name)
            self.invited.append(frozenset())
            self.work.append(None)
        return number

    def _stand(self, numbers: list[int], rows: Sequence[Availability]) -> None:
        places = [(row.latitude, row.longitude) for row in rows]
        known = [None if lat is None or lon is None else (lat, lon) for lat, lon in places]
        self.latitude[numbers], self.longitude[numbers] = np.array([one or (np.nan, np.nan) for one in known]).T
        self.cell[numbers] = [_NOWHERE if one is None else _code(*cell_of(*one)) for one in known]
        self._by_cell = np.zeros(0, np.intp)

    def _fill(self, numbers: list[int], rows: Sequence[Availability]) -> None:
        """The sums of rows that may begin before or after the index's base: outside of them nothing is free."""
        given = np.array([row.cumulative for row in rows], np.int32)
        begin = np.array([(self._days.base - row.first_day).days for row in rows])
        days = np.clip(begin[:, None] + np.arange(WIDTH), 0, given.shape[1] - 1)
        self.sums[:, numbers] = np.take_along_axis(given, days, axis=1).T

    def set_free(self, number: int, day: date, free: int) -> None:
        """Say what is free on a day; days that are not in the index are passed over."""
        at = (day - self._days.base).days
        if 0 <= at < WIDTH - 1:
            column = self.sums[:, number]
            column[at + 1 :] += free - (column[at + 1] - column[at])
            self.most[number] = max(self.most[number], free)

    def empty(self, number: int) -> None:
        """Say that nothing of a row is free: its resource is not sold so any more."""
        self.sums[:, number] = self.most[number] = 0

    def free(self, number: int, first: date, last: date) -> list[int]:
        """What is free of a row on each day from the first to the last."""
        begin, end = (first - self._days.base).days, (last - self._days.base).days
        free: list[int] = np.diff(self.sums[begin : end + 2, number]).tolist()
        return free

    def may_begin(self, now: datetime) -> Shorts:
        """The first day, counted from the base, on which each row may be taken: by notice."""
        self._count(now)
        return self._may_begin

    def may_end(self, now: datetime) -> Shorts:
        """The last day on which each row may be taken already: by its window."""
        self._count(now)
        return self._may_end

    def sellers(self, party: UUID, now: datetime) -> list[int]:
        """How many rows with anything free are sold to a party, by the number of their zone."""
        rows, first = slice(len(self)), (first_searched(now) - self._days.base).days
        sold = sold_to(self.visibility[rows], self.invited, party) & (self.sums[-1, rows] > self.sums[first, rows])
        counted: list[int] = np.bincount(self.zone[rows][sold]).tolist()
        return counted

    def _count(self, now: datetime) -> None:
        today = self._days.come(now)
        if self._counted != self._days.changes:
            here = today[self.zone[: len(self)]]
            self._may_begin, self._may_end = here + self.notice[: len(self)], here + self.window[: len(self)]
            self._counted = self._days.changes

    def near(self, place: tuple[float, float], km: float) -> Rows:
        """Rows in the cells that a circle touches: all that are in it, and some that are not."""
        if len(self._by_cell) != len(self):
            self._by_cell = np.argsort(self.cell[: len(self)], kind="stable")
            self._cells_in_order = self.cell[self._by_cell]
        (south, west), (top, right) = cells_around(place, km)
        bands = np.arange(south, top + 1, dtype=np.int64) * _BAND
        first = np.searchsorted(self._cells_in_order, bands + west)
        end = np.searchsorted(self._cells_in_order, bands + right, side="right")
        return np.concatenate([self._by_cell[a:b] for a, b in zip(first, end, strict=True)])

    def offers(self, now: datetime, offset: timedelta) -> Offers:
        """The rows as whoever plans sees them, by a clock that is so far ahead of UTC: where it is later already, today
        is not sold."""
        first, rows = first_searched(now), slice(len(self))
        passed = (first - self._days.base).days
        sums = self.sums[passed : passed + HORIZON + 1, rows].T
        opens = np.maximum(self.may_begin(now), self._days.ahead(offset, now)[self.zone[rows]]) - np.int16(passed)
        closes = self.may_end(now) - np.int16(passed)
        where = (self.latitude[rows], self.longitude[rows])
        price = (self.price[rows], self.setup[rows], self.minimum[rows])
        lots, visibility = (self.lot[rows], self.least[rows]), self.visibility[rows]
        figures = self.figures[:, rows]
        for array in (sums, opens, closes, *where, *price, *lots, visibility, figures):
            array.flags.writeable = False
        who = (self.ids, self.sites, self.workshops, self.names)
        return Offers(
            *who, first, sums, opens, *where, *price, closes, *lots, visibility, self.invited, self.work, figures
        )


def _code(band: int, cell: int) -> int:
    return band * _BAND + cell
