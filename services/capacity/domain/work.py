"""How much of a resource work takes, exactly.

A lot is what a resource is set up for once. Setting up, changing over and cleaning take what they take; efficiency and
the pace of the first days stretch the run time alone. Quantities are in the resource's unit, whatever that is.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil

from services.capacity.domain.terms import MOST, check_range

FULL = 100 * 100
"""Full pace: percent of efficiency by percent of the ramp."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What one process takes of a resource: `run` units for `pieces` pieces, and what comes with a lot."""

    run: int
    pieces: int = 1
    setup: int = 0
    cleanup: int = 0
    changes: dict[str, int] = field(default_factory=dict)
    """What changing over costs once more, by what changes: colour, thread, gauge, alloy ..."""
    efficiency_percent: int = 100
    ramp_percent: list[int] = field(default_factory=list)
    """The pace of the first days of a lot, of the full one: new work is learned."""
    lot_multiple: int = 1
    minimum_pieces: int = 1
    transfer_batch: int | None = None
    """Pieces that are handed on together, while the lot goes on; none: the whole lot."""
    elapsed_minutes: int = 0
    """Time that passes after the work and takes nobody's: drying, burn-out."""

    def __post_init__(self) -> None:
        if not all(1 <= one <= MOST for one in (self.run, self.pieces, self.lot_multiple, self.minimum_pieces)):
            raise ValueError(f"run, pieces, lot_multiple and minimum_pieces are from 1 to {MOST:,}")
        beside = (self.setup, self.cleanup, self.elapsed_minutes, *self.changes.values())
        if not all(0 <= one <= MOST for one in beside):
            raise ValueError(f"setup, cleanup, elapsed_minutes and changes are from 0 to {MOST:,}")
        if not all(1 <= percent <= 200 for percent in (self.efficiency_percent, *self.ramp_percent)):
            raise ValueError("efficiency_percent and ramp_percent are from 1 to 200")
        if len(self.ramp_percent) > 60 or len(self.changes) > 20:
            raise ValueError("ramp_percent has at most 60 days, changes at most 20 classes")
        check_range(1, MOST, transfer_batch=self.transfer_batch)

    def rate(self, day: int) -> int:
        """How much of `FULL` is done in a unit on that day of a lot, the first being 0."""
        return self.efficiency_percent * (self.ramp_percent[day] if day < len(self.ramp_percent) else 100)

    def once(self, changed: Iterable[str] = ()) -> int:
        """What a lot takes however large it is, if so much changes from the work before."""
        return self.setup + self.cleanup + sum(self.changes.get(one, 0) for one in set(changed))


def lot(work: Work, pieces: int) -> int:
    """How many pieces are made when so many are asked for: never fewer."""
    return -(-max(pieces, work.minimum_pieces) // work.lot_multiple) * work.lot_multiple


def quantity(work: Work, pieces: int, changed: Iterable[str] = (), times: int = 1) -> int:
    """What a lot of so many pieces takes of a day that has room for all of it; so many times, one after the other. In
    whole numbers: plans ask it of every resource."""
    return times * work.once(changed) - (-times * pieces * work.run * FULL // (work.pieces * work.rate(0)))


def spread(work: Work, pieces: int, free: Iterable[int], changed: Iterable[str] = (), times: int = 1) -> list[int]:
    """The same of each of these days, until it is made; nothing if it never is."""
    once, left = times * work.once(changed), Fraction(times * pieces * work.run * FULL, work.pieces)
    taken, day = list[int](), 0
    for room in free:
        before = min(once, room)
        once -= before
        done = (room - before) * work.rate(day)
        if not once and done >= left:
            return [*taken, before + ceil(left / work.rate(day))]
        left -= done
        taken.append(room)
        day += room > before
    return []
