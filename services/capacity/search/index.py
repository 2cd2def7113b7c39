"""The index of one process: a table for each process, currency and unit, and how old what it says is."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from uuid import UUID

from services.capacity.domain.availability import HORIZON, LONGEST_BASE, Availability, first_searched
from services.capacity.domain.search import Valid, Wanted, Window
from services.capacity.search.find import find
from services.capacity.search.offers import Offers
from services.capacity.search.table import Days, Table

Sold = tuple[str, str, str]
"""A process, a currency, a unit."""


@dataclass(frozen=True, slots=True)
class Heard:
    """When the ledger was heard: everything committed before `as_of`, on the database's clock, is known."""

    as_of: datetime
    monotonic: float
    """This machine's clock shortly before: so that an age is rather said to be too high than too low."""

    def now(self) -> datetime:
        """The database's clock, carried on by this machine's; the time of day here does not matter."""
        return self.as_of + timedelta(seconds=self.age())

    def age(self) -> float:
        """Seconds since."""
        return time.monotonic() - self.monotonic


class Index:
    """What is free in a city. All of it is touched in the event loop alone, so that nobody sees a half of a change."""

    def __init__(self, heard: Heard) -> None:
        self.heard = heard
        self._days = Days(first_searched(heard.as_of))
        self._tables: dict[Sold, Table] = {}
        self._rows: dict[UUID, list[tuple[Table, int]]] = {}
        self._taken = defaultdict[date, dict[UUID, int]](dict)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def first_day(self) -> date:
        """From which day on it can be told what is free."""
        return self._days.base

    def is_worn(self) -> bool:
        """So old that it soon no longer reaches the horizon, and is to be loaded again."""
        return (first_searched(self.heard.now()) - self._days.base).days >= LONGEST_BASE

    def put(self, rows: Sequence[Availability]) -> None:
        """Take resources in, or what they have become."""
        sold = defaultdict[Sold, list[Availability]](list)
        before = {row.id: self._rows.get(row.id, []) for row in rows}
        for row in rows:
            self._rows[row.id] = []
            for process in dict.fromkeys(row.processes):
                sold[process, row.currency, row.unit].append(row)
        for one, some in sold.items():
            table = self._tables.setdefault(one, Table(self._days))
            for row, number in zip(some, table.put(some, one[0]), strict=True):
                self._rows[row.id].append((table, number))
        for resource_id, places in before.items():
            for table, number in places:
                if (table, number) not in self._rows[resource_id]:
                    table.empty(number)

    def set_taken(self, resource_id: UUID, day: date, taken: int) -> None:
        """Say how much of a day of a resource is taken; of days that will not be today in this index, nothing."""
        if 0 <= (day - self.first_day).days < LONGEST_BASE + 3:
            self._taken[day][resource_id] = taken

    def taken(self, day: date) -> Mapping[UUID, int]:
        """How much of a day that is today somewhere is taken, of each resource; of who is not there, nothing."""
        return self._taken[day]

    def set_free(self, resource_id: UUID, day: date, free: int) -> None:
        """Say what is free on a day of a resource; of one that is not here, nothing."""
        for table, number in self._rows.get(resource_id, ()):
            table.set_free(number, day, free)

    def find(self, wanted: Wanted, valid: Valid | None = None) -> list[Window]:
        """The best windows, as far as this index knows; if some workshops only are asked for, of these. The ledger
        decides."""
        if (table := self._tables.get((wanted.process, wanted.currency, wanted.unit))) is None:
            return []
        now = self.heard.now()
        return find(table, within_horizon(wanted, now), self._days.base, now, valid)

    def free(self, window: Window) -> list[int]:
        """What is free on each day of a window that was found just now."""
        table, number = self._rows[window.resource_id][0]
        return table.free(number, window.starts_on, window.ends_on)

    def offers(
        self, process: str, currency: str = "EUR", unit: str = "minutes", offset: timedelta = timedelta.min
    ) -> Offers | None:
        """What is sold of a process, for whoever plans on it by a clock so far ahead of UTC: who is ahead of it, and
        without a clock everybody, sells from tomorrow on. None if nobody sells it."""
        table = self._tables.get((process, currency, unit))
        return table.offers(self.heard.now(), offset) if table else None

    def offset(self, sold: Iterable[Sold], party: UUID) -> timedelta:
        """How far the clock is ahead of UTC which most have who sell any of these to a party; of equals, the latest. So
        nobody's clock can make today be over for others."""
        now, found = self.heard.now(), Counter[timedelta]()
        offsets = self._days.offsets(now)
        for table in (self._tables[one] for one in sold if one in self._tables):
            for offset, sellers in zip(offsets, table.sellers(party, now), strict=False):
                found[offset] += sellers
        return max(+found, key=lambda offset: (found[offset], offset), default=timedelta())


def within_horizon(wanted: Wanted, now: datetime) -> Wanted:
    """The same, but for days that cannot be searched."""
    first = first_searched(now)
    last = first + timedelta(HORIZON - 1)
    if first <= wanted.first and wanted.last <= last:
        return wanted
    return replace(wanted, first=max(wanted.first, first), last=min(wanted.last, last))
