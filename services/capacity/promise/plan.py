"""A plan: who does what when, in time that runs forward, with what was taken of which days."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise, product
from uuid import UUID

import numpy as np

from services.capacity.promise.free import Single
from services.capacity.promise.hours import DAY, OPENS, Hours
from services.capacity.promise.question import Question
from services.capacity.promise.shortlist import Shortlist, ToolSet, metres
from services.capacity.promise.stage import Stage
from services.capacity.promise.today import Today
from services.capacity.promise.ways import Part, Way
from services.capacity.search.qualified import Needed

Takings = Mapping[tuple[UUID, date], int]
"""(Resource, day) -> quantity, of the resource's unit: what to hold."""


@dataclass(frozen=True, slots=True)
class Trip:
    """A lot, or a part of it, on the road. Steps are numbered as in the plan; none is the place of the question."""

    source: int | None
    target: int | None
    metres: int
    ready: int
    """When it could leave. This and what follows: minutes from midnight before day 0."""
    leaves: int
    arrives: int
    fare: int
    """Minor units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """An operation, or its part at one resource. Times: minutes from midnight before day 0."""

    operation: int
    """Its number in the routing."""
    process: str
    resource_id: UUID
    workshop_id: UUID
    site_id: UUID
    name: str
    pieces: int
    lot: int
    """Pieces that the run is long enough for: whole lots of the resource, and no fewer than its minimum."""
    published: bool
    """By what the resource publishes of its work; else by the routing."""
    setup_minutes: int
    run_minutes: int
    cleanup_minutes: int
    """After the run, while the lot goes on."""
    rest_minutes: int
    """Minutes of the clock that pass after the run before the lot goes on."""
    starts: int
    run_starts: int
    first_batch: int
    """When the first transfer batch is done, or all, if there are none."""
    ends: int
    opens: int
    """The first day that the resource sells, counted from day 0."""
    qualifications: frozenset[str]
    """Schemes in which its workshop is qualified on each of these days."""
    qualified: int
    """The day from which the workshop is qualified for it without a break until it begins; day 0 if it need not be."""
    minutes: dict[int, int]
    """Day -> minutes taken."""
    price_per_minute: int
    setup_price: int
    """None for a resource that was set up in an earlier step of this plan already."""
    tools: tuple[ToolSet, ...]
    """Taken on each of these days too."""
    tools_price: int

    @property
    def extra_minutes(self) -> int:
        """Paid for and not needed: the workshop sells no less."""
        return sum(self.minutes.values()) - self.setup_minutes - self.run_minutes - self.cleanup_minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One answer to a question."""

    first_day: date
    late: int
    """Minutes of the first day's hours that were over when it was planned; 0 unless that was today."""
    leaves: int
    """When the material leaves its place."""
    leaves_day: int
    """The day on which it is handed over: that day, or the day before if work had not begun."""
    ready: int
    """When all goods are at their place."""
    ready_day: int
    """The day on which they are received: that day, or the next if work is over."""
    metres: int
    price: int
    steps: tuple[Step, ...]
    trips: tuple[Trip, ...]

    def on(self, day: int) -> date:
        """The date of a day counted from day 0."""
        return self.first_day + timedelta(day)

    def at(self, minute: int) -> datetime:
        """By the clock of the sites."""
        return datetime.combine(self.first_day, time()) + timedelta(minutes=minute)

    @property
    def today(self) -> Today | None:
        """The first day, if it was today."""
        return Today(self.first_day, self.late) if self.late else None

    def taken(self) -> Takings:
        """Day by day; tool sets with the rest."""
        found = Counter[tuple[UUID, date]]()
        for step in self.steps:
            for day, minutes in step.minutes.items():
                on = self.on(day)
                found[step.resource_id, on] += minutes
                found.update({(tool.id, on): tool.quantity for tool in step.tools})
        return dict(sorted(found.items(), key=lambda one: (one[0][1], one[0][0])))


def needed(plans: Iterable[Plan]) -> Needed:
    """In what the workshops of these plans are qualified, day by day."""
    found = defaultdict[tuple[UUID, date], frozenset[str]](frozenset)
    for plan in plans:
        for step in plan.steps:
            for day in step.minutes if step.qualifications else ():
                found[step.resource_id, plan.on(day)] |= step.qualifications
    return found


def unfold(question: Question, stages: Sequence[Stage], end: Way, ended: tuple[int, Hours], first_day: date) -> Plan:
    """The plan that a way ends as; `ended`: when, in the planner's direction, and the hours forward."""
    ways, way = list[Way](), end
    while way.before is not None:
        ways.append(way)
        way = way.before
    forward = [*zip(stages, reversed(ways), strict=True)]
    ordered = forward[::-1] if question.backward else forward
    steps = list[Step]()
    for number, (stage, one) in enumerate(ordered):
        steps += [_step(question, number, stage, part, steps) for part in one.parts]
    end_at, span = ended
    leaves = stages[0].hours.mirror(end_at) if question.backward else question.first_day * DAY + OPENS + span.late
    spots = [_spot(stage, part.row) for stage, one in ordered for part in one.parts]
    trips = [*_trips(question, steps, spots, leaves, span)]
    ready = max(trip.arrives for trip in trips if trip.target is None)
    return Plan(
        first_day=first_day,
        late=span.late,
        leaves=leaves,
        leaves_day=(leaves + DAY - OPENS) // DAY - 1,
        ready=ready,
        ready_day=span.day_of(ready),
        metres=end.metres,
        price=end.price,
        steps=tuple(steps),
        trips=tuple(trip for trip in trips if trip.metres),
    )


