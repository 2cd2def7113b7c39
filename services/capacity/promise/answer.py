"""Plans as they are told: each with its price, line by line, why it takes so long, and a sentence."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

import msgspec
import numpy as np

from libs.contracts.values import Money
from services.capacity.promise.plan import Plan, Step
from services.capacity.promise.question import Question
from services.capacity.promise.reasons import Code, Reason, reasons
from services.capacity.promise.sentences import LANGUAGES, sentence
from services.capacity.promise.ways import dominated

What = Literal["set_up", "time", "tools", "minimum_charge", "carriage"]
BestAt = Literal["earliest", "nearest", "cheapest"]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a price."""

    what: What
    step: int | None
    """Which step it is for; none for carriage to the place where the goods are wanted, and for a minimum charge, which
    is for all that is taken of a resource."""
    quantity: int
    """Minutes of time; metres of carriage; days of tools; else 1."""
    amount: Money


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """What a step waits for. Times are by the clock of the sites."""

    code: Code
    waits_for: str
    resource_id: UUID | None
    since: datetime
    until: datetime


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A quantity of a resource on a day, in its unit: what a hold takes."""

    resource_id: UUID
    day: date
    quantity: int


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """An operation, or its part at one resource. Times are by the clock of the sites, as if a day's free minutes lay
    evenly in its hours; the workshop is bound to the days alone."""

    operation: int
    """Its place in the routing, from 0."""
    process: str
    resource_id: UUID
    workshop_id: UUID
    site_id: UUID
    name: str
    pieces: int
    lot: int
    """Pieces that the run is long enough for: the resource works in whole lots, and in no fewer than its minimum."""
    works_by: Literal["resource", "routing"]
    """Whose figures these are: what the resource publishes of its work, or, where it does not, what was asked."""
    setup_minutes: int
    run_minutes: int
    cleanup_minutes: int
    """After `ends_at`, while the lot goes on."""
    extra_minutes: int
    """Taken because the workshop sells no less."""
    starts_at: datetime
    run_starts_at: datetime
    ends_at: datetime
    elapsed_minutes: int
    """Of the clock, after `ends_at`: the lot dries, cools or lies."""
    stays_whole: str | None
    """Why the lot is not shared: dye_lot, hide or alloy."""
    waits: list[Wait]
    takes: list[Taken]
    """The tool sets with it."""


class Carried(msgspec.Struct, frozen=True, kw_only=True):
    """A trip from one step to another; none is the place of the material and the goods."""

    source: int | None
    target: int | None
    metres: int
    leaves_at: datetime
    arrives_at: datetime


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A plan that no other answer beats in all of day, whole kilometres and price."""

    best_at: list[BestAt]
    leaves_day: date
    """The day on which the material must be handed over at the latest; backward, as late as can be."""
    ready_day: date
    """The day on which all goods are at the place."""
    metres: int
    """Of all trips, as the crow flies."""
    price: Money
    """What a booking of it costs today, and carriage."""
    lines: list[Line]
    """The price, line by line."""
    steps: list[Made]
    trips: list[Carried]
    says: dict[str, str]
    """A sentence: `en`, `it`."""


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
        return {"earliest": (day, self.price, km), "nearest": (km, day, self.price), "cheapest": (self.price, day, km)}


def best(question: Question, plans: Sequence[Priced]) -> dict[BestAt, int]:
    """Which plan is best at what."""
    keys = [plan.keys(question) for plan in plans]
    return {name: min(range(len(keys)), key=lambda number: keys[number][name]) for name in keys[0]}


def unbeaten(question: Question, plans: Sequence[Priced]) -> list[Priced]:
    """Those that are as good as any other, at what they cost in the end."""
    points = np.array([plan.keys(question)["earliest"] for plan in plans], np.int64).reshape(-1, 3)
    return [plan for plan, beaten in zip(plans, dominated(points), strict=True) if not beaten]


def answers(question: Question, plans: Sequence[Priced], currency: str) -> list[Answer]:
    """As they are told."""
    first = best(question, plans)
    names = [[name for name, best_one in first.items() if best_one == number] for number in range(len(plans))]
    return [_answer(question, plan, at, currency) for plan, at in zip(plans, names, strict=True)]


def _answer(question: Question, priced: Priced, best_at: list[BestAt], currency: str) -> Answer:
    plan = priced.plan
    return Answer(
        best_at=best_at,
        leaves_day=plan.on(plan.leaves_day),
        ready_day=plan.on(plan.ready_day),
        metres=plan.metres,
        price=Money(priced.price, currency),
        lines=[*_lines(priced, currency)],
        steps=[_made(question, plan, number) for number in range(len(plan.steps))],
        trips=[*_carried(plan)],
        says={language: sentence(question, plan, priced.price, currency, language) for language in LANGUAGES},
    )


def _lines(priced: Priced, currency: str) -> Iterator[Line]:
    plan, paid = priced.plan, 0
    for number, step in enumerate(plan.steps):
        minutes = sum(step.minutes.values())
        amounts = step.setup_price, step.price_per_minute * minutes, step.tools_price
        for what, quantity, amount in zip(_OF_A_STEP, (1, minutes, len(step.minutes)), amounts, strict=True):
            if amount:
                yield Line(what=what, step=number, quantity=quantity, amount=Money(amount, currency))
        paid += sum(amounts)
    if more := sum(priced.costs.values()) - paid:
        yield Line(what="minimum_charge", step=None, quantity=1, amount=Money(more, currency))
    for trip in plan.trips:
        if trip.fare:
            yield Line(what="carriage", step=trip.target, quantity=trip.metres, amount=Money(trip.fare, currency))


_OF_A_STEP: tuple[What, ...] = ("set_up", "time", "tools")


def _made(question: Question, plan: Plan, number: int) -> Made:
    step = plan.steps[number]
    return Made(
        operation=step.operation,
        process=step.process,
        resource_id=step.resource_id,
        workshop_id=step.workshop_id,
        site_id=step.site_id,
        name=step.name,
        pieces=step.pieces,
        lot=step.lot,
        works_by="resource" if step.published else "routing",
        setup_minutes=step.setup_minutes,
        run_minutes=step.run_minutes,
        cleanup_minutes=step.cleanup_minutes,
        extra_minutes=step.extra_minutes,
        starts_at=plan.at(step.starts),
        run_starts_at=plan.at(step.run_starts),
        ends_at=plan.at(step.ends),
        elapsed_minutes=step.rest_minutes,
        stays_whole=question.routing[step.operation].stays_whole,
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


def _carried(plan: Plan) -> Iterator[Carried]:
    for trip in plan.trips:
        leaves, arrives = plan.at(trip.leaves), plan.at(trip.arrives)
        yield Carried(source=trip.source, target=trip.target, metres=trip.metres, leaves_at=leaves, arrives_at=arrives)
