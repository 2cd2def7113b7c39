"""The planner: from a question and the offers of each process to the answers that no other answer beats."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Generic, TypeVar
from uuid import UUID

import numpy as np

from services.capacity.domain.terms import Refused
from services.capacity.promise.extend import extended, travelled
from services.capacity.promise.hours import Hours, Longs, hours
from services.capacity.promise.plan import Plan, unfold
from services.capacity.promise.question import Operation, Question
from services.capacity.promise.share import shared
from services.capacity.promise.shortlist import Shortlist, metres
from services.capacity.promise.shortlister import Sellers, Shortlister, begin, nobody
from services.capacity.promise.stage import Stage
from services.capacity.promise.today import IN_HOURS, left
from services.capacity.promise.ways import MOST, Part, Way, best_of, dominated, thinned
from services.capacity.search.offers import Offers

MOST_ANSWERS = 8
NEAR = 120
"""Days that are planned on; all that are published only if these have no room."""


T = TypeVar("T")
Planning = Generator[None, None, T]
"""Work that stops where others may have a turn, and returns something in the end."""


class Turns(Generic[T]):
    """Such work, turn by turn; after the last there is its result."""

    result: T

    def __init__(self, work: Planning[T]) -> None:
        self._work = work

    def __iter__(self) -> Iterator[None]:
        self.result = yield from self._work


def promise(question: Question, sellers: Sellers) -> list[Plan]:
    """The plans that no other plan beats in all of: day, whole kilometres, price. The soonest first; backward, that
    which starts last.

    Raises Refused: NOT_OFFERED if nobody does an operation, NO_CAPACITY if there is no room for it, NOT_QUALIFIED if
    either is so for want of qualifications alone.
    """
    return at_once(planning(question, sellers))


def at_once(work: Planning[T]) -> T:
    """What comes of it, without a turn for anybody."""
    turns = Turns(work)
    for _ in turns:
        pass
    return turns.result


def planning(question: Question, sellers: Sellers) -> Planning[list[Plan]]:
    """The same, a few milliseconds at a time. What becomes free or is taken meanwhile may be seen or not; who holds a
    plan finds out."""
    try:
        return (yield from _promised(question, sellers))
    except Refused as refused:
        if not any(operation.qualifications for operation in question.routing):
            raise
        routing = tuple(replace(operation, qualifications=frozenset()) for operation in question.routing)
        yield from _promised(replace(question, routing=routing), sellers)
        why = _for_want(question, sellers)
        raise Refused("NOT_QUALIFIED", why if refused.code == "NOT_OFFERED" else f"{refused.message} {why}") from None


def _promised(question: Question, sellers: Sellers) -> Planning[list[Plan]]:
    """On the nearest days, or on all that are published."""
    offered = _shared(question, sellers)
    published = min(offers.cumulative.shape[1] - 1 for offers in offered.values())
    if question.first_day >= published:
        raise Refused("NO_CAPACITY", _unknown(next(iter(offered.values())), published - 1, question.first_day))
    last = min(published, question.due_day + 1) if question.backward and question.due_day is not None else published
    first = min(question.first_day, last)
    near = (max(first, last - NEAR), last) if question.backward else (first, min(first + NEAR, last))
    try:
        return (yield from _promise(*between(question, offered, *near)))
    except Refused:
        if near == (first, last):
            raise
        return (yield from _promise(*between(question, offered, first, last)))


def _promise(question: Question, sellers: Sellers) -> Planning[list[Plan]]:
    one = next(iter(sellers.values()))
    first, days = one.first_day, one.cumulative.shape[1] - 1
    span = hours(days, first, question.carriage, mirrored=question.backward, late=question.late)
    shortlists, shortlister = list[Shortlist](), Shortlister(question, sellers, span)
    for operation in question.routing[::-1] if question.backward else question.routing:
        shortlists.append(shortlister.next(operation))
        yield
    stages = stages_of(question, shortlists, span)
    ends = yield from _ends(question, stages, span)
    if not ends:
        raise Refused("NO_CAPACITY", "The lot cannot be made within these days; ask for fewer pieces or a later day.")
    if question.due_day is not None and not question.backward:
        ends = _in_time(ends, question.due_day, first, span)
    forward = hours(days, first, question.carriage, mirrored=False) if question.backward else span
    plans = []
    for way, at in _unbeaten(ends, span):
        plans.append(unfold(question, stages, way, (at, forward), first))
        yield
    return plans


def _shared(question: Question, sellers: Sellers) -> Sellers:
    """What of it is sold at all. Raises Refused if nothing is."""
    if not (offered := {sold: sellers[sold] for sold in question.sold & sellers.keys()}):
        raise Refused("NOT_OFFERED", nobody(question.routing[0]))
    return offered


def between(question: Question, sellers: Sellers, first: int, last: int) -> tuple[Question, Sellers]:
    """The same with days from the first until before the last alone, which is day 0."""
    some = {sold: _cut(offers, first, last) for sold, offers in sellers.items()}
    if question.late:
        some = {sold: _left(one, question) if sold[1] == IN_HOURS else one for sold, one in some.items()}
    due = None if question.due_day is None else question.due_day - first
    return replace(question, first_day=max(0, min(question.first_day, last) - first), due_day=due), some


def _cut(offers: Offers, first: int, last: int) -> Offers:
    opens, closes = (days - np.int16(first) for days in (offers.opens, offers.closes))
    day, sums = offers.day(first), offers.cumulative[:, first : last + 1]
    return replace(offers, first_day=day, cumulative=sums, opens=opens, closes=closes)


def _left(offers: Offers, question: Question) -> Offers:
    """The same, but of day 0, which is today, no more than is left of it."""
    sums = offers.cumulative.copy(order="F")
    taken = np.fromiter((question.taken.get(key, 0) for key in offers.ids[: len(offers)]), np.int64, len(offers))
    sums[:, 0] = sums[:, 1] - left(sums[:, 1] - sums[:, 0], taken, question.late)
    return replace(offers, cumulative=sums)


def stages_of(question: Question, shortlists: Sequence[Shortlist], span: Hours) -> list[Stage]:
    """In the order in which they are planned, as the shortlists are."""
    uses = [_uses(shortlist) for shortlist in shortlists]
    stages = list[Stage]()
    for number, shortlist in enumerate(shortlists):
        before = stages[-1] if stages else None
        where = before.shortlist.where if before else _at(question)
        taken = uses[number] | (before.later if before else frozenset())
        later = taken & frozenset[UUID]().union(*uses[number + 1 :])
        stages.append(Stage(shortlist, where, before, question.pieces, span, later))
    return stages


def _uses(shortlist: Shortlist) -> frozenset[UUID]:
    return frozenset([*shortlist.ids, *(tool.id for tools in shortlist.tools for tool in tools)])


def _at(question: Question) -> tuple[Longs, Longs]:
    return np.array([question.place.latitude]), np.array([question.place.longitude])


def start(question: Question, span: Hours) -> Way:
    """The lot before its first operation."""
    return Way((Part(0, question.pieces, 0, 0, 0, 0, begin(question, span), np.zeros(span.days + 1, np.int64)),))


def _ends(question: Question, stages: Sequence[Stage], span: Hours) -> Planning[list[tuple[Way, int]]]:
    """Every way that was followed to its end, with the moment at which the lot is at its last place."""
    ways = [start(question, span)]
    for stage in stages:
        found = extended(stage, ways)
        yield
        if stage.shortlist.operation.split_over > 1:
            found += shared(stage, ways)
            yield
        if not found:
            raise Refused("NO_CAPACITY", _no_room(stage))
        ways = best_of(found, MOST)
    return home(question, stages[-1], ways)


def home(question: Question, last: Stage, ways: Sequence[Way]) -> list[tuple[Way, int]]:
    """The lots on their way to the place where they are wanted, or, backward, from where the material is."""
    span, (north, east) = last.hours, last.shortlist.where
    lengths = metres((north[:, None], east[:, None]), _at(question))
    columns = zip(ways, *(column[:, 0].tolist() for column in travelled(ways, lengths, span)), strict=True)
    home = [(replace(way, metres=length, price=price), ready) for way, ready, length, price in columns]
    days = span.days - (question.first_day if question.backward else 0)
    return [(way, ready) for way, ready in home if span.day_of(ready) < days]


def _in_time(ends: list[tuple[Way, int]], due_day: int, first: date, span: Hours) -> list[tuple[Way, int]]:
    in_time = [(way, ready) for way, ready in ends if span.day_of(ready) <= due_day]
    if not in_time:
        soonest = min(span.day_of(ready) for _, ready in ends)
        asked, can = (first + timedelta(days) for days in (due_day, soonest))
        raise Refused(
            "NO_CAPACITY", f"The lot can be ready on {can} at the earliest, not on {asked}; ask for that day."
        )
    return in_time


def _unbeaten(ends: list[tuple[Way, int]], span: Hours) -> list[tuple[Way, int]]:
    """By day and whole kilometre: nobody drives further to have a piece five minutes earlier."""
    ends = sorted(ends, key=lambda end: (end[1], end[0].price, end[0].metres))
    keys = np.array([(span.day_of(ready), way.metres // 1000, way.price) for way, ready in ends], np.int64)
    best = np.flatnonzero(~dominated(keys))
    return [ends[best[number]] for number in thinned(keys[best], MOST_ANSWERS)]


def _for_want(question: Question, sellers: Sellers) -> str:
    """Which qualifications are wanted, and when whoever is there has them."""
    return " ".join(_qualified(question, sellers, one) for one in question.routing if one.qualifications)


def _qualified(question: Question, sellers: Sellers, operation: Operation) -> str:
    spans = [span for key in {*sellers[operation.sold].workshops} for span in question.spans(operation, key) or ()]
    what = f"for {operation.process} with {', '.join(sorted(operation.qualifications))}"
    if not spans:
        return f"No workshop is qualified {what}; ask without it."
    first, last = min(first for first, _ in spans), max(last for _, last in spans)
    return f"Qualified {what} are workshops from {first} on at the earliest, and until {last} at the latest."


def _unknown(offers: Offers, last: int, first: int) -> str:
    until, since = offers.day(last), offers.day(first)
    return f"What is free is known until {until}, not from {since} on; ask for an earlier first day."


def _no_room(stage: Stage) -> str:
    process = stage.shortlist.operation.process
    when = "after what comes before it" if not stage.hours.mirrored else "before what comes after it"
    return f"No workshop has room for {process} {when}; ask for fewer pieces, other days, or a lot that is shared."
