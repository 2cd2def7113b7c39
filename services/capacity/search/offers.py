"""What is sold of one process, as columns: how search, and whoever plans on it, sees a city."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

import numpy as np
import numpy.typing as npt

from services.capacity.domain import availability
from services.capacity.domain.work import Work

HORIZON = availability.HORIZON
"""Days that can be searched, from `first_day` on."""

PUBLIC, INVITED, PRIVATE = range(3)
"""How far a resource can be seen: by all and sold to all, seen by all and sold by invitation, by invitation alone."""

FIGURES = ("once", "run", "per", "efficiency", "multiple", "fewest", "batch")
"""Of the work that is published for a process: set-up and clean-up together, run time, pieces of that run time, percent
of efficiency, lot multiple, minimum of pieces, transfer batch or 0. All 0 where none is published."""

Ints = npt.NDArray[np.int32]
Shorts = npt.NDArray[np.int16]
Bytes = npt.NDArray[np.int8]
Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Offers:
    """Resources that sell a process in a unit and a currency: a row each, in arrays that only read.

    It is a view of the index as it is now: whoever keeps it over an await may see what came since. A row never moves.
    """

    ids: Sequence[UUID]
    """Of the resources; at least as many as there are rows, as in the three that follow."""
    sites: Sequence[UUID]
    workshops: Sequence[UUID]
    names: Sequence[str]
    first_day: date
    """Day 0, yesterday by UTC: at no site is today before it."""
    cumulative: Ints
    """(rows, HORIZON + 1): what is free on day d is cumulative[:, d + 1] - cumulative[:, d], in the unit. Only
    differences mean anything. Column by column in memory: one day of all rows is quick, all days of one row less so."""
    opens: Shorts
    """The first day that may be taken, given the site's today and the notice asked for; may be past the horizon."""
    latitude: Floats
    """WGS 84 degrees; not a number where the site's place is not known."""
    longitude: Floats
    price: Ints
    """Minor units a unit."""
    setup: Ints
    """Minor units once for a booking."""
    minimum: Ints
    """The least that is sold, in the unit."""
    closes: Shorts
    """The last day that may be taken already; may be past the horizon."""
    lot: Ints
    """It is sold in multiples of so many units."""
    least: Ints
    """What any booking costs, in minor units."""
    visibility: Bytes
    """PUBLIC, INVITED or PRIVATE."""
    invited: Sequence[frozenset[UUID]]
    """Who may hold what is not public: the workshop too."""
    work: Sequence[Work | None]
    """What each publishes that the process takes."""
    figures: Ints
    """(FIGURES, rows): the same, but for the pace of the first days, change-overs and elapsed time."""

    def __len__(self) -> int:
        return len(self.price)

    def sold_to(self, party: UUID) -> Mask:
        """Which rows this party may hold."""
        return sold_to(self.visibility, self.invited, party)

    def day(self, number: int) -> date:
        """The date of a day counted from `first_day`."""
        return self.first_day + timedelta(number)


def sold_to(visibility: Bytes, invited: Sequence[frozenset[UUID]], party: UUID) -> Mask:
    """Where a party may hold: everywhere but where it takes an invitation. These are few, and looked at one by one."""
    sold: Mask = visibility == PUBLIC
    for row in np.flatnonzero(~sold).tolist():
        sold[row] = party in invited[row]
    return sold


def figures(work: Work | None) -> tuple[int, ...]:
    """Of what is published for a process, as FIGURES says."""
    if work is None:
        return (0,) * len(FIGURES)
    run = work.run, work.pieces, work.efficiency_percent
    return work.once(), *run, work.lot_multiple, work.minimum_pieces, work.transfer_batch or 0


def kilometres(latitude: Floats, longitude: Floats, to: tuple[float, float]) -> Floats:
    """How far each place is from one (latitude, longitude), in a straight line on a flat map: over 50 km it is wrong
    by less than 0.1 %, as the Earth is not a sphere anyway (equirectangular projection)."""
    north = (latitude - np.float32(to[0])) * np.float32(availability.KM_PER_DEGREE)
    east = (longitude - np.float32(to[1])) * np.float32(availability.KM_PER_DEGREE * np.cos(np.radians(to[0])))
    away: Floats = np.hypot(north, east)
    return away
