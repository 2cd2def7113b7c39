"""Free time as a function of the clock, for many resources at once.

What a resource has worked off by a time is a count of its free minutes: a coordinate in which every operation is an
interval, whatever nights, holidays and other people's bookings lie between. Days turn into minutes and back by two
look-ups.
"""

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np

from services.capacity.promise.hours import DAY, FAR, SPAN, Hours, Longs


class Free:
    """`cumulative` (resources, days + 1): free minutes before each day, from 0; rows are named by their number."""

    def __init__(self, hours: Hours, cumulative: Longs) -> None:
        self.hours, self.cumulative = hours, cumulative
        # One increasing row of numbers instead of many, so that a single binary search looks in all of them.
        self._apart = int(cumulative[:, -1].max(initial=0)) + 2
        self._flat = (cumulative + np.arange(len(cumulative))[:, None] * self._apart).ravel()

    @property
    def total(self) -> Longs:
        """All that each resource has."""
        return self.cumulative[:, -1]

    def reached(self, rows: Longs, time: Longs) -> Longs:
        """The first coordinate whose work need not begin before this time."""
        before, today, spent, span = self._at(rows, time)
        return before - (-today * spent // span)

    def done(self, rows: Longs, time: Longs) -> Longs:
        """How many minutes can have been worked off whole by this time."""
        before, today, spent, span = self._at(rows, time)
        return before + today * spent // span

    def when(self, rows: Longs, worked: Longs) -> Longs:
        """The whole minute at which so much, 1 or more, is worked off; FAR if it never is."""
        day = self.day(rows, worked)
        before = self.cumulative[rows, day]
        today = np.maximum(self.cumulative[rows, day + 1] - before, 1)
        late = self.hours.over(day)
        time = day * DAY + self.hours.opens + late - ((before - worked) * (SPAN - late) // today)
        return np.where(worked > self.total[rows], FAR, time)

    def day(self, rows: Longs, worked: Longs) -> Longs:
        """The day on which that minute of work, counted from 1, is done; the last day if none."""
        found = np.searchsorted(self._flat, np.minimum(worked, self._apart - 1) + rows * self._apart)
        day: Longs = np.maximum(np.minimum(found - rows * (self.hours.days + 1) - 1, self.hours.days - 1), 0)
        return day

    def _at(self, rows: Longs, time: Longs) -> tuple[Longs, Longs, Longs, Longs]:
        """What was free before that day, what is free on it, and how much of how many working hours is over."""
        day = np.minimum(time // DAY, self.hours.days - 1)
        before = self.cumulative[rows, day]
        late = self.hours.over(day)
        spent = np.maximum(np.minimum(time - day * DAY - self.hours.opens, SPAN) - late, 0)
        return before, self.cumulative[rows, day + 1] - before, spent, SPAN - late


@dataclass(frozen=True, slots=True)
class Single:
    """The same for one resource, a look-up at a time."""

    hours: Hours
    cumulative: list[int]

    def when(self, worked: int) -> int:
        """The whole minute at which so much, 1 or more, is worked off; there must be so much."""
        day = bisect_left(self.cumulative, worked) - 1
        return self._clock(day, -((self.cumulative[day] - worked) * self._span(day) // self._today(day)))

    def begins(self, worked: int) -> int:
        """The whole minute in which the next minute's work after so much begins; there must be one."""
        day = bisect_left(self.cumulative, worked + 1) - 1
        return self._clock(day, (worked - self.cumulative[day]) * self._span(day) // self._today(day))

    def _today(self, day: int) -> int:
        return self.cumulative[day + 1] - self.cumulative[day]

    def _span(self, day: int) -> int:
        return SPAN - self.hours.over(day)

    def _clock(self, day: int, spent: int) -> int:
        return day * DAY + self.hours.opens + self.hours.over(day) + spent
