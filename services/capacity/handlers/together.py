"""Promises for several lots together: greedy first, then a pass of the optimiser if there is one and it is wanted."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from uuid import UUID

import msgspec

from libs.contracts.capacity_promises import Figures, FoundBy, JointPromise, Outcome, PromisedLot
from libs.contracts.values import Money
from libs.kit.db import Database
from libs.service.runtime import Kit
from services.capacity.domain.terms import Refused
from services.capacity.handlers.facts import PlacedHold
from services.capacity.handlers.promises import (
    TRIES,
    heard_index,
    in_turns,
    qualified,
    sold,
)
from services.capacity.handlers.refusals import refusing
from services.capacity.promise.answer import Priced, answers
from services.capacity.promise.plan import Plan
from services.capacity.promise.question import Question
from services.capacity.promise.wanted import Wanted, sellers
from services.capacity.search.index import Index
from services.capacity.together.bound import bound
from services.capacity.together.child import Given
from services.capacity.together.city import City, fits, taken_together
from services.capacity.together.greedy import Near, cut_out, greedy, window
from services.capacity.together.lots import Rooms
from services.capacity.together.optimiser import improved
from services.capacity.together.retrace import in_turn
from services.capacity.together.score import Score, late, scored

log = logging.getLogger(__name__)


class Together(JointPromise, frozen=True, kw_only=True):
    """Plans for several lots that fit beside each other, and how good they are."""

    hold: PlacedHold | None = None


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Lots as a party asks for them."""

    lots: Sequence[Wanted]
    """Of one party and one currency."""
    seconds: int
    """For the optimiser; 0: it is not asked."""

    def questions(self, day_0: date, without: frozenset[UUID]) -> list[Question]:
        """With days counted from this one; a due day that has passed is before 0."""
        return [replace(lot.asked(day_0), without=without) for lot in self.lots]

    def ahead(self, index: Index) -> "Asked":
        """The same, but no lot before the first day that may still begin."""
        return replace(self, lots=[lot.ahead(index) for lot in self.lots])

    @property
    def currency(self) -> str:
        return self.lots[0].currency


@dataclass(frozen=True)
class Case:
    """What is planned: questions whose days count from day 0, in a city as it was at one moment."""

    city: City
    questions: Sequence[Question]
    day_0: date

    def bound(self, near: Near) -> Score:
        """Of the days that matter, counted from day 0."""
        later = min(question.first_day for question in self.questions)
        least = bound(*near)
        return Score(least.days_late, least.last_day + later, least.days + later * len(self.questions))


@dataclass(frozen=True)
class Joint:
    """Plans of all lots, priced each by itself, and what one booking of all of them costs."""

    plans: Sequence[Priced]
    cost: int
    score: Score

    @property
    def rank(self) -> tuple[Score, int]:
        return self.score, self.cost


@dataclass(frozen=True)
class Found:
    """Plans that fit beside each other, with what is told of them."""

    told: Together
    plans: Sequence[Plan]


async def find(kit: Kit, asked: Asked) -> Found:
    """Plan. Nothing is changed. Raises as `promises.find` does."""
    index = heard_index(kit)
    looked, asked = await _qualified(kit.database, asked)
    as_of = index.heard.now() - timedelta(seconds=max(looked, index.heard.age()))
    with refusing():
        case, first = await _standing(kit.database, index, asked.ahead(index))
    near = window(case.city, case.questions, [one.plan for one in first.plans])
    least = case.bound(near)
    best, outcome = first, _spared(asked, first.score, least)
    if outcome is None:
        best, outcome = await _improved(kit.database, asked.seconds, case, first, near)
    told = Together(
        as_of=as_of,
        age_seconds=round((index.heard.now() - as_of).total_seconds(), 3),
        day_0=case.day_0,
        found_by=FoundBy.GREEDY if best is first else FoundBy.OPTIMISER,
        optimiser=outcome,
        value=_figures(best.score),
        greedy=_figures(first.score),
        bound=_figures(least),
        gap=_figures(best.score.less(least)),
        price=Money(best.cost, asked.currency),
        lots=[_lot(case, *one, asked.currency) for one in zip(case.questions, best.plans, strict=True)],
    )
    return Found(told, [one.plan for one in best.plans])


async def _qualified(database: Database, asked: Asked) -> tuple[float, Asked]:
    """As `promises.qualified` does, for every lot."""
    found = [await qualified(database, lot) for lot in asked.lots]
    return max(ago for ago, _ in found), replace(asked, lots=[lot for _, lot in found])


async def _standing(database: Database, index: Index, asked: Asked) -> tuple[Case, Joint]:
    """What greedy finds, as placing would accept it; made again without those who would refuse."""
    without = frozenset[UUID]()
    for _ in range(TRIES):
        city = City({key: offers for lot in asked.lots for key, offers in sellers(index, lot).items()})
        day_0 = next((offers.first_day for offers in city.whole.values()), index.first_day)
        case = Case(city, asked.questions(day_0, without), day_0)
        joint, refusing = await _joint(database, case, await in_turns(greedy(city, case.questions)))
        if joint:
            return case, joint
        without |= refusing
    told = "Who could make the lots does not sell it like this; ask for fewer lots, fewer pieces or other days."
    raise Refused("NO_CAPACITY", told)


async def _joint(database: Database, case: Case, plans: Sequence[Plan]) -> tuple[Joint | None, frozenset[UUID]]:
    """As terms are now; none if it is not sold so, and the resources that refuse."""
    takings = [*(plan.taken() for plan in plans), taken_together(plans)]
    costs, refusing = await sold(database, takings, case.questions[0].party)
    known = [cost for cost in costs if cost is not None]
    if len(known) < len(costs):
        return None, refusing
    priced = [Priced(plan, cost) for plan, cost in zip(plans, known[:-1], strict=True)]
    fares = sum(trip.fare for plan in plans for trip in plan.trips)
    return Joint(priced, sum(known[-1].values()) + fares, scored(case.questions, case.day_0, plans)), refusing


def _spared(asked: Asked, score: Score, least: Score) -> Outcome | None:
    """Why no pass is made, if none is."""
    if score == least:
        return Outcome.AT_BOUND
    return None if asked.seconds else Outcome.NOT_ASKED


async def _improved(database: Database, seconds: int, case: Case, first: Joint, near: Near) -> tuple[Joint, Outcome]:
    """The better of what there is and what the optimiser finds, which is checked as if a stranger had sent it."""
    plans, rooms = [one.plan for one in first.plans], Rooms()
    lots = await in_turns(cut_out(*near, plans, rooms))
    found, outcome = await improved(Given(lots, plans, in_turn(lots, plans), seconds))
    if not found:
        return first, outcome
    if len(found) != len(plans) or not fits(rooms, lots[0].first_day, found):
        log.error("the optimiser sent plans that do not fit")
        return first, Outcome.FAILED
    joint, _ = await _joint(database, case, found)
    return (joint, outcome) if joint and joint.rank < first.rank else (first, Outcome.NO_BETTER)


def _figures(score: Score) -> Figures:
    return Figures(days_late=score.days_late, last_ready=score.last_day, days_in_all=score.days)


def _lot(case: Case, question: Question, priced: Priced, currency: str) -> PromisedLot:
    [answer] = answers(question, [priced], currency)
    day = (priced.plan.on(priced.plan.ready_day) - case.day_0).days
    days_late = None if question.due_day is None else late(question, day)
    return PromisedLot(days_late=days_late, answer=msgspec.structs.replace(answer, best_at=[]))
