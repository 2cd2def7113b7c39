"""What the planner answers, beside a slow search through everything. No database."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import product
from random import Random
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.capacity.domain.terms import Refused
from services.capacity.domain.work import Work
from services.capacity.promise import planner
from services.capacity.promise.plan import Plan
from services.capacity.promise.planner import planning, promise
from services.capacity.promise.question import Operation, Question, Tool
from services.capacity.search.offers import PRIVATE
from tests.services.capacity.promise_asking import (
    CUT,
    CUTTER,
    GOTS,
    SEW,
    SEWER,
    WEEK,
    a_question,
    answers,
    benches,
    clock,
    days,
    questions,
    shown,
    undried,
)
from tests.services.capacity.promise_rules import faults
from tests.services.capacity.promise_work import Minutes
from tests.services.capacity.promise_world import GUEST, MONDAY, Bench, Slow, city, done_at


def told(plan: Plan, question: Question) -> tuple[int, int, int]:
    day = plan.on(plan.leaves_day if question.backward else plan.ready_day) - MONDAY
    return -day.days if question.backward else day.days, plan.metres // 1000, plan.price


# --- the promises ----------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(questions(), benches())
def test_the_answers_are_exactly_what_a_search_through_everything_leaves_unbeaten(
    question: Question, found: list[Bench]
) -> None:
    best = Slow(question, found).best()
    plans = answers(question, found)
    assert {told(plan, question) for plan in plans} == best or len(best) > planner.MOST_ANSWERS
    assert [fault for plan in plans for fault in faults(plan, question, found)] == []


@settings(max_examples=25, deadline=None)
@given(questions(most_shared=3), benches())
def test_plans_that_share_a_lot_keep_every_rule(question: Question, found: list[Bench]) -> None:
    plans = answers(question, found)
    assert [fault for plan in plans for fault in faults(plan, question, found)] == []


# --- one promise at a time -------------------------------------------------------------------------------------------


def only(question: Question, *found: Bench) -> Plan:
    [plan] = promise(question, city([*found]))
    assert faults(plan, question, [*found]) == []
    return plan


def test_a_half_free_day_works_at_half_speed_so_that_the_next_operation_is_never_promised_too_soon() -> None:
    plan = only(a_question(CUT, SEW, pieces=3), CUTTER, SEWER)
    cut, sewn = plan.steps
    assert clock(plan, cut.starts, cut.ends, sewn.run_starts, sewn.ends) == [
        "Mon 08:00",
        "Mon 13:00",
        "Mon 13:00",
        "Mon 18:00",
    ]


def test_of_today_no_more_is_planned_on_than_the_part_of_it_that_is_left() -> None:
    noon = {"late": 4 * 60, "first_day": 1}
    question = a_question(replace(CUT, setup_minutes=6), pieces=3, **noon)
    [plan] = promise(question, city([CUTTER]))
    assert clock(plan, plan.leaves, plan.steps[0].starts, plan.steps[0].ends) == ["Tue 12:00", "Tue 12:00", "Tue 18:00"]
    assert list(plan.steps[0].minutes.values()) == [36], "36 of 60, for 6 hours of 10 are left"
    [plan] = promise(replace(question, pieces=4), city([CUTTER]))
    assert list(plan.steps[0].minutes.values()) == [36, 10]
    for taken, left in ((10, 60 - 28), (24, 60 - 34), (90, 0)):
        [plan] = promise(replace(question, taken={CUTTER.id: taken}, pieces=5), city([CUTTER]))
        assert plan.steps[0].minutes.get(0, 0) == left, "what others have may all lie in the hours to come"
    away = replace(CUTTER, north=2)
    starts = [promise(replace(question, late=late), city([away]))[0].steps[0].run_starts for late in (240, 500)]
    assert clock(plan, starts[0])[0] > "Tue 12:30", "loading takes 30 minutes"
    assert clock(plan, starts[1])[0].startswith("Wed"), "carriers leave until 16:00"


def test_transfer_batches_let_the_next_operation_begin_before_the_lot_is_done() -> None:
    plan = only(a_question(replace(CUT, transfer_batch=1), SEW, pieces=3), CUTTER, SEWER)
    assert clock(plan, plan.steps[1].run_starts, plan.ready) == ["Mon 09:40", "Mon 14:40"]


def test_a_quick_operation_begins_late_enough_never_to_run_dry() -> None:
    quick = replace(SEW, run_minutes=2)
    plan = only(a_question(replace(CUT, transfer_batch=1), quick, pieces=5), CUTTER, SEWER)
    assert clock(plan, plan.steps[0].ends, plan.steps[1].run_starts, plan.ready) == [
        "Mon 16:20",
        "Mon 15:00",
        "Mon 16:40",
    ]


def test_between_places_the_whole_lot_travels_and_what_misses_the_cut_off_leaves_the_next_morning() -> None:
    question = a_question(replace(CUT, transfer_batch=1), SEW, pieces=5)
    plan = only(question, replace(CUTTER, free=(57, *WEEK[1:])), replace(SEWER, north=10))
    trip = plan.trips[0]
    assert (trip.metres, clock(plan, trip.ready, trip.leaves, trip.arrives)) == (
        11119,
        ["Mon 16:47", "Tue 08:00", "Tue 08:57"],
    )


def test_what_dries_over_the_weekend_is_dry_on_monday() -> None:
    plan = only(
        a_question(replace(CUT, wait_minutes=2 * 24 * 60), replace(SEW, process="cutting"), pieces=2),
        replace(CUTTER, free=(0, 0, 0, 0, 60, 0, 0, 60)),
    )
    assert clock(plan, plan.steps[0].ends, plan.steps[1].run_starts) == ["Fri 11:20", "Mon 08:00"]


def test_backward_is_as_late_as_the_due_day_allows() -> None:
    plan = only(a_question(CUT, SEW, pieces=3, due_day=3, backward=True), CUTTER, SEWER)
    assert clock(plan, plan.leaves, plan.ready) == ["Thu 08:00", "Thu 18:00"]


def test_a_lot_too_large_for_one_is_shared_if_it_may_be_and_stays_whole_if_not() -> None:
    twin = replace(CUTTER, number=3)
    whole = promise(a_question(CUT, pieces=12), city([CUTTER, twin]))[0]
    shared = promise(a_question(replace(CUT, split_over=2), pieces=12), city([CUTTER, twin]))[0]
    assert [(step.pieces, clock(whole, step.ends)) for step in whole.steps] == [(12, ["Tue 18:00"])]
    assert sorted(step.pieces for step in shared.steps) == [6, 6]
    assert shared.ready_day < whole.ready_day


def test_lasts_are_counted_on_each_day_and_only_at_the_same_site() -> None:
    lasts = Bench(number=8, processes=("lasts",), free=(4, 4, 5, 9, 0, 0, 0))
    lasting = replace(CUT, tools=(Tool("lasts", "pieces", 5),))
    plan = only(a_question(lasting, pieces=7), CUTTER, lasts)
    assert {(key.int, day.day): quantity for (key, day), quantity in plan.taken().items()} == {
        (1, 4): 60,
        (1, 5): 10,
        (8, 4): 5,
        (8, 5): 5,
    }
    with pytest.raises(Refused, match="with lasts at the same site"):
        promise(a_question(lasting), city([CUTTER, replace(lasts, north=1)]))


def test_two_operations_at_one_bench_do_not_use_the_same_minutes() -> None:
    plan = only(a_question(CUT, CUT, pieces=4), CUTTER)
    assert sum(plan.taken().values()) == 80


def test_a_bench_works_by_its_own_figures_and_the_next_waits_until_it_is_dry() -> None:
    glue = Work(run=9, pieces=2, setup=6, cleanup=12, efficiency_percent=90, lot_multiple=4, elapsed_minutes=120)
    plan = only(a_question(CUT, SEW, pieces=3), replace(CUTTER, work=(("cutting", glue),)), SEWER)
    cut, sewn = plan.steps
    assert (cut.lot, cut.setup_minutes, cut.run_minutes, cut.cleanup_minutes) == (4, 6, 20, 12)
    assert (sum(cut.minutes.values()), sewn.run_minutes) == (38, 30)
    assert clock(plan, cut.ends, sewn.run_starts) == ["Mon 12:20", "Mon 14:20"]


def test_what_is_learned_is_given_the_minutes_that_its_first_days_take() -> None:
    learned = Work(run=10, ramp_percent=[50])
    plan = only(a_question(CUT, pieces=9), replace(CUTTER, work=(("cutting", learned),)))
    assert [*plan.steps[0].minutes.values()] == [60, 60]


def test_what_changes_is_changed_over_if_the_bench_says_what_that_takes() -> None:
    told = replace(CUTTER, work=(("cutting", Work(run=10, setup=5, changes={"colour": 20})),))
    plan = only(a_question(replace(CUT, changed=("colour", "gauge")), pieces=2), told)
    assert plan.steps[0].setup_minutes == 25


def test_a_workshop_works_on_days_on_which_it_is_qualified() -> None:
    question = a_question(replace(CUT, qualifications=GOTS), pieces=12, valid={GOTS: shown(CUTTER, 1, 1, 3, 9)})
    plan = only(question, CUTTER)
    assert [plan.on(day).day for day in plan.steps[0].minutes] == [3, 5]


def test_what_one_operation_took_of_days_that_the_next_may_not_have_leaves_the_others_as_they_are() -> None:
    green = replace(CUT, qualifications=GOTS)
    plan = only(a_question(CUT, green, pieces=7, valid={GOTS: shown(CUTTER, 1, 1, 4, 9)}), CUTTER)
    assert [[plan.on(day).day for day in step.minutes] for step in plan.steps] == [[2, 3], [3, 6]]


def test_a_nearer_workshop_that_is_not_qualified_is_left_out() -> None:
    far = replace(CUTTER, number=3, north=9)
    plan = only(a_question(replace(CUT, qualifications=GOTS), valid={GOTS: shown(far, 0, 9)}), CUTTER, far)
    assert plan.steps[0].resource_id == far.id


@pytest.mark.parametrize(
    ("days", "due", "said"),
    [
        ((), None, "^No workshop is qualified for cutting with gots; ask without it.$"),
        ((0, 0), None, "from 2026-03-02 on at the earliest, and until 2026-03-02 at the latest"),
        ((3, 9), 2, "can be ready on 2026-03-06 at the earliest, not on 2026-03-04.* from 2026-03-05 on at the earl"),
    ],
)
def test_what_fails_for_want_of_a_qualification_says_when_there_is_one(
    days: tuple[int, ...], due: int | None, said: str
) -> None:
    question = a_question(replace(CUT, qualifications=GOTS), pieces=9, due_day=due, valid={GOTS: shown(CUTTER, *days)})
    with pytest.raises(Refused, match=said) as refused:
        promise(question, city([CUTTER]))
    assert refused.value.code == "NOT_QUALIFIED"


def test_what_fails_anyhow_is_not_said_to_fail_for_want_of_a_qualification() -> None:
    question = a_question(replace(CUT, qualifications=GOTS), pieces=99, valid={GOTS: shown(CUTTER, 0, 1)})
    with pytest.raises(Refused) as refused:
        promise(question, city([CUTTER]))
    assert refused.value.code == "NO_CAPACITY"


def test_what_takes_an_invitation_is_not_in_the_plans_of_others() -> None:
    cheap = replace(CUTTER, number=9, price=1, visibility=PRIVATE)
    for party, chosen in ((GUEST, 9), (UUID(int=78), 1)):
        [plan] = promise(a_question(CUT, party=party), city([CUTTER, cheap]))
        assert plan.steps[0].resource_id.int == chosen


def test_setting_up_a_resource_is_paid_once() -> None:
    plan = only(a_question(CUT, CUT, pieces=2), CUTTER)
    assert [step.setup_price for step in plan.steps] == [1000, 0]


@pytest.mark.parametrize(
    ("routing", "code", "said"),
    [
        ((replace(CUT, process="casting"),), "NOT_OFFERED", "No workshop offers casting"),
        ((replace(CUT, run_minutes=400),), "NO_CAPACITY", "No workshop has room for cutting of 4 pieces"),
        ((replace(CUT, wait_minutes=9000), SEW), "NO_CAPACITY", "No workshop has room for sewing"),
    ],
)
def test_what_cannot_be_made_is_refused_with_a_sentence(routing: tuple[Operation, ...], code: str, said: str) -> None:
    with pytest.raises(Refused, match=said) as refused:
        promise(a_question(*routing), city([CUTTER, SEWER]))
    assert refused.value.code == code


def test_a_day_too_early_is_refused_with_the_earliest() -> None:
    with pytest.raises(Refused, match="can be ready on 2026-03-03 at the earliest, not on 2026-03-02"):
        promise(a_question(CUT, pieces=7, due_day=0), city([CUTTER]))


@settings(max_examples=25, deadline=None)
@given(questions(most_shared=3), benches(), st.randoms())
def test_the_same_question_has_the_same_answer(question: Question, found: list[Bench], dice: object) -> None:
    again = answers(question, list(found))
    assert [plan.taken() for plan in again] == [plan.taken() for plan in answers(question, found)]
    mixed = dice.sample(found, len(found))
    if all(operation.split_over == 1 for operation in question.routing):
        assert [told(one, question) for one in answers(question, mixed)] == [
            told(one, question) for one in answers(question, found)
        ]


@settings(max_examples=25, deadline=None)
@given(questions(most_shared=3), benches(), st.randoms())
def test_days_that_others_take_while_a_plan_is_made_leave_no_plan_with_a_fault(
    question: Question, found: list[Bench], dice: Random
) -> None:
    sellers, turns, plans = city(found), 0, list[Plan]()

    def making() -> Iterator[None]:
        nonlocal plans
        with suppress(Refused):
            plans = yield from planning(question, sellers)

    for _ in making():
        turns, offers = turns + 1, dice.choice([*sellers.values()])
        row, day = dice.randrange(len(offers)), dice.randrange(6)
        offers.cumulative[row, day + 1 :] -= offers.cumulative[row, day + 1] - offers.cumulative[row, day]
    assert [fault for plan in plans for fault in faults(plan, question, found)] == []
    assert turns >= 2 * len(question.routing) or not plans


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(days, st.none() | undried), min_size=2, max_size=3),
    st.integers(2, 9),
    st.integers(1, 9),
    st.sampled_from([1, 25]),
)
def test_a_shared_lot_is_shared_so_that_its_last_piece_is_done_soonest(
    sharing: list[tuple[tuple[int, ...], Work | None]], pieces: int, run: int, minimum: int
) -> None:
    for_nothing = {"price": 0, "setup": 0, "minimum": minimum}
    sharers = [
        Bench(number=n, processes=("cutting",), free=free, work=(("cutting", work),) if work else (), **for_nothing)
        for n, (free, work) in enumerate(sharing)
    ]
    operation = replace(CUT, run_minutes=run, setup_minutes=3, split_over=len(sharing))
    shares = (share for share in product(range(pieces + 1), repeat=len(sharing)) if sum(share) == pieces)
    ends = [end for share in shares if (end := _last_done(sharers, share, operation)) is not None]
    question = a_question(operation, pieces=pieces)
    plans = answers(question, sharers)
    assert min((plan.ready for plan in plans), default=None) == min(ends, default=None)


def _last_done(sharers: list[Bench], share: tuple[int, ...], operation: Operation) -> int | None:
    parts = [_done(bench, operation, count) for bench, count in zip(sharers, share, strict=True) if count]
    return None if None in parts else max(part for part in parts if part is not None)


def _done(bench: Bench, operation: Operation, pieces: int) -> int | None:
    work = bench.does(operation)
    sold = bench.least_for(work.once() + Minutes(work, pieces, max(bench.free)).lot)
    return done_at(bench.free, sold - work.cleanup) if sum(bench.free) >= sold else None


def test_of_many_the_soonest_the_cheapest_and_the_nearest_are_looked_at() -> None:
    """A city of a thousand, in which each of the three is somebody else."""
    free = (0, 0, 60, 60, 60, 0, 0)
    crowd = [Bench(number=n, processes=("cutting",), free=free, north=5 + n % 9, price=50) for n in range(10, 1010)]
    soon = Bench(number=1, processes=("cutting",), free=WEEK, north=9, price=90)
    cheap = Bench(number=2, processes=("cutting",), free=(0, 0, 0, 0, 60, 0, 0), north=9, price=20)
    near = Bench(number=3, processes=("cutting",), free=(0, 0, 0, 60, 60, 0, 0), north=0, price=95)
    plans = promise(a_question(CUT), city([*crowd, soon, cheap, near]))
    chosen = [plan.steps[0].resource_id.int for plan in plans]
    assert (chosen[0], chosen[-1]) == (1, 2)
    assert {1, 2, 3} < set(chosen)


def test_days_far_ahead_are_planned_on_if_nearer_ones_have_no_room() -> None:
    late = replace(CUTTER, free=(*[0] * (planner.NEAR + 9), 60))
    forward = only(a_question(CUT), late)
    back = only(a_question(CUT, backward=True, due_day=planner.NEAR + 9), replace(CUTTER, free=late.free[::-1]))
    assert forward.on(forward.ready_day) == MONDAY + timedelta(planner.NEAR + 9)
    assert back.on(back.leaves_day) == MONDAY


@pytest.mark.parametrize("due", [planner.NEAR + n for n in (-2, -1, 0, 1, 2, planner.NEAR + 1)])
@pytest.mark.parametrize("first", [0, 2])
def test_however_far_away_the_due_day_backward_ends_on_it(due: int, first: int) -> None:
    long = replace(CUTTER, free=(60,) * 300)
    dear = replace(long, number=2, price=99, opens=9)
    plan = only(a_question(CUT, backward=True, first_day=first, due_day=due), long, dear)
    assert plan.steps[0].resource_id == long.id
    assert (plan.on(plan.leaves_day), plan.on(plan.ready_day)) == (MONDAY + timedelta(due),) * 2


@pytest.mark.parametrize("backward", [False, True])
def test_a_first_day_of_which_nothing_is_known_yet_is_refused_as_that(backward: bool) -> None:
    asked = a_question(CUT, first_day=7, due_day=9, backward=backward)
    with pytest.raises(Refused, match="known until 2026-03-08, not from 2026-03-09 on; ask for an earlier first day"):
        promise(asked, city([CUTTER]))
