"""Small cities for the tests of promises, and a slow search through everything that is right on sight.

The slow search knows the rules and none of the planner's ways: it tries every resource for every operation, and every
minute of work as the end of a run, from the first on, or, backward, from the last.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from functools import cache
from itertools import pairwise
from math import ceil
from uuid import UUID

import numpy as np

from services.capacity.domain.work import Work
from services.capacity.promise.hours import CLOSES, DAY, OPENS
from services.capacity.promise.question import MOST_BATCHES, Operation, Question
from services.capacity.promise.shortlist import metres
from services.capacity.promise.shortlister import Sellers
from services.capacity.search.offers import PUBLIC, Offers, figures
from tests.services.capacity.promise_work import Minutes

MONDAY = date(2026, 3, 2)
SPAN = CLOSES - OPENS
GUEST = UUID(int=77)
Free = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A resource of a small city: free minutes by day; it stands so many hundredths of a degree north of the place."""

    number: int
    processes: tuple[str, ...]
    free: Free
    north: int = 0
    price: int = 50
    setup: int = 1000
    minimum: int = 1
    opens: int = 0
    closes: int = 999
    lot: int = 1
    least: int = 0
    visibility: int = PUBLIC
    work: tuple[tuple[str, Work], ...] = ()
    """What it publishes, by process."""
    taken: int = 0
    """Minutes of today that others have; they are not free any more, and which hours they lie in nobody knows."""

    @property
    def id(self) -> UUID:
        return UUID(int=self.number)

    @property
    def place(self) -> tuple[float, float]:
        return (float(np.float32(45 + self.north / 100)), float(np.float32(9)))

    @property
    def workshop(self) -> UUID:
        return UUID(int=2000 + self.north)

    def does(self, operation: Operation) -> Work:
        """What it takes: its own figures, or what the routing says."""
        routed = Work(run=operation.run_minutes, setup=operation.setup_minutes, transfer_batch=operation.transfer_batch)
        return dict(self.work).get(operation.process, routed)

    def elapsed(self, operation: Operation) -> int:
        return max(self.does(operation).elapsed_minutes, operation.wait_minutes)

    def sold(self, first: int, late: int = 0) -> Free:
        """What may be taken of each day; of the first no more than what others leave of the part in the hours to come.
        Tools count."""
        free = list(self.free)
        if late and "lasts" not in self.processes:
            free[first] = max(0, (free[first] + self.taken) * (SPAN - late) // SPAN - self.taken)
        return tuple(free * (max(self.opens, first) <= day <= self.closes) for day, free in enumerate(free))

    def least_for(self, minutes: int) -> int:
        return -(-max(minutes, self.minimum) // self.lot) * self.lot

    def cost(self, quantity: int) -> int:
        return max(self.least, self.setup + self.price * quantity) if quantity else 0


def offers(benches: list[Bench], process: str) -> Offers:
    """As the index has them."""
    work = [dict(bench.work).get(process) for bench in benches]
    free = np.array([bench.free for bench in benches])
    cumulative = np.zeros((len(benches), free.shape[1] + 1), np.int32, order="F")
    cumulative[:, 1:] = free.cumsum(axis=1)

    def column(name: str, kind: type) -> np.ndarray:
        return np.array([getattr(bench, name) for bench in benches], kind)

    return Offers(
        ids=[bench.id for bench in benches],
        sites=[UUID(int=1000 + bench.north) for bench in benches],
        workshops=[bench.workshop for bench in benches],
        names=[f"Bench {bench.number}" for bench in benches],
        first_day=MONDAY,
        cumulative=cumulative,
        opens=column("opens", np.int16),
        latitude=np.array([bench.place[0] for bench in benches], np.float32),
        longitude=np.array([bench.place[1] for bench in benches], np.float32),
        price=column("price", np.int32),
        setup=column("setup", np.int32),
        minimum=column("minimum", np.int32),
        closes=column("closes", np.int16),
        lot=column("lot", np.int32),
        least=column("least", np.int32),
        visibility=column("visibility", np.int8),
        invited=[frozenset({GUEST})] * len(benches),
        work=work,
        figures=np.array([figures(one) for one in work], np.int32).T,
    )


def city(benches: list[Bench]) -> Sellers:
    """Who sells what; lasts are pieces, all else is minutes."""
    processes = sorted({process for bench in benches for process in bench.processes})
    units = {"lasts": "pieces"}
    return {
        (process, units.get(process, "minutes")): offers([one for one in benches if process in one.processes], process)
        for process in processes
    }


def qualified(question: Question, operation: Operation, bench: Bench, day: int) -> bool:
    """Whether its workshop has all that the operation asks for on a day."""
    spans, on = question.valid.get(operation.qualifications, {}).get(bench.workshop, ()), MONDAY + timedelta(day)
    return not operation.qualifications or any(first <= on <= last for first, last in spans)


# --- the rules of time, a minute at a time ---------------------------------------------------------------------------


Today = tuple[int, int]
"""A day, and how many minutes of its hours are over."""


def worked(free: Free, time: int, today: Today = (0, 0)) -> Fraction | int:
    """What a resource has worked off by a time, in 600ths of a minute: a day's free minutes lie evenly in its hours, of
    today in those that are left."""
    day, clock = divmod(min(max(time, 0), len(free) * DAY), DAY)
    here, late = free[day] if day < len(free) else 0, today[1] * (day == today[0])
    minutes = here * min(max(clock - OPENS - late, 0), SPAN - late)
    return SPAN * sum(free[:day]) + (Fraction(SPAN * minutes, SPAN - late) if late else minutes)


@cache
def done_at(free: Free, minutes: int, today: Today = (0, 0)) -> int:
    """The first minute of the clock at which so many are worked off."""
    day = next(day for day in range(len(free)) if sum(free[: day + 1]) >= minutes)
    return next(t for t in range(day * DAY, (day + 1) * DAY) if worked(free, t, today) >= SPAN * minutes)


@cache
def arrival(ready: int, length: int, question: Question) -> int:
    """When what is ready then has travelled so far."""
    if not length:
        return ready
    by, (day, clock) = question.carriage, divmod(ready, DAY)
    if clock > by.cut_off or (MONDAY + timedelta(day)).weekday() not in by.weekdays:
        return arrival((day + 1) * DAY, length, question)
    leaves = day * DAY + max(clock, OPENS)
    return leaves + by.loading_minutes + -(-length * 60 // (by.km_per_hour * 1000))


# --- the slow search -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """One operation at one bench, with the bench as it was before: the run ends when so much of it is worked off."""

    operation: Operation
    bench: Bench
    free: Free
    end: int
    pieces: int
    minutes: Minutes
    today: Today

    @property
    def work(self) -> Work:
        return self.bench.does(self.operation)

    @property
    def start(self) -> int:
        return self.end - self.minutes.lot

    @property
    def last(self) -> int:
        """The bench is clean."""
        return self.end + self.work.cleanup

    @property
    def first(self) -> int:
        """What is taken begins with set-up, or more, where less is not sold."""
        once = self.work.once(self.operation.changed) - self.work.cleanup
        return self.last - self.bench.least_for(once + self.last - self.start)

    def done(self, pieces: int) -> int:
        """When so many are done, and have lain as long as they must."""
        return done_at(self.free, self.start + self.minutes.done[pieces], self.today) + self.bench.elapsed(
            self.operation
        )

    def may_begin(self, piece: int, time: int) -> bool:
        """Whether the run reaches this piece no earlier than then."""
        return worked(self.free, time, self.today) <= SPAN * (self.start + self.minutes.begun[piece])

    def cuts(self) -> list[int]:
        """How many pieces are done when each transfer batch goes on, but the last."""
        batch = max(self.work.transfer_batch or self.pieces, ceil(self.pieces / MOST_BATCHES))
        return list(range(batch, self.pieces, batch))


def follows(one: Run, other: Run, question: Question) -> bool:
    """Whether nothing of the second is done before it is there."""
    length = away(one.bench, other.bench)
    cuts = [*(one.cuts() if not length else []), question.pieces]
    for begun, cut in pairwise([0, *cuts]):
        there = arrival(one.done(cut), length, question)
        if not other.may_begin(begun, there + other.operation.queue_minutes):
            return False
    return True


def away(one: Bench | Question, other: Bench | Question) -> int:
    north, east = zip(*(where(end) for end in (one, other)), strict=True)
    return int(metres((np.array(north[0]), np.array(east[0])), (np.array(north[1]), np.array(east[1]))))


def where(end: Bench | Question) -> tuple[float, float]:
    return end.place if isinstance(end, Bench) else (end.place.latitude, end.place.longitude)


@dataclass(frozen=True)
class Found:
    """What the slow search has chosen so far, in the order of its choosing."""

    runs: tuple[Run, ...] = ()
    taken: Mapping[tuple[int, int], int] = field(default_factory=dict)
    price: int = 0
    metres: int = 0


class Slow:
    """Every plan: each operation as early as it can be after the one before, or as late before the one after."""

    def __init__(self, question: Question, benches: list[Bench]) -> None:
        self.question, self.benches = question, benches
        self.days = len(benches[0].free)
        if question.backward and question.due_day is not None:
            self.days = min(self.days, question.due_day + 1)

    def best(self) -> set[tuple[int, int, int]]:
        """(Day, whole kilometres, price) of what nothing beats; backward, days are those of leaving, negated."""
        found = set(self.ends())
        return {one for one in found if not any(beats(other, one) for other in found)}

    def ends(self) -> Iterator[tuple[int, int, int]]:
        for found in self._plans(Found()):
            day, length = self._home(found)
            price = found.price + self._fare(length)
            if self.question.backward and day >= self.question.first_day:
                yield -day, (found.metres + length) // 1000, price
            elif not self.question.backward and day <= self._last_day():
                yield day, (found.metres + length) // 1000, price

    def _last_day(self) -> int:
        due = self.question.due_day
        return self.days - 1 if due is None else min(due, self.days - 1)

    def _home(self, found: Found) -> tuple[int, int]:
        """The day on which the goods are received, or on which the material must be handed over at the latest."""
        last, length = found.runs[-1], away(found.runs[-1].bench, self.question)
        if not self.question.backward:
            there = arrival(last.done(last.pieces), length, self.question)
            return there // DAY + (there % DAY > CLOSES), length
        for ready in reversed(range(-5 * DAY, self.days * DAY)):
            there = arrival(ready, length, self.question) + last.operation.queue_minutes
            if last.may_begin(0, there):
                return ready // DAY - (ready % DAY < OPENS), length
        raise AssertionError("material can always be there early enough")

    def _fare(self, length: int) -> int:
        by = self.question.carriage
        return by.price_per_trip + -(-length * by.price_per_km // 1000) if length else 0

    def _plans(self, found: Found) -> Iterator[Found]:
        order = self.question.routing[::-1] if self.question.backward else self.question.routing
        if len(found.runs) == len(order):
            yield found
            return
        operation = order[len(found.runs)]
        for bench in self.benches:
            if operation.process in bench.processes:
                yield from self._with(found, operation, bench)

    def _with(self, found: Found, operation: Operation, bench: Bench) -> Iterator[Found]:
        sets = [self._tool_set(tool.process, bench) for tool in operation.tools]
        tools = [(one, one.least_for(tool.quantity)) for one, tool in zip(sets, operation.tools, strict=True) if one]
        if len(tools) < len(operation.tools):
            return
        free = list(self._left(found, bench, operation))
        for one, quantity in tools:
            free = [now if left >= quantity else 0 for now, left in zip(free, self._left(found, one), strict=True)]
        run = self._run(found, operation, bench, tuple(free))
        if run is not None:
            yield from self._plans(self._after(found, run, tools))

    def _left(self, found: Found, bench: Bench, operation: Operation | None = None) -> Free:
        sold = enumerate(self._sold(bench, operation))
        return tuple(free - found.taken.get((bench.number, day), 0) * bool(free) for day, free in sold)

    def _sold(self, bench: Bench, operation: Operation | None) -> Free:
        """On days on which the workshop is qualified."""
        sold = enumerate(bench.sold(self.question.first_day, self.question.late)[: self.days])
        return tuple(free * (not operation or qualified(self.question, operation, bench, day)) for day, free in sold)

    def _tool_set(self, process: str, bench: Bench) -> Bench | None:
        there = [one for one in self.benches if process in one.processes and one.north == bench.north]
        return min(there, key=lambda one: (one.price, one.id), default=None)

    def _run(self, found: Found, operation: Operation, bench: Bench, free: Free) -> Run | None:
        ends, longest = range(1, sum(free) + 1), max(self._sold(bench, operation))
        takes = Minutes(bench.does(operation), self.question.pieces, longest)
        for end in reversed(ends) if self.question.backward else ends:
            today = self.question.first_day, self.question.late
            run = Run(operation, bench, free, end, self.question.pieces, takes, today)
            if run.first >= 0 and run.last <= sum(free) and self._fits(found, run):
                return run
        return None

    def _fits(self, found: Found, run: Run) -> bool:
        last = found.runs[-1] if found.runs else None
        if not self.question.backward:
            return follows(last, run, self.question) if last else self._begins(run)
        return follows(run, last, self.question) if last else self._ends(run)

    def _begins(self, run: Run) -> bool:
        start = self.question.first_day * DAY + OPENS + self.question.late
        there = arrival(start, away(self.question, run.bench), self.question)
        return run.may_begin(0, there + run.operation.queue_minutes)

    def _ends(self, run: Run) -> bool:
        ready = run.done(run.pieces)
        due = (self.days - 1) * DAY + CLOSES
        return arrival(ready, away(run.bench, self.question), self.question) <= due

    def _after(self, found: Found, run: Run, tools: list[tuple[Bench, int]]) -> Found:
        sums = [sum(run.free[:day]) for day in range(len(run.free) + 1)]
        parts = (min(run.last, after) - max(run.first, before) for before, after in pairwise(sums))
        days = {day: minutes for day, minutes in enumerate(parts) if minutes > 0}
        taken, price = dict(found.taken), found.price
        for bench, quantities in [(run.bench, days), *((one, dict.fromkeys(days, n)) for one, n in tools)]:
            had = sum(quantity for (number, _), quantity in taken.items() if number == bench.number)
            price += bench.cost(had + sum(quantities.values())) - bench.cost(had)
            for day, quantity in quantities.items():
                taken[bench.number, day] = taken.get((bench.number, day), 0) + quantity
        came = away(found.runs[-1].bench if found.runs else self.question, run.bench)
        return Found((*found.runs, run), taken, price + self._fare(came), found.metres + came)


def beats(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return one != other and all(mine <= theirs for mine, theirs in zip(one, other, strict=True))
