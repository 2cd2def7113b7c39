"""Ways through the operations planned so far, and which of them are worth following."""

from bisect import bisect_left, bisect_right
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import numpy as np

from services.capacity.promise.hours import Flags, Longs

MOST = 40
"""Ways that are followed from one operation to the next."""
MOST_SHARED = 16
"""Of these, the soonest, so many are looked at for sharing a lot."""

Taken = Mapping[UUID, Mapping[int, int]]
"""Resource -> day -> how much this way has taken of it already, in the planner's direction."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A lot, or a part of it, at one resource: an interval of the resource's free minutes."""

    row: int
    """In the operation's shortlist."""
    pieces: int
    starts: int
    """Minutes before the part, those that the resource is idle left out."""
    run_starts: int
    run_ends: int
    ends: int
    ready: int
    """When the lot may go on: the time at which the run ends, and what passes then."""
    free: Longs
    """(days + 1): the resource's cumulative free minutes, as this way sees them."""

    def quantities(self) -> dict[int, int]:
        """Day -> minutes taken."""
        free = self.free.tolist()
        days = range(bisect_right(free, self.starts) - 1, bisect_left(free, self.ends))
        taken = ((day, min(free[day + 1], self.ends) - max(free[day], self.starts)) for day in days)
        return {day: minutes for day, minutes in taken if minutes}


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """One way to do the operations so far; `before` is the same without the last of them."""

    parts: tuple[Part, ...] = ()
    metres: int = 0
    price: int = 0
    before: "Way | None" = None
    taken: Taken = field(default_factory=dict)

    @property
    def ready(self) -> int:
        """When all parts are done."""
        return max(part.ready for part in self.parts)

    def used(self, resources: Container[UUID]) -> tuple[object, ...]:
        """What it has taken of these, to compare with another way."""
        return tuple((key, tuple(sorted(days.items()))) for key, days in sorted(self.taken.items()) if key in resources)


def dominated(keys: Longs, alike: Flags | None = None) -> Flags:
    """Which points (..., points, keys), least is best, another is as good as in everything and better in something;
    of equals all but the first. `alike` (..., points, points) says which may be compared at all.
    """
    one, other = keys[..., :, None, :], keys[..., None, :, :]
    no_worse = other[..., 0] <= one[..., 0]
    for key in range(1, keys.shape[-1]):
        no_worse &= other[..., key] <= one[..., key]
    first = np.tri(keys.shape[-2], k=-1, dtype=np.bool_)
    beaten = no_worse & (~no_worse.swapaxes(-1, -2) | first)
    found: Flags = np.any(beaten if alike is None else beaten & alike, axis=-1)
    return found


def thinned(keys: Longs, most: int) -> Longs:
    """So many of these points (points, keys), in their order: the best by each key and by all together, in turn."""
    if len(keys) <= most:
        return np.arange(len(keys))
    # Among equals by one key, the better by the others goes first.
    columns = [*keys.T]
    ranks = [_ranks(columns[key:] + columns[:key]) for key in range(len(columns))]
    together = np.stack([*ranks, _ranks([np.sum(ranks, axis=0)])])
    best = np.lexsort((together.argmin(axis=0), together.min(axis=0)))
    return np.sort(best[:most])


def _ranks(keys: Sequence[Longs]) -> Longs:
    order = np.lexsort(keys[::-1])
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    return ranks


def best_of(ways: Sequence[Way], most: int) -> list[Way]:
    """At most so many of them."""
    keys = np.array([(way.ready, way.metres, way.price) for way in ways], np.int64).reshape(-1, 3)
    return [ways[number] for number in thinned(keys, most)]
