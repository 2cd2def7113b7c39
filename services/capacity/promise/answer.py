"""Plans as they are told: each with its price, line by line, why it takes so long, and a sentence."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from libs.contracts.capacity_promises import (
    BestAt,
    PricedFor,
    PriceLine,
    PromisedPlan,
    PromisedStep,
    Sentence,
    StaysWhole,
    Taken,
    Trip,
    Wait,
    WorksBy,
)
from libs.contracts.values import Money
from services.capacity.promise.plan import Plan, Step
from services.capacity.promise.question import Question
from services.capacity.promise.reasons import Reason, reasons
from services.capacity.promise.sentences import LANGUAGES, sentence
from services.capacity.promise.ways import dominated


@dataclass(frozen=True)
class Priced:
    """A plan, and what booking each of its resources costs today."""

    plan: Plan
    costs: Mapping[UUID, int]

    @property
    def price(self) -> int:
        return sum(self.costs.values()) + sum(trip.fare for trip in self.plan.trips)

    def keys(self, question: Question) -> dict[BestAt, tuple[int, ...]]:
        """By what each of the three is the least."""
        day = -self.plan.leaves_day if question.backward else self.plan.ready_day
        km = self.plan.metres // 1000
        return {
            BestAt.EARLIEST: (day, self.price, km),
            BestAt.NEAREST: (km, day, self.price),
            BestAt.CHEAPEST: (self.price, day, km),
        }


def best(question: Question, plans: Sequence[Priced]) -> dict[BestAt, int]:
    """Which plan is best at what."""
    keys = [plan.keys(question) for plan in plans]
    return {name: min(range(len(keys)), key=lambda number: keys[number][name]) for name in keys[0]}


def unbeaten(question: Question, plans: Sequence[Priced]) -> list[Priced]:
    """Those that are as good as any other, at what they cost in the end."""
    points = np.array([plan.keys(question)[BestAt.EARLIEST] for plan in plans], np.int64).reshape(-1, 3)
    return [plan for plan, beaten in zip(plans, dominated(points), strict=True) if not beaten]


def answers(question: Question, plans: Sequence[Priced], currency: str) -> list[PromisedPlan]:
    """As they are told."""
    first = best(question, plans)
    names = [[name for name, best_one in first.items() if best_one == number] for number in range(len(plans))]
    return [_answer(question, plan, at, currency) for plan, at in zip(plans, names, strict=True)]


def _answer(question: Question, priced: Priced, best_at: list[BestAt], currency: str) -> PromisedPlan:
    plan = priced.plan
    return PromisedPlan(
        best_at=best_at,
        leaves_day=plan.on(plan.leaves_day),
        ready_day=plan.on(plan.ready_day),
        metres=plan.metres,
        price=Money(priced.price, currency),
        lines=[*_lines(priced, currency)],
        steps=[_made(question, plan, number) for number in range(len(plan.steps))],
        trips=[*_carried(plan)],
        says=Sentence(**{name: sentence(question, plan, priced.price, currency, name) for name in LANGUAGES}),
    )


def _lines(priced: Priced, currency: str) -> Iterator[PriceLine]:
    plan, paid = priced.plan, 0
    for number, step in enumerate(plan.steps):
        minutes = sum(step.minutes.values())
        amounts = step.setup_price, step.price_per_minute * minutes, step.tools_price
        for what, quantity, amount in zip(_OF_A_STEP, (1, minutes, len(step.minutes)), amounts, strict=True):
            if amount:
                yield PriceLine(what=what, step=number, quantity=quantity, amount=Money(amount, currency))
        paid += sum(amounts)
    if more := sum(priced.costs.values()) - paid:
        yield PriceLine(what=PricedFor.MINIMUM_CHARGE, step=None, quantity=1, amount=Money(more, currency))
    for trip in plan.trips:
        if trip.fare:
            yield PriceLine(
                what=PricedFor.CARRIAGE, step=trip.target, quantity=trip.metres, amount=Money(trip.fare, currency)
            )


_OF_A_STEP = PricedFor.SET_UP, PricedFor.TIME, PricedFor.TOOLS


def _made(question: Question, plan: Plan, number: int) -> PromisedStep:
    step = plan.steps[number]
    whole = question.routing[step.operation].stays_whole
    return PromisedStep(
        operation=step.operation,
        process=step.process,
        resource_id=step.resource_id,
        workshop_id=step.workshop_id,
        site_id=step.site_id,
        name=step.name,
        pieces=step.pieces,
        lot=step.lot,
        works_by=WorksBy.RESOURCE if step.published else WorksBy.ROUTING,
        setup_minutes=step.setup_minutes,
        run_minutes=step.run_minutes,
        cleanup_minutes=step.cleanup_minutes,
        extra_minutes=step.extra_minutes,
        starts_at=plan.at(step.starts),
        run_starts_at=plan.at(step.run_starts),
        ends_at=plan.at(step.ends),
        elapsed_minutes=step.rest_minutes,
        stays_whole=whole and StaysWhole(whole),
        waits=[_wait(plan, reason) for reason in reasons(question, plan, number)],
        takes=[*_takes(plan, step)],
    )


def _wait(plan: Plan, reason: Reason) -> Wait:
    since, until = plan.at(reason.since), plan.at(reason.until)
    return Wait(code=reason.code, waits_for=reason.waits_for, resource_id=reason.resource_id, since=since, until=until)


def _takes(plan: Plan, step: Step) -> Iterator[Taken]:
    for day, minutes in step.minutes.items():
        yield Taken(resource_id=step.resource_id, day=plan.on(day), quantity=minutes)
        for tool in step.tools:
            yield Taken(resource_id=tool.id, day=plan.on(day), quantity=tool.quantity)


def _carried(plan: Plan) -> Iterator[Trip]:
    for trip in plan.trips:
        leaves, arrives = plan.at(trip.leaves), plan.at(trip.arrives)
        yield Trip(source=trip.source, target=trip.target, metres=trip.metres, leaves_at=leaves, arrives_at=arrives)
