"""Lots as the constraint solver sees them: a job shop with a choice of resources, in ticks of the working clock.

A day is cut into ticks, all of them in the hours in which work is done; days on which nobody works are left out. A
resource does one thing at a time, and all of it, at the pace that is usual for it in these days: how long an operation
lasts is the middle of what the rules of `Free` say for each day on which it might begin. Left out are tools, transfer
batches, cut-offs and weekdays of carriers, and prices.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from services.capacity.promise.extend import reach
from services.capacity.promise.hours import DAY, OPENS, SPAN, Hours, Longs
from services.capacity.promise.plan import Plan
from services.capacity.promise.planner import start
from services.capacity.promise.shortlist import metres
from services.capacity.promise.stage import Stage
from services.capacity.promise.ways import Part
from services.capacity.together.lots import Lot, Move

MOST_OF_A_DAY = 60
"""Ticks."""


@dataclass(frozen=True)
class Choice:
    """One way to do an operation."""

    rows: tuple[int, ...]
    """In the operation's shortlist."""
    resources: tuple[int, ...]
    """Busy meanwhile, by number."""
    lasts: int
    """Ticks."""
    rests: int
    """Ticks from its beginning until the lot may go on, having rested and queued."""


@dataclass(frozen=True)
class Task:
    """All times are ticks."""

    ticks: int
    begins: list[int]
    """When each lot's material is there."""
    due: list[int | None]
    choices: list[list[list[Choice]]]
    """By lot and operation."""
    lags: list[list[list[list[int]]]]
    """By lot and operation, and once more for the way home: from each choice before to each of its own how long the lot
    travels. Before the first operation and after the last there is one choice: the place of the lot."""
    first: list[Move]
    """An order that is known to be possible."""


@dataclass(frozen=True)
class Clock:
    """Ticks and minutes."""

    hours: Hours
    of_a_day: int
    before: Longs
    """(days + 1): how many days there are before each on which anything is done."""

    @classmethod
    def of(cls, lots: Sequence[Lot]) -> "Clock":
        """No day has more ticks than any resource has minutes."""
        free = np.array([stage.shortlist.free.max(axis=0) for lot in lots for stage in lot.stages]).max(axis=0)
        before = np.concatenate([[0], np.cumsum(free > 0)])
        return cls(lots[0].stages[0].hours, min(MOST_OF_A_DAY, int(free.max())), before)

    @property
    def ticks(self) -> int:
        return int(self.before[-1]) * self.of_a_day

    def noons(self) -> tuple[Longs, Longs]:
        """The middle tick of each day, and the minute in which it begins."""
        tick = self.of_a_day // 2
        days = np.flatnonzero(np.diff(self.before))
        return np.arange(len(days)) * self.of_a_day + tick, days * DAY + OPENS + tick * SPAN // self.of_a_day

    def tick(self, minute: Longs) -> Longs:
        """The first tick that begins no earlier; one that is not there if the days are over."""
        day, clock = np.divmod(np.minimum(minute, self.hours.days * DAY - 1), DAY)
        open_ = self.before[day + 1] > self.before[day]
        ticks = self.before[day] * self.of_a_day + open_ * self.lasts(np.clip(clock - OPENS, 0, SPAN))
        return np.where(minute < self.hours.days * DAY, ticks, self.ticks + 1)

    def begins(self, day: int) -> int:
        """The first tick of a day; days before the first and after the last are taken to be those."""
        return int(self.before[min(max(day, 0), self.hours.days)]) * self.of_a_day

    def lasts(self, minutes: Longs) -> Longs:
        """How many ticks so many minutes of work are, rounded up."""
        ticks: Longs = -(-minutes * self.of_a_day // SPAN)
        return ticks


def task(lots: Sequence[Lot], plans: Sequence[Plan], first: Sequence[Move]) -> Task:
    """Of lots that have a joint plan already, by these moves."""
    clock = Clock.of(lots)
    numbers = {key: number for number, key in enumerate(dict.fromkeys(key for lot in lots for key in sorted(lot.uses)))}
    days = [(lot.question.first_day, lot.question.due_day) for lot in lots]
    choices = [
        [_choices(clock, lot, number, plan, numbers) for number in range(len(lot.stages))]
        for lot, plan in zip(lots, plans, strict=True)
    ]
    return Task(
        ticks=clock.ticks,
        begins=[clock.begins(first_day) for first_day, _ in days],
        due=[None if due_day is None else clock.begins(due_day + 1) for _, due_day in days],
        choices=choices,
        lags=[_lags(clock, lot, mine) for lot, mine in zip(lots, choices, strict=True)],
        first=list(first),
    )


def _choices(clock: Clock, lot: Lot, number: int, plan: Plan, numbers: dict[UUID, int]) -> list[Choice]:
    """Each resource alone, where one alone has room at all, and the shares of the plan."""
    stage = lot.stages[number]
    queue = lot.stages[number + 1].shortlist.operation.queue_minutes if number + 1 < len(lot.stages) else 0
    shares = {step.resource_id: step.pieces for step in plan.steps if step.operation == number}
    ways = [{row: lot.question.pieces} for row in range(len(stage.shortlist.ids))]
    if len(shares) > 1:
        ways.append({stage.shortlist.ids.index(key): pieces for key, pieces in shares.items()})
    return [_choice(clock, lot, stage, way, queue, numbers) for way in ways]


def _choice(
    clock: Clock, lot: Lot, stage: Stage, pieces: dict[int, int], queue: int, numbers: dict[UUID, int]
) -> Choice:
    ticks, minutes = clock.noons()
    parts = _parts(lot, stage, pieces)
    over = np.max([_reached(stage, part, part.ends, minutes) for part in parts], axis=0)
    done = np.max([_reached(stage, part, part.run_ends, minutes) + stage.rests[part.row] for part in parts], axis=0)
    frees, ready = clock.tick(over), clock.tick(done + queue)
    lasts, rests = (_usual((until - ticks)[until <= clock.ticks], clock.ticks) for until in (frees, ready))
    return Choice(tuple(pieces), tuple(numbers[stage.shortlist.ids[part.row]] for part in parts), lasts, rests)


def _usual(lasts: Longs, longest: int) -> int:
    return max(1, int(np.median(lasts))) if len(lasts) else longest


def _parts(lot: Lot, stage: Stage, pieces: dict[int, int]) -> list[Part]:
    """Parts that begin where nothing has begun, so that their coordinates are lengths."""
    at = reach(stage, [start(lot.question, stage.hours)])
    return [at.part(0, row, count, 0, 0) for row, count in pieces.items()]


def _reached(stage: Stage, part: Part, upto: int, since: Longs) -> Longs:
    """For each minute since when a part might be done, the minute by which so much of it is."""
    row = np.array(part.row)
    return stage.free.when(row, stage.free.reached(row, since) + upto - part.starts)


def _lags(clock: Clock, lot: Lot, choices: Sequence[Sequence[Choice]]) -> list[list[list[int]]]:
    north, east = lot.stages[-1].shortlist.where
    place = lot.question.place
    home = metres((north[:, None], east[:, None]), (np.array([place.latitude]), np.array([place.longitude])))
    lengths = [*(stage.metres for stage in lot.stages), home]
    travel = [clock.lasts(clock.hours.travel(length)) for length in lengths]
    there = [Choice((0,), (), 0, 0)]
    return [
        [[int(lasts[np.ix_(one.rows, other.rows)].max()) for other in after] for one in before]
        for lasts, before, after in zip(travel, [there, *choices], [*choices, there], strict=True)
    ]
