"""What no joint plan can be better than, whoever finds it.

Each lot alone, in a city where nobody of the others takes anything: every operation at whichever resource would be done
with it first, as if all of them stood side by side, with no setting up and no tools. And all lots that need a process
together: however they are shared out, all who offer it work off no more than is free of them, so the last of these
lots is done no sooner than that, and has what comes after still before it; the first, the second ... of them likewise,
were they the smallest.

That is a bound of the planner's own rules: taking something never lets another operation end sooner. The bound that the
solver finds is one of what it models, which is less than these rules, and is therefore not used.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numpy as np

from services.capacity.promise.free import Free
from services.capacity.promise.hours import Hours, Longs, hours
from services.capacity.promise.question import Operation, Question, Sold
from services.capacity.promise.shortlist import cumulative, metres
from services.capacity.promise.shortlister import Market, Sellers, begin
from services.capacity.search.offers import FIGURES
from services.capacity.together.score import Score, late

Kind = tuple[Sold, frozenset[str]]
"""What an operation needs somebody for."""
_ALL = np.zeros((), np.int64)
"""The one row of what all have together."""


def bound(questions: Sequence[Question], sellers: Sellers) -> Score:
    """Of lots of one party. Days count from the first of the sellers'; all lots must be possible within their days."""
    one = next(iter(sellers.values()))
    spans = [hours(one.cumulative.shape[1] - 1, one.first_day, lot.carriage, mirrored=False) for lot in questions]
    soonest = min(questions, key=lambda question: question.first_day)
    valid = {schemes: days for question in questions for schemes, days in question.valid.items()}
    trades = {
        kind: _Trade(Market(sellers[kind[0]], soonest, spans[0], valid.get(kind[1])), spans[0])
        for kind in {_kind(operation) for question in questions for operation in question.routing}
    }
    lots = [_Lot(question, trades, span) for question, span in zip(questions, spans, strict=True)]
    alone = [lot.ready for lot in lots]
    crowds = [_Crowd(kind, lots) for kind in trades]
    days = max([sum(alone), *(crowd.days(alone) for crowd in crowds)])
    last = max([*alone, *(crowd.last for crowd in crowds)])
    return Score(sum(late(question, day) for question, day in zip(questions, alone, strict=True)), last, days)


def _kind(operation: Operation) -> Kind:
    return operation.sold, operation.qualifications


class _Trade:
    """All who offer a process and have certain qualifications."""

    def __init__(self, market: Market, span: Hours) -> None:
        rows = np.flatnonzero(market.known)
        free = market.free(rows)
        self.rows, self.free = np.arange(len(rows)), Free(span, cumulative(free))
        self.together = Free(span, cumulative(free.sum(axis=0)[None]))
        self._figures = market.offers.figures[:, rows].astype(np.int64)
        self.where = market.offers.latitude[rows].astype(float), market.offers.longitude[rows].astype(float)

    def minutes(self, operation: Operation, pieces: int) -> Longs:
        """What each needs for so many, at least: no first days, nothing but running."""
        figures = dict(zip(FIGURES, self._figures, strict=True))
        pace = np.maximum(figures["per"] * figures["efficiency"], 1)
        return np.where(figures["run"] > 0, -(-pieces * figures["run"] * 100 // pace), operation.run_minutes * pieces)

    def overlaps(self, operation: Operation) -> bool:
        """Whether the next operation may begin before this one ends."""
        return operation.transfer_batch is not None or bool(self._figures[FIGURES.index("batch")].any())

    def done(self, since: Longs, minutes: Longs) -> Longs:
        """When each would have worked so many minutes from then on."""
        return self.free.when(self.rows, self.free.done(self.rows, since) + minutes)

    def all_done(self, since: int, minutes: int) -> int:
        """When all together would have."""
        return int(self.together.when(_ALL, self.together.done(_ALL, np.array(since)) + minutes))


@dataclass(frozen=True, eq=False)
class _Lot:
    question: Question
    trades: Mapping[Kind, _Trade]
    span: Hours

    @cached_property
    def arrivals(self) -> list[int]:
        """Before when no operation is begun."""
        return [since for since, _ in self._operations(0, begin(self.question, self.span))]

    @cached_property
    def ready(self) -> int:
        """The day on which it could be ready, were it alone."""
        return self.from_(0, begin(self.question, self.span))

    def from_(self, number: int, since: int) -> int:
        """The same if this operation is not begun before then."""
        return self.span.day_of(max(over for _, over in self._operations(number, since)))

    def after(self, number: int, ended: int) -> int:
        """The same if this operation does not end before then."""
        operation = self.question.routing[number]
        if number + 1 == len(self.question.routing):
            return self.span.day_of(int(self._home(np.array(ended + operation.wait_minutes)).min()))
        if self.trades[_kind(operation)].overlaps(operation):
            return self.span.day_of(ended)
        return self.from_(number + 1, ended + operation.wait_minutes)

    def work(self, kind: Kind) -> int:
        """Minutes of a process, at least."""
        trade, mine = self.trades[kind], (one for one in self.question.routing if _kind(one) == kind)
        return sum(int(trade.minutes(one, self.question.pieces).min()) for one in mine)

    def _operations(self, number: int, since: int) -> Iterator[tuple[int, int]]:
        """From this operation on: before when each is not begun, and when the lot could go on after it."""
        for step, operation in list(enumerate(self.question.routing))[number:]:
            trade = self.trades[_kind(operation)]
            there = self.span.arrives(np.array(since), self._lengths(trade)) if step == 0 else np.array(since)
            least = trade.minutes(operation, -(-self.question.pieces // operation.split_over))
            ends = trade.done(there + operation.queue_minutes, least) + operation.wait_minutes
            last = step + 1 == len(self.question.routing)
            over = int((self._home(ends) if last else ends).min())
            begun = int(there.min()) + operation.queue_minutes
            yield begun, over
            since = begun if trade.overlaps(operation) else over

    def _home(self, ready: Longs) -> Longs:
        return self.span.arrives(ready, self._lengths(self.trades[_kind(self.question.routing[-1])]))

    def _lengths(self, trade: _Trade) -> Longs:
        place = self.question.place
        return metres((np.array([place.latitude]), np.array([place.longitude])), trade.where)


class _Crowd:
    """All lots that need a process, and the same qualifications."""

    def __init__(self, kind: Kind, lots: Sequence[_Lot]) -> None:
        self._trade, self._lots = lots[0].trades[kind], lots
        self._works = [lot.work(kind) for lot in lots]
        self._members = [
            (lot, number)
            for lot in lots
            for number, operation in enumerate(lot.question.routing)
            if _kind(operation) == kind
        ]
        self._since = min(lot.arrivals[number] for lot, number in self._members)

    @property
    def last(self) -> int:
        """The day before which not all of them are ready."""
        ended = self._trade.all_done(self._since, sum(self._works))
        return min(lot.after(number, ended) for lot, number in self._members)

    def days(self, alone: Sequence[int]) -> int:
        """The days on which all lots are ready, in sum."""
        span = self._lots[0].span
        works = accumulate(sorted(work for work in self._works if work))
        done = [span.day_of(self._trade.all_done(self._since, work)) for work in works]
        mine = sorted(day for day, work in zip(alone, self._works, strict=True) if work)
        others = sum(day for day, work in zip(alone, self._works, strict=True) if not work)
        return others + sum(map(max, mine, done))
