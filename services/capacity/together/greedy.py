"""Lots one after another, as they were asked for: each as soon as can be on what those before it have left."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from services.capacity.domain.terms import Refused
from services.capacity.promise.plan import Plan
from services.capacity.promise.planner import Planning, between, planning
from services.capacity.promise.question import Question, Sold
from services.capacity.promise.shortlister import Sellers
from services.capacity.together.city import City
from services.capacity.together.lots import Lot, Rooms, lot

Near = tuple[list[Question], Sellers]
"""Questions, and a city, on some days alone."""
AHEAD = 14
"""Days after the last lot of the greedy plan on which the pass may plan too."""


def greedy(city: City, questions: Sequence[Question]) -> Planning[list[Plan]]:
    """One plan after the other, a few milliseconds at a time.

    A due day refuses nothing here: it counts. Raises Refused, naming the lot, if there is no room for it.
    """
    found = list[Plan]()
    for number, question in enumerate(questions):
        try:
            plans = yield from planning(replace(question, due_day=None), city.left)
        except Refused as refused:
            raise Refused(refused.code, f"Lot {number + 1} of {len(questions)}: {refused.message}") from None
        plan = min(plans, key=lambda one: (one.on(one.ready_day), one.price, one.metres))
        city.take(plan.taken())
        found.append(plan)
        yield
    return found


def window(city: City, questions: Sequence[Question], plans: Sequence[Plan]) -> Near:
    """The questions and the whole city on the days that matter, from the first on which a lot may begin."""
    one = next(iter(city.whole.values()))
    ready = max((plan.on(plan.ready_day) - one.first_day).days for plan in plans)
    days = min(question.first_day for question in questions), min(ready + AHEAD, one.cumulative.shape[1] - 1)
    cut = [between(question, city.whole, *days) for question in questions]
    return [question for question, _ in cut], cut[0][1]


def cut_out(
    questions: Sequence[Question], sellers: Sellers, plans: Sequence[Plan], rooms: Rooms
) -> Planning[list[Lot]]:
    """The lots with the few resources that they may go to, a lot at a time: those of these plans for any.
    What is free of them is put into `rooms`."""
    wanted = defaultdict[Sold, list[UUID]](list)
    for question, plan in zip(questions, plans, strict=True):
        for step in plan.steps:
            wanted[question.routing[step.operation].sold].append(step.resource_id)
    lots = list[Lot]()
    for question in questions:
        lots.append(lot(question, sellers, wanted, rooms))
        yield
    return lots