def _step(question: Question, number: int, stage: Stage, part: Part, before: Sequence[Step]) -> Step:
    shortlist, works, row = stage.shortlist, stage.shortlist.works, part.row
    offers, at = shortlist.offers, int(shortlist.rows[row])
    starts, run_starts, first_batch, ends = _clock(stage, part)
    minutes, tools, set_up = _days(stage, part), tuple(shortlist.tools[row]), _set_up(before)
    return Step(
        operation=number,
        process=shortlist.operation.process,
        resource_id=offers.ids[at],
        workshop_id=offers.workshops[at],
        site_id=offers.sites[at],
        name=offers.names[at],
        pieces=part.pieces,
        lot=int(works.made(part.pieces, row)),
        published=bool(works.published[row]),
        setup_minutes=int(works.setup[row]),
        run_minutes=part.run_ends - part.run_starts,
        cleanup_minutes=int(works.cleanup[row]),
        rest_minutes=int(works.elapsed[row]),
        starts=starts,
        run_starts=run_starts,
        first_batch=first_batch,
        ends=ends,
        opens=int(offers.opens[at]),
        qualifications=shortlist.operation.qualifications,
        qualified=_qualified(question, shortlist, at, min(minutes)),
        minutes=minutes,
        price_per_minute=int(shortlist.price[row]),
        setup_price=0 if offers.ids[at] in set_up else int(shortlist.setup_price[row]),
        tools=tools,
        tools_price=sum(tool.price * len(minutes) + tool.setup * (tool.id not in set_up) for tool in tools),
    )


def _days(stage: Stage, part: Part) -> dict[int, int]:
    """Day -> minutes taken, in time that runs forward."""
    minutes = part.quantities()
    if not stage.hours.mirrored:
        return minutes
    return {stage.hours.days - 1 - day: taken for day, taken in reversed(minutes.items())}


def _set_up(before: Sequence[Step]) -> set[UUID]:
    """Resources and tool sets that these steps have set up."""
    return {step.resource_id for step in before} | {tool.id for step in before for tool in step.tools}


def _qualified(question: Question, shortlist: Shortlist, at: int, begins: int) -> int:
    """The day from which that workshop is qualified without a break until this one."""
    offers = shortlist.offers
    spans = question.spans(shortlist.operation, offers.workshops[at]) or ()
    since = (first for first, last in spans if first <= offers.day(begins) <= last)
    return max(0, (next(since, offers.first_day) - offers.first_day).days)


def _clock(stage: Stage, part: Part) -> tuple[int, int, int, int]:
    """Forward: when it starts, when its run starts, when its first batch is done, when its run ends."""
    span, free = stage.hours, Single(stage.hours, part.free.tolist())
    works, row = stage.shortlist.works, part.row
    cut = works.first(part.pieces, row)
    first = int(works.minutes(cut, row)) if cut < part.pieces else part.run_ends - part.run_starts
    if not span.mirrored:
        batch = free.when(part.run_starts + first)
        return free.begins(part.starts), free.begins(part.run_starts), batch, free.when(part.run_ends)
    batch = free.begins(part.run_ends - first)
    moments = free.when(part.ends), free.when(part.run_ends), batch, free.begins(part.run_starts)
    starts, run_starts, first_batch, ends = map(span.mirror, moments)
    return starts, run_starts, first_batch, ends


Spot = tuple[float, float]


def _spot(stage: Stage, row: int) -> Spot:
    north, east = stage.shortlist.where
    return float(north[row]), float(east[row])


def _trips(
    question: Question, steps: Sequence[Step], spots: Sequence[Spot], leaves: int, span: Hours
) -> Iterator[Trip]:
    """Every way that a part goes, from the place of the material to that of the goods, were it no way at all."""
    place = question.place.latitude, question.place.longitude
    levels: list[list[int | None]] = [[None], *([] for _ in question.routing), [None]]
    for number, step in enumerate(steps):
        levels[step.operation + 1].append(number)
    ends = [pair for sources, targets in pairwise(levels) for pair in product(sources, targets)]
    ready = [leaves if one is None else steps[one].ends + steps[one].rest_minutes for one, _ in ends]
    here, there = (
        np.array([place if one is None else spots[one] for one in some]).T for some in zip(*ends, strict=True)
    )
    lengths = metres((here[0], here[1]), (there[0], there[1]))
    arrives = span.arrives(np.array(ready), lengths)
    left, fares = arrives - span.travel(lengths), span.fare(lengths)
    columns = (column.tolist() for column in (lengths, left, arrives, fares))
    for (source, target), since, length, leave, arrive, fare in zip(ends, ready, *columns, strict=True):
        yield Trip(source, target, length, since, leave, arrive, fare)
