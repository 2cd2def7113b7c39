"""Why a plan takes as long as it does: for each step, one after another, what it waits for and until when."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from libs.contracts.capacity_promises import WaitReason as Code
from services.capacity.promise.hours import CLOSES, DAY, OPENS
from services.capacity.promise.plan import Plan, Step, Trip
from services.capacity.promise.question import Operation, Question

IDLE = frozenset(Code) - {Code.PREVIOUS, Code.TRAVEL, Code.SET_UP, Code.PACE}
"""Nothing is done to the lot meanwhile."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a step does not begin sooner: it waits from one time until another, in minutes from midnight before day 0."""

    code: Code
    waits_for: str
    """A process, a tool, a name of a resource; empty if the code says it all."""
    resource_id: UUID | None
    since: int
    until: int


def reasons(question: Question, plan: Plan, number: int) -> list[Reason]:
    """Of a step of a plan, in the order of time; none that takes no time."""
    return [reason for reason in _reasons(question, plan, plan.steps[number], number) if reason.since < reason.until]


def _reasons(question: Question, plan: Plan, step: Step, number: int) -> Iterator[Reason]:
    here = [trip for trip in plan.trips if trip.target == number]
    last = max(here, key=lambda trip: trip.arrives, default=None)
    before = [one for one in plan.steps if one.operation == step.operation - 1]
    there = plan.leaves
    if before:
        slowest = max(before, key=lambda one: one.ends + one.rest_minutes)
        came = slowest if last is None or last.source is None else plan.steps[last.source]
        ready = came.ends if last else came.first_batch
        yield Reason(Code.PREVIOUS, came.process, came.resource_id, came.run_starts, ready)
        there = ready + came.rest_minutes
        if came.rest_minutes > question.routing[came.operation].wait_minutes:  # as the resource publishes
            yield Reason(Code.DRYING, came.process, came.resource_id, ready, there)
        else:
            yield Reason(Code.REST, came.process, None, ready, there)
    if last:
        yield from _on_the_road(last)
        there = last.arrives
    queued = there + question.routing[step.operation].queue_minutes
    yield Reason(Code.QUEUE, step.process, None, there, queued)
    paced = last is None and any(one.ends > step.run_starts for one in before)
    yield from _at_the_resource(question, step, queued, paced=paced)


def _on_the_road(trip: Trip) -> Iterator[Reason]:
    yield Reason(Code.CARRIERS, "", None, trip.ready, trip.leaves)
    yield Reason(Code.TRAVEL, "", None, trip.leaves, trip.arrives)


def _at_the_resource(question: Question, step: Step, since: int, *, paced: bool) -> Iterator[Reason]:
    """From when the lot is there until its run starts; `paced`: the operation before is under way still."""
    since = _working(since)
    starts = max(since, step.starts)
    if question.backward:
        yield Reason(Code.NOT_SOONER, step.name, step.resource_id, since, starts)
    elif paced:
        yield Reason(Code.PACE, step.name, step.resource_id, since, starts)
    elif since // DAY < starts // DAY:  # on a day that has free time it begins as soon as the lot is there
        yield from _room(step, question.routing[step.operation], since, starts)
    if step.setup_minutes + step.extra_minutes:
        yield Reason(Code.SET_UP, step.name, step.resource_id, starts, step.run_starts)


def _room(step: Step, operation: Operation, since: int, starts: int) -> Iterator[Reason]:
    noticed = min(starts, max(since, step.opens * DAY + OPENS))
    yield Reason(Code.NOTICE, step.name, step.resource_id, since, noticed)
    opens = min(starts, max(noticed, step.qualified * DAY + OPENS))
    yield Reason(Code.QUALIFICATION, ", ".join(sorted(operation.qualifications)), step.resource_id, noticed, opens)
    short = next((tool for tool in step.tools if _is_short(tool.free.tolist(), tool.quantity, opens, starts)), None)
    if short:
        yield Reason(Code.TOOLS, short.name, short.id, opens, starts)
    else:
        yield Reason(Code.ROOM, step.name, step.resource_id, opens, starts)


def _is_short(free: Sequence[int], quantity: int, since: int, until: int) -> bool:
    """Whether a day between has fewer than that: forward plans count days as the offers do."""
    return any(free[day] < quantity for day in range(since // DAY, until // DAY))


def _working(moment: int) -> int:
    """The first moment from then on at which work is done anywhere: a night is no reason."""
    day, clock = divmod(moment, DAY)
    return (day + 1) * DAY + OPENS if clock >= CLOSES else day * DAY + max(clock, OPENS)
