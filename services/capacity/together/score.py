"""Which joint plan is better."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from services.capacity.promise.plan import Plan
from services.capacity.promise.question import Question


class Score(NamedTuple):
    """Less is better, the first first."""

    days_late: int
    """Of all lots that have a due day, in sum."""
    last_day: int
    """On which all lots are ready, counted from day 0."""
    days: int
    """The days on which each is ready, in sum, each counted from day 0."""

    def less(self, other: "Score") -> "Score":
        """What it is above another, each for itself."""
        return Score(*(mine - theirs for mine, theirs in zip(self, other, strict=True)))


def late(question: Question, day: int) -> int:
    """By how many days a lot is late that is ready on a day."""
    return 0 if question.due_day is None else max(0, day - question.due_day)


def score(questions: Sequence[Question], days: Sequence[int]) -> Score:
    """Of lots that are ready on these days, counted from day 0 as those of the questions are."""
    days_late = sum(late(question, day) for question, day in zip(questions, days, strict=True))
    return Score(days_late, max(days), sum(days))


def scored(questions: Sequence[Question], day_0: date, plans: Sequence[Plan]) -> Score:
    """Of the plans of these questions, whose days count from day 0."""
    return score(questions, [(plan.on(plan.ready_day) - day_0).days for plan in plans])
