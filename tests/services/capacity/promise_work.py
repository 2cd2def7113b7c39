"""What work takes of a resource of a small city, by the domain's own arithmetic and none of the planner's."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate, repeat
from math import floor

from services.capacity.domain.work import FULL, Work, lot, spread


def made(work: Work, taken: Sequence[int], changed: Iterable[str] = ()) -> int:
    """How many pieces of one lot come out of what is taken of these days: the other way round."""
    once, done, day = work.once(changed), Fraction(0), 0
    for quantity_ in taken:
        before = min(once, quantity_)
        once -= before
        done += (quantity_ - before) * Fraction(work.rate(day), FULL)
        day += quantity_ > before
    return floor(done * work.pieces / work.run)


def learned(work: Work) -> Work:
    """With days that are no slower than those before: a plan counts on no day being faster than what follows."""
    slowest = [*accumulate([100, *reversed(work.ramp_percent)], min)][:0:-1]
    return replace(work, ramp_percent=slowest)


HAIR = 10**5
"""Parts of a minute: work that comes to no whole number of these is not tried."""


class Minutes:
    """Of a run, for a lot of so many pieces, if all days of learning are as long as the longest."""

    def __init__(self, work: Work, pieces: int, longest: int) -> None:
        longest = max(longest, 1)
        self.lot = _minutes(work, lot(work, pieces), longest)
        self.done = [_minutes(work, some, longest) for some in range(pieces)] + [self.lot]
        """By which so many pieces are; all of them: the places that stay empty too."""
        fine = replace(work, run=work.run * HAIR)
        self.begun = [_minutes(fine, some, longest * HAIR) // HAIR for some in range(pieces + 1)]
        """Whole ones that are over when the next piece after so many begins."""


def _minutes(work: Work, pieces: int, longest: int) -> int:
    alone = replace(learned(work), setup=0, cleanup=0, changes={}, minimum_pieces=1, lot_multiple=1)
    return sum(spread(alone, pieces, repeat(longest))) if pieces else 0
