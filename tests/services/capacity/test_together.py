"""Lots planned together, by the rules alone: greedy, orders planned again, the bound. No database."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import product
from uuid import UUID

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from services.capacity.domain.terms import Refused
from services.capacity.promise.plan import Plan
from services.capacity.promise.planner import at_once
from services.capacity.promise.question import Carriage, Question
from services.capacity.together.bound import bound
from services.capacity.together.city import City, fits, taken_together
from services.capacity.together.greedy import cut_out, greedy, window
from services.capacity.together.lots import Lot, Move, Rooms
from services.capacity.together.retrace import in_turn, retrace
from services.capacity.together.score import Score, scored
from tests.services.capacity.promise_asking import CUT, CUTTER, GOTS, SEW, SEWER, a_question, benches, operations
from tests.services.capacity.promise_rules import faults
from tests.services.capacity.promise_world import MONDAY, Bench, city

PATIENTLY = settings(
    max_examples=25,
    deadline=None,
    # Not every machine is idle, and not every order that is made up is possible.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
Lots = list[Question]
SHOWN = {UUID(int=2000 + north): [(MONDAY, MONDAY + timedelta(days=4 * north + 8))] for north in range(3)}
"""Until when whose workshop is qualified; the one furthest away never is."""


@st.composite
def some_lots(draw: st.DrawFn, most: int = 3, most_shared: int = 3) -> Lots:
    """Of one or two operations each."""
    routings = st.lists(operations(most_shared), min_size=1, max_size=2)
    return [
        a_question(
            *draw(routings),
            pieces=draw(st.integers(1, 7)),
            first_day=draw(st.integers(0, 2)),
            due_day=draw(st.sampled_from([None, 0, 3])),
            valid={GOTS: SHOWN},
            carriage=Carriage(weekdays=draw(st.sampled_from([(0, 1, 2, 3, 4), (0, 2, 5)]))),
        )
        for _ in range(draw(st.integers(2, most)))
    ]


def weeks(found: list[Bench]) -> list[Bench]:
    """With room for all of them, later if not sooner."""
    return [replace(bench, free=bench.free + (bench.free[:1] or (0,)) + (60,) * 7) for bench in found]


def planned(lots: Lots, found: list[Bench]) -> tuple[City, list[Plan]]:
    """Greedily; only what is possible is of interest."""
    place = City(city(found))
    try:
        return place, at_once(greedy(place, lots))
    except Refused:
        assume(False)
        raise


def cut(place: City, lots: Lots, plans: Sequence[Plan]) -> tuple[list[Lot], Rooms]:
    rooms = Rooms()
    return at_once(cut_out(*window(place, lots, plans), plans, rooms)), rooms


def too_much(plans: Sequence[Plan], found: list[Bench]) -> list[str]:
    """Of which days more is taken than there is."""
    free = {(bench.id, day): minutes for bench in found for day, minutes in enumerate(bench.free)}
    taken = Counter[tuple[UUID, int]]()
    for plan in plans:
        for (key, day), quantity in plan.taken().items():
            taken[key, (day - MONDAY).days] += quantity
    return [f"{quantity} of {key}" for key, quantity in taken.items() if quantity > free[key]]


def all_faults(plans: Sequence[Plan], lots: Lots, found: list[Bench]) -> list[str]:
    rules = (faults(plan, replace(lot, due_day=None), found) for plan, lot in zip(plans, lots, strict=True))
    return [*(fault for some in rules for fault in some), *too_much(plans, found)]


# --- the promises ----------------------------------------------------------------------------------------------------


@PATIENTLY
@given(some_lots(), benches().map(weeks))
def test_lot_by_lot_never_takes_more_of_a_day_than_there_is(lots: Lots, found: list[Bench]) -> None:
    _, plans = planned(lots, found)
    assert all_faults(plans, lots, found) == []


@PATIENTLY
@given(some_lots(most_shared=1), benches().map(weeks))
def test_the_moves_of_greedy_planned_again_are_greedy(lots: Lots, found: list[Bench]) -> None:
    place, plans = planned(lots, found)
    cut_lots, _ = cut(place, lots, plans)
    again = retrace(cut_lots, in_turn(cut_lots, plans))
    assert again is not None
    assert [told(plan) for plan in again] == [told(plan) for plan in plans]


def told(plan: Plan) -> tuple[object, ...]:
    return plan.at(plan.ready), plan.metres, plan.price, plan.taken()


@PATIENTLY
@given(some_lots(), benches(), st.randoms())
def test_whatever_order_is_planned_again_keeps_every_rule(lots: Lots, found: list[Bench], dice: object) -> None:
    place, plans = planned(lots, found)
    cut_lots, rooms = cut(place, lots, plans)
    mixed = retrace(cut_lots, at_random(cut_lots, dice))
    assume(mixed is not None)
    assert mixed is not None
    assert all_faults(mixed, lots, found) == []
    assert fits(rooms, cut_lots[0].first_day, mixed)


def at_random(lots: Sequence[Lot], dice: object) -> list[Move]:
    turns = [number for number, lot in enumerate(lots) for _ in lot.stages]
    dice.shuffle(turns)
    seen = Counter[int]()
    moves = []
    for number in turns:
        ids = lots[number].stages[seen[number]].shortlist.ids
        moves.append(Move(number, (dice.randrange(len(ids)),)))
        seen[number] += 1
    return moves


def every_order(lots: Sequence[Lot]) -> Iterator[list[Move]]:
    """All that there is, each operation at one resource."""
    for turns in _merged([len(lot.stages) for lot in lots]):
        at = [lots[number].stages[turns[:place].count(number)].shortlist.ids for place, number in enumerate(turns)]
        for rows in product(*(range(len(ids)) for ids in at)):
            yield [Move(number, (row,)) for number, row in zip(turns, rows, strict=True)]


def _merged(left: list[int]) -> Iterator[tuple[int, ...]]:
    if not any(left):
        yield ()
    for number, count in enumerate(left):
        if count:
            rest = [*left[:number], count - 1, *left[number + 1 :]]
            yield from ((number, *after) for after in _merged(rest))


def best_of_all(lots: Sequence[Lot]) -> Score:
    found = (retrace(lots, moves) for moves in every_order(lots))
    asked = [lot.question for lot in lots]
    return min(scored(asked, lots[0].first_day, plans) for plans in found if plans)


@PATIENTLY
@given(some_lots(most=2, most_shared=1), benches().map(weeks))
def test_nothing_that_can_be_planned_is_better_than_the_bound(lots: Lots, found: list[Bench]) -> None:
    place, plans = planned(lots, found)
    near, sellers = window(place, lots, plans)
    cut_lots, _ = cut(place, lots, plans)
    least, best = bound(near, sellers), best_of_all(cut_lots)
    assert best <= scored(near, cut_lots[0].first_day, plans)
    assert min(best.less(least)) >= 0


# --- one promise at a time -------------------------------------------------------------------------------------------


def test_what_one_lot_takes_is_not_there_for_the_next() -> None:
    lots = [a_question(CUT, pieces=6), a_question(CUT, pieces=6)]
    _, plans = planned(lots, [CUTTER])
    assert [plan.ready_day for plan in plans] == [0, 1]


def test_the_order_of_the_moves_decides_who_waits() -> None:
    lots = [a_question(CUT, pieces=12), a_question(CUT, pieces=6, due_day=0)]
    place, plans = planned(lots, [CUTTER])
    cut_lots, _ = cut(place, lots, plans)
    other = retrace(cut_lots, [Move(1, (0,)), Move(0, (0,))])
    assert other is not None
    assert scored(lots, MONDAY, plans) == Score(days_late=2, last_day=2, days=3)
    assert scored(lots, MONDAY, other) == Score(days_late=0, last_day=2, days=2)


def test_the_bound_knows_that_lots_share_what_there_is() -> None:
    lots = [a_question(CUT, SEW, pieces=6) for _ in range(3)]
    place, plans = planned(lots, [CUTTER, SEWER])
    assert bound(*window(place, lots, plans)) == Score(days_late=0, last_day=3, days=6)
    assert scored(lots, MONDAY, plans) == Score(days_late=0, last_day=3, days=6)


def test_a_lot_that_nobody_has_room_for_is_named() -> None:
    lots = [a_question(CUT, pieces=30), a_question(CUT, pieces=6)]
    with pytest.raises(Refused, match="Lot 2 of 2: No workshop has room for cutting of 6 pieces") as refused:
        at_once(greedy(City(city([CUTTER])), lots))
    assert refused.value.code == "NO_CAPACITY"


def test_plans_that_take_the_same_room_do_not_fit() -> None:
    lots = [a_question(CUT, pieces=4)] * 2
    place, plans = planned(lots, [CUTTER])
    cut_lots, rooms = cut(place, lots, plans)
    assert fits(rooms, cut_lots[0].first_day, plans)
    assert not fits(rooms, cut_lots[0].first_day, [plans[0]] * 2)
    assert not fits({}, cut_lots[0].first_day, plans)


def test_the_city_itself_stays_as_it_was() -> None:
    place, plans = planned([a_question(CUT, pieces=6)] * 2, [CUTTER])
    whole, left = (sellers["cutting", "minutes"].cumulative[0].tolist() for sellers in (place.whole, place.left))
    assert (whole[-1], left[-1]) == (300, 180)
    assert sum(taken_together(plans).values()) == 120
