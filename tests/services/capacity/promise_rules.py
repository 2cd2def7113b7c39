"""What every plan must be, whoever planned it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from uuid import UUID

from services.capacity.domain.work import lot
from services.capacity.promise.hours import CLOSES, DAY, OPENS
from services.capacity.promise.plan import Plan, Step
from services.capacity.promise.question import Operation, Question
from tests.services.capacity.promise_work import made
from tests.services.capacity.promise_world import MONDAY, Bench, arrival, away, qualified


def faults(plan: Plan, question: Question, benches: list[Bench]) -> list[str]:
    """Everything that is wrong with a plan: none."""
    plan = _from_monday(plan)
    known = {bench.id: bench for bench in benches}
    return [
        *_no_room(plan, question, known),
        *_not_whole(plan, question, known),
        *_not_paid(plan, known),
        *_out_of_order(plan, question, known),
    ]


def _from_monday(plan: Plan) -> Plan:
    """A plan counts from the first day that it was made on."""
    late = (plan.first_day - MONDAY).days

    def moved(step: Step) -> Step:
        times = ("starts", "run_starts", "first_batch", "ends")
        days = {day + late: minutes for day, minutes in step.minutes.items()}
        return replace(step, minutes=days, **{name: getattr(step, name) + late * DAY for name in times})

    return replace(plan, first_day=MONDAY, ready=plan.ready + late * DAY, steps=tuple(map(moved, plan.steps)))


def _no_room(plan: Plan, question: Question, known: Mapping[UUID, Bench]) -> Iterator[str]:
    for (key, day), quantity in plan.taken().items():
        free = known[key].sold(question.first_day, question.late)[(day - MONDAY).days]
        if not 0 < quantity <= free:
            yield f"{quantity} of {known[key]} on {day}, which has {free}"


def _not_whole(plan: Plan, question: Question, known: Mapping[UUID, Bench]) -> Iterator[str]:
    for step in plan.steps:
        operation, bench = question.routing[step.operation], known[step.resource_id]
        days = [day + (plan.first_day - MONDAY).days for day in step.minutes]
        if not all(qualified(question, operation, bench, day) for day in days):
            yield f"{bench} is not qualified for {operation} on all of {days}"
        yield from _not_made(step, operation, bench)
    for number, operation in enumerate(question.routing):
        steps = [step for step in plan.steps if step.operation == number]
        if len({step.resource_id for step in steps}) != len(steps) or not 1 <= len(steps) <= operation.split_over:
            yield f"{operation.process} is shared by {len(steps)}"
        if sum(step.pieces for step in steps) != question.pieces:
            yield f"{operation.process} does not make the lot"
    for step in plan.steps:
        needed = step.setup_minutes + step.run_minutes + step.cleanup_minutes
        if sum(step.minutes.values()) != known[step.resource_id].least_for(needed):
            yield f"{step} takes something else than the least that is sold to who needs that"


def _not_made(step: Step, operation: Operation, bench: Bench) -> Iterator[str]:
    """Whether the lot comes out of what is taken, day by day, as whoever publishes work counts it."""
    work = bench.does(operation)
    taken = [minutes for _, minutes in sorted(step.minutes.items())]
    if step.lot != lot(work, step.pieces) or made(work, taken, operation.changed) < step.lot:
        yield f"{step.lot} pieces do not come out of {taken}"
    if step.published is not (operation.process in dict(bench.work)):
        yield f"{step} does not say whose figures it has"


def _not_paid(plan: Plan, known: Mapping[UUID, Bench]) -> Iterator[str]:
    totals = Counter[UUID]()
    for (key, _), quantity in plan.taken().items():
        totals[key] += quantity
    paid = sum(known[key].cost(quantity) for key, quantity in totals.items())
    if any(quantity != known[key].least_for(quantity) for key, quantity in totals.items()):
        yield "something is not sold like this"
    if plan.price != paid + sum(trip.fare for trip in plan.trips):
        yield "the price is not the sum of its parts"
    if plan.metres != sum(trip.metres for trip in plan.trips):
        yield "the way is not the sum of the trips"


def _out_of_order(plan: Plan, question: Question, known: Mapping[UUID, Bench]) -> Iterator[str]:
    for one in plan.steps:
        if not one.starts <= one.run_starts < one.ends:
            yield f"{one} is no time"
        if one.starts < question.first_day * DAY + OPENS + question.late:
            yield f"{one} is set up in the past"
        for other in plan.steps:
            if other.operation == one.operation + 1 and not _in_order(one, other, question, known):
                yield f"{other} begins before {one} lets it"
    last = [step for step in plan.steps if step.operation == len(question.routing) - 1]
    if question.due_day is not None and plan.ready > question.due_day * DAY + CLOSES:
        yield "too late"
    if any(plan.ready < step.ends + known[step.resource_id].elapsed(question.routing[-1]) for step in last):
        yield "ready before it is made"


def _in_order(one: Step, other: Step, question: Question, known: Mapping[UUID, Bench]) -> bool:
    length = away(known[one.resource_id], known[other.resource_id])
    wait = known[one.resource_id].elapsed(question.routing[one.operation])
    queue = question.routing[other.operation].queue_minutes
    if known[one.resource_id].does(question.routing[one.operation]).transfer_batch and not length:
        return one.run_starts + wait + queue < other.run_starts and one.ends + wait + queue < other.ends
    return arrival(one.ends + wait, length, question) + queue <= other.run_starts
