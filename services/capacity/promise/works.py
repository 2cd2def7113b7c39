"""What an operation takes of each resource: what that publishes of its work, or else what the routing says.

Pieces become minutes by whole numbers: a piece begins in the minute in which its work does, and is done when the last
of its minutes is over. Where work of a lot is learned, its first days are counted as if each were as long as the
longest that the resource has, and no day as slower than one before it: so the work takes these minutes or fewer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from services.capacity.domain.work import Work
from services.capacity.promise.hours import Flags, Longs
from services.capacity.promise.question import MOST_BATCHES, Operation
from services.capacity.search.offers import FIGURES, Ints

Rows = Longs | slice | int
ALL = slice(None)
_FULL = 100 * 100
"""Full pace: percent of efficiency by percent of the ramp."""


@dataclass(frozen=True, eq=False)
class Works:
    """Columns, a row for each resource. Minutes are of the resource's time, but for `elapsed`."""

    setup: Longs
    """With changing over."""
    cleanup: Longs
    run: Longs
    """For so many pieces as the next column has, at full pace."""
    per: Longs
    paces: Longs
    """(rows, days): of the first days of a lot and, last, of all others."""
    longest: Longs
    """Minutes of a day, while the pace is that of a first day."""
    multiple: Longs
    fewest: Longs
    batch: Longs
    """Pieces that go on together; 0: the whole lot."""
    elapsed: Longs
    """Minutes of the clock that pass after the run, by the work or by the routing, whichever has more."""
    published: Flags
    """By the resource, and not by the routing."""

    def made(self, pieces: Longs | int, rows: Rows = ALL) -> Longs:
        """The pieces that are run for: whole lots, and no fewer than the minimum."""
        multiple = self.multiple[rows]
        lots: Longs = -(-np.maximum(pieces, self.fewest[rows]) // multiple) * multiple
        return lots

    def minutes(self, pieces: Longs | int, rows: Rows = ALL) -> Longs:
        """By how many minutes of a run so many pieces are done."""
        took, left, rate = self._ramped(pieces, rows)
        return took - (-left // rate)

    def begun(self, pieces: Longs, rows: Rows = ALL) -> Longs:
        """How many whole minutes of a run are over when the next piece after so many begins."""
        took, left, rate = self._ramped(pieces, rows, up=False)
        return took + left // rate

    def runs(self, pieces: Longs | int, rows: Rows = ALL) -> Longs:
        """The run for a lot of so many."""
        return self.minutes(self.made(pieces, rows), rows)

    def quickest(self) -> Longs:
        """Whole minutes that no piece takes less than."""
        return np.maximum(self.run * _FULL // (self.per * self.paces[:, -1]), 1)

    def _ramped(self, pieces: Longs | int, rows: Rows, *, up: bool = True) -> tuple[Longs, Longs, Longs]:
        """Minutes of the first days, what is left to do then, and how much of it is done in a minute."""
        per = self.per[rows]
        left = pieces * self.run[rows] * _FULL
        took = np.zeros_like(left)
        for day in range(self.paces.shape[1] - 1):
            rate = self.paces[rows, day] * per
            done = np.minimum(left, self.longest[rows] * rate)
            took, left = took + (-(-done // rate) if up else done // rate), left - done
        return took, left, self.paces[rows, -1] * per

    def pieces(self, minutes: Longs) -> Longs:
        """The most pieces that a lot of each row (ways, rows) can have, if its run takes no longer."""
        left, done = np.maximum(minutes, 0), np.zeros_like(minutes)
        for day in range(self.paces.shape[1] - 1):
            today = np.minimum(left, self.longest)
            left, done = left - today, done + today * self.paces[:, day] * self.per
        made = (done + left * self.paces[:, -1] * self.per) // (self.run * _FULL) // self.multiple * self.multiple
        return np.where(made >= self.fewest, made, 0)

    def cuts(self, pieces: int) -> tuple[Longs, Longs]:
        """(rows, batches): how many pieces of a lot are done before each transfer batch, and with it; where there are
        fewer batches than elsewhere, the last are empty."""
        batch = np.where(self.batch > 0, np.minimum(self.batch, pieces), pieces)
        batch = np.maximum(batch, -(-pieces // MOST_BATCHES))[:, None]
        before = np.arange(-(-pieces // int(batch.min()))) * batch
        return np.minimum(before, pieces), np.minimum(before + batch, pieces)

    def first(self, pieces: int, row: int) -> int:
        """How many pieces of a lot of one row are done with its first batch."""
        batch = int(self.batch[row]) or pieces
        return min(pieces, max(batch, -(-pieces // MOST_BATCHES)))


def works(operation: Operation, told: Sequence[Work | None], longest: Longs) -> Works:
    """What it takes of these resources; `longest`: the most minutes that are free on a day of each."""
    routed = as_routed(operation)
    of = [one or routed for one in told]
    columns = np.array([_columns(one, operation) for one in of], np.int64).T
    setup, cleanup, run, per, multiple, fewest, batch, elapsed = columns
    published = np.array([one is not None for one in told])
    return Works(setup, cleanup, run, per, _paces(of), longest, multiple, fewest, batch, elapsed, published)


def _columns(one: Work, operation: Operation) -> tuple[int, ...]:
    lots = one.lot_multiple, one.minimum_pieces, one.transfer_batch or 0
    elapsed = max(one.elapsed_minutes, operation.wait_minutes)
    return one.once(operation.changed) - one.cleanup, one.cleanup, one.run, one.pieces, *lots, elapsed


def roughly(operation: Operation, figures: Ints, pieces: int) -> tuple[Longs | int, Longs | int]:
    """Set-up with clean-up, and the run of a lot of so many, for each of a whole city: as if there were neither ramps
    nor change-overs, and in floating point, which is quicker and never more than what it is."""
    own = figures[FIGURES.index("run")] > 0
    if not own.any():
        return operation.setup_minutes, operation.run_minutes * pieces
    once, run, per, efficiency, multiple, fewest, _ = figures
    lots = np.ceil(np.maximum(fewest, pieces) / np.maximum(multiple, 1)) * multiple
    runs = np.ceil(lots * run * 100 / np.maximum(per.astype(float) * efficiency, 1))
    setup = np.where(own, once, operation.setup_minutes).astype(np.int64)
    return setup, np.where(own, runs, operation.run_minutes * pieces).astype(np.int64)


def as_routed(operation: Operation) -> Work:
    """What the routing says, as work."""
    return Work(run=operation.run_minutes, setup=operation.setup_minutes, transfer_batch=operation.transfer_batch)


def _paces(of: Sequence[Work]) -> Longs:
    """(rows, days); a day that is as fast as all later ones is as good as one of these."""
    if not any(one.ramp_percent for one in of):
        return np.array([[100 * one.efficiency_percent] for one in of])
    ramps = [[*accumulate([100, *reversed(one.ramp_percent)], min)][::-1] for one in of]
    days = max(map(len, ramps))
    whole = [(ramp + [100] * days)[:days] for ramp in ramps]
    return np.array([[pace * one.efficiency_percent for pace in ramp] for ramp, one in zip(whole, of, strict=True)])
