"""The hours of the day: when work is done, and when what is ready travels."""

from dataclasses import dataclass
from datetime import date
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from services.capacity.promise.question import Carriage

DAY = 24 * 60
OPENS, CLOSES = 8 * 60, 18 * 60
"""Minutes after midnight: the free minutes of any bucket are taken to lie between, evenly."""
SPAN = CLOSES - OPENS
FAR = 2**50
"""Never."""

Longs = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
L = TypeVar("L", int, Longs)


@dataclass(frozen=True, eq=False)
class Hours:
    """Some days, forward or mirrored; every time and day here is counted in that direction."""

    days: int
    opens: int
    leaves_from: int
    leaves_until: int
    runs: Longs
    """For each day, the first from it on that has carriers; `days` if there is none."""
    carriage: Carriage
    mirrored: bool
    late: int
    """Minutes of day 0 that are over when work begins on it: what is free of it lies evenly in the rest."""

    def over(self, day: L) -> L:
        """Minutes of the hours of a day that are over when work begins."""
        late: L = self.late * (day == 0)
        return late

    def day_of(self, moment: int) -> int:
        """The day whose work is not over at this moment, or the next."""
        return (moment + DAY - self.opens - SPAN - 1) // DAY

    def mirror(self, time: int) -> int:
        """The same moment counted forward, or from forward."""
        return self.days * DAY - time if self.mirrored else time

    def travel(self, metres: Longs) -> Longs:
        """Minutes on the way; none if there is none."""
        driving = -(-metres * 60 // (self.carriage.km_per_hour * 1000))
        return np.where(metres > 0, self.carriage.loading_minutes + driving, 0)

    def fare(self, metres: Longs) -> Longs:
        """What trips of such lengths cost, each rounded up to whole minor units."""
        price = self.carriage.price_per_trip + -(-metres * self.carriage.price_per_km // 1000)
        return np.where(metres > 0, price, 0)

    def arrives(self, ready: Longs, metres: Longs) -> Longs:
        """When what is ready then is where it is wanted. Mirrored: when it must be ready, if it is wanted then."""
        travel = self.travel(metres)
        there = self.leaves(ready + travel) if self.mirrored else self.leaves(ready) + travel
        return np.where(metres > 0, there, ready)

    def leaves(self, ready: Longs) -> Longs:
        """The first moment from then on at which carriers leave."""
        day, clock = np.divmod(np.minimum(ready, self.days * DAY), DAY)
        runs = self.runs[np.minimum(day + (clock > self.leaves_until), self.days)]
        left: Longs = runs * DAY + np.where(runs == day, np.maximum(clock, self.leaves_from), self.leaves_from)
        return left


def hours(days: int, first: date, carriage: Carriage, *, mirrored: bool, late: int = 0) -> Hours:
    """The hours of so many days from this one, of which so many minutes are over."""
    weekdays = (first.weekday() + np.arange(days)) % 7
    runs = np.isin(weekdays[::-1] if mirrored else weekdays, carriage.weekdays)
    following = np.minimum.accumulate(np.where([*runs, True], np.arange(days + 1), days)[::-1])[::-1]
    window = (DAY - carriage.cut_off, DAY - OPENS) if mirrored else (OPENS, carriage.cut_off)
    return Hours(days, DAY - CLOSES if mirrored else OPENS, *window, following, carriage, mirrored, late)
