"""How much of a resource work takes: pieces to units and back, exactly.

A lot is what a resource is set up for once. Setting up, changing over and cleaning take what they take; efficiency and
the pace of the first days stretch the run time alone. Quantities are in the resource's unit, whatever that is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor

from services.capacity.domain.terms import MOST

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
        if not all(
            0 <= one <= MOST for one in (self.setup, self.cleanup, self.elapsed_minutes, *self.changes.values())
        ):
            raise ValueError(f"setup, cleanup, elapsed_minutes and changes are from 0 to {MOST:,}")
        if not all(1 <= percent <= 200 for percent in (self.efficiency_percent, *self.ramp_percent)):
            raise ValueError("efficiency_percent and ramp_percent are from 1 to 200")
        if len(self.ramp_percent) > 60 or len(self.changes) > 20:
            raise ValueError("ramp_percent has at most 60 days, changes at most 20 classes")
        if self.transfer_batch is not None and not 1 <= self.transfer_batch <= MOST:
            raise ValueError(f"transfer_batch is from 1 to {MOST:,}")

    def pace(self, day: int) -> Fraction:
        """How much of a unit's standard work is done in a unit on that day of a lot, the first being 0."""
        return Fraction(self.rate(day), FULL)

    def rate(self, day: int) -> int:
        """The same of `FULL`."""
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
    once, left, taken, day = times * work.once(changed), times * _standard(work, pieces), list[int](), 0
    for room in free:
        before = min(once, room)
        once -= before
        done = (room - before) * work.pace(day)
        if not once and done >= left:
            return [*taken, before + ceil(left / work.pace(day))]
        left -= done
        taken.append(room)
        day += room > before
    return []


def made(work: Work, taken: Sequence[int], changed: Iterable[str] = ()) -> int:
    """How many pieces of one lot come out of what is taken of these days: the other way round."""
    once, done, day = work.once(changed), Fraction(0), 0
    for quantity_ in taken:
        before = min(once, quantity_)
        once -= before
        done += (quantity_ - before) * work.pace(day)
        day += quantity_ > before
    return floor(done * work.pieces / work.run)


def _standard(work: Work, pieces: int) -> Fraction:
    """The run time of a lot at full pace."""
    return Fraction(pieces * work.run, work.pieces)
