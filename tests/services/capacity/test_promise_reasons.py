"""What a plan says of itself: why it takes so long, step by step and in a sentence. No database."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings

from services.capacity.domain.work import Work
from services.capacity.promise.plan import Plan
from services.capacity.promise.planner import promise
from services.capacity.promise.question import Operation, Question, Tool
from services.capacity.promise.reasons import reasons
from services.capacity.promise.sentences import sentence
from tests.services.capacity.promise_asking import (
    CUT,
    CUTTER,
    GOTS,
    SEW,
    SEWER,
    a_question,
    answers,
    benches,
    clock,
    questions,
    shown,
)
from tests.services.capacity.promise_world import Bench, city


def only(question: Question, *found: Bench) -> Plan:
    [plan] = promise(question, city([*found]))
    return plan


def why(question: Question, plan: Plan, number: int) -> list[tuple[str, str]]:
    return [(one.code, *clock(plan, one.until)) for one in reasons(question, plan, number)]


LASTS = Bench(number=8, processes=("lasts",), free=(0, 0, 9, 9, 0, 0, 0))
LASTING = replace(CUT, tools=(Tool("lasts", "pieces", 5),))
GLUER = replace(CUTTER, work=(("cutting", Work(run=10, elapsed_minutes=120)),))
GREEN = replace(CUT, qualifications=GOTS)
BATCHED = replace(CUT, transfer_batch=1)


@pytest.mark.parametrize(
    ("routing", "found", "expected"),
    [
        ((CUT,), (CUTTER,), []),
        ((CUT,), (replace(CUTTER, opens=2),), [("NOTICE", "Wed 08:00")]),
        ((CUT,), (replace(CUTTER, free=(0, 0, 60, 60)),), [("ROOM", "Wed 08:00")]),
        ((LASTING,), (CUTTER, LASTS), [("TOOLS", "Wed 08:00")]),
        ((GREEN,), (CUTTER,), [("QUALIFICATION", "Thu 08:00")]),
        ((GREEN,), (replace(CUTTER, opens=1),), [("NOTICE", "Tue 08:00"), ("QUALIFICATION", "Thu 08:00")]),
        ((GREEN,), (replace(CUTTER, free=(0,) * 4 + (60,)),), [("QUALIFICATION", "Thu 08:00"), ("ROOM", "Fri 08:00")]),
        ((replace(CUT, wait_minutes=60), SEW), (GLUER, SEWER), [("PREVIOUS", "Mon 14:40"), ("DRYING", "Mon 16:40")]),
        ((replace(CUT, wait_minutes=180), SEW), (GLUER, SEWER), [("PREVIOUS", "Mon 14:40"), ("REST", "Mon 17:40")]),
        ((replace(CUT, queue_minutes=600),), (CUTTER,), [("QUEUE", "Mon 18:00")]),
        ((replace(CUT, setup_minutes=30, run_minutes=5),), (CUTTER,), [("SET_UP", "Mon 13:00")]),
        ((CUT,), (replace(CUTTER, north=10),), [("TRAVEL", "Mon 08:57")]),
        ((CUT, SEW), (CUTTER, SEWER), [("PREVIOUS", "Mon 14:40")]),
        ((replace(CUT, wait_minutes=300), SEW), (CUTTER, SEWER), [("PREVIOUS", "Mon 14:40"), ("REST", "Mon 19:40")]),
        ((BATCHED, replace(SEW, run_minutes=2)), (CUTTER, SEWER), [("PREVIOUS", "Mon 09:40"), ("PACE", "Mon 13:40")]),
        (
            (CUT, SEW),
            (replace(CUTTER, free=(44, *CUTTER.free)), replace(SEWER, north=10)),
            [("PREVIOUS", "Mon 17:06"), ("CARRIERS", "Tue 08:00"), ("TRAVEL", "Tue 08:57")],
        ),
    ],
)
def test_the_last_step_tells_what_it_waits_for_and_until_when(
    routing: tuple[Operation, ...], found: tuple[Bench, ...], expected: list[tuple[str, str]]
) -> None:
    question = a_question(*routing, valid={GOTS: shown(CUTTER, 3, 9)})
    plan = only(question, *found)
    assert why(question, plan, len(plan.steps) - 1) == expected


def test_backward_a_step_that_could_begin_sooner_says_that_it_need_not() -> None:
    question = a_question(CUT, SEW, due_day=4, backward=True)
    plan = only(question, replace(CUTTER, free=(60, 0, 0, 0, 0)), replace(SEWER, free=(60, 60, 60, 60, 60)))
    assert why(question, plan, 1) == [("PREVIOUS", "Mon 18:00"), ("NOT_SOONER", "Fri 11:20")]


def test_a_sentence_says_when_for_how_much_how_far_and_what_the_longest_wait_is_for() -> None:
    question = a_question(CUT, SEW)
    plan = only(question, CUTTER, replace(SEWER, opens=3, north=10))
    assert sentence(question, plan, 123_456_789, "EUR", "en") == (
        "4 pieces can be ready on Thursday 5 March 2026 for 1,234,567.89 EUR, with 22.2 km of carriage,"
        " if the material leaves on Monday 2 March 2026;"
        " the longest wait: sewing at Bench 2 takes no work before Thursday 5 March 2026."
    )
    assert sentence(question, plan, 123_456_789, "EUR", "it") == (
        "4 pezzi possono essere pronti giovedì 5 marzo 2026 per 1.234.567,89 EUR, con 22,2 km di trasporto,"
        " se il materiale parte lunedì 2 marzo 2026;"
        " l'attesa più lunga: sewing presso Bench 2 non accetta lavoro prima di giovedì 5 marzo 2026."
    )


def test_where_nothing_waits_the_sentence_says_so() -> None:
    question = a_question(CUT, pieces=1)
    assert sentence(question, only(question, CUTTER), 5, "EUR", "en").endswith("nothing has to wait.")
    assert sentence(question, only(question, CUTTER), 5, "EUR", "it").startswith("1 pezzo può essere pronto ")


@settings(max_examples=60, deadline=None)
@given(questions(most_shared=3), benches())
def test_every_plan_tells_in_order_why_each_step_begins_when_it_does(question: Question, found: list[Bench]) -> None:
    for plan in answers(question, found):
        for number, step in enumerate(plan.steps):
            told = reasons(question, plan, number)
            assert all(one.since < one.until <= step.run_starts for one in told)
            assert all(one.until <= other.since for one, other in pairwise(told))
        assert all(sentence(question, plan, plan.price, "EUR", language) for language in ("en", "it"))
