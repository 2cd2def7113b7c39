"""Where the work of an order fits. No database."""

from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.capacity.domain.calendar import Calendar
from services.capacity.domain.plan import Need, Room, plan
from services.capacity.domain.terms import Money, Refused
from tests.services.capacity.world import a_resource

MONDAY = date(2026, 3, 2)
WEEK = Calendar(weekly=[480] * 5 + [0, 0], exceptions={}, starts_on=MONDAY, ends_on=MONDAY + timedelta(27))


def a_room(first_day: date = MONDAY, process: str = "lockstitch", number: int = 1, **given: object) -> Room:
    resource = a_resource(id=UUID(int=number), party_id=UUID(int=number), processes=[process], **given)
    return Room(replace(resource, calendar=WEEK), first_day, {})


FRIDAY = MONDAY + timedelta(4)
SEWING = Need("lockstitch", 240)


def planned(rooms: list[Room], *needs: Need, last: date = FRIDAY) -> list[tuple[int, date, int]]:
    by_process: dict[str, list[Room]] = {}
    for room in rooms:
        by_process.setdefault(room.resource.processes[0], []).append(room)
    parts = plan([needs], by_process, MONDAY, last)
    return [(part.resource_id.int, part.day, part.quantity) for part in parts]


def test_work_is_planned_on_the_earliest_day_with_room() -> None:
    busy = a_room()
    busy.take(MONDAY, 300)
    assert planned([busy], SEWING) == [(1, MONDAY + timedelta(1), 240)]


def test_a_step_begins_no_earlier_than_the_step_before_ended() -> None:
    cutting, sewing = a_room(MONDAY + timedelta(2), "cutting"), a_room(number=2)
    assert planned([cutting, sewing], Need("cutting", 60), SEWING) == [
        (1, MONDAY + timedelta(2), 60),
        (2, MONDAY + timedelta(2), 240),
    ]


def test_among_resources_of_the_same_day_the_cheapest_is_taken_then_the_lowest_id() -> None:
    dear, cheap, twin = a_room(price_per_unit=Money(60)), a_room(number=3), a_room(number=2)
    assert planned([dear, cheap, twin], SEWING) == [(2, MONDAY, 240)]


def test_work_that_fits_on_no_day_is_split_over_the_days_of_one_resource() -> None:
    assert planned([a_room(), a_room(number=2)], Need("lockstitch", 1000)) == [
        (1, MONDAY, 480),
        (1, MONDAY + timedelta(1), 480),
        (1, MONDAY + timedelta(2), 40),
    ]


def test_work_is_split_over_a_weekend() -> None:
    parts = planned([a_room(FRIDAY)], Need("lockstitch", 500), last=FRIDAY + timedelta(7))
    assert parts == [(1, FRIDAY, 480), (1, FRIDAY + timedelta(3), 20)]


def test_two_steps_in_one_bucket_are_one_allocation() -> None:
    assert planned([a_room()], SEWING, SEWING) == [(1, MONDAY, 480)]


def test_a_small_step_takes_the_least_that_the_workshop_sells() -> None:
    assert planned([a_room(minimum_quantity=60)], Need("lockstitch", 5)) == [(1, MONDAY, 60)]


def test_a_refused_order_says_what_there_was() -> None:
    room = a_room()
    for number, free in enumerate((100, 50, 120, 80, 20)):
        room.take(MONDAY + timedelta(number), 480 - free)
    with pytest.raises(Refused) as refused:
        planned([room], Need("lockstitch", 500))
    assert refused.value.code == "NO_CAPACITY"
    assert refused.value.message == (
        "No workshop has 500 free minutes of lockstitch between 2026-03-02 and 2026-03-06;"
        " the most on one day is 120 on 2026-03-04: order less, or for other days."
    )


def test_an_order_for_what_nobody_does_says_so() -> None:
    with pytest.raises(Refused, match="No workshop offers casting between 2026-03-02 and 2026-03-06"):
        planned([a_room()], Need("casting", 10))


def test_an_order_for_more_days_than_a_hold_takes_is_refused() -> None:
    crowd = [a_room(number=n + 1) for n in range(27)]
    needs = [Need("lockstitch", 480)] * 501
    with pytest.raises(Refused, match="540 days of workshops") as refused:
        plan([[need] for need in [*needs, *needs[:39]]], {"lockstitch": crowd}, MONDAY, MONDAY + timedelta(27))
    assert refused.value.code == "TOO_LARGE"
    assert crowd[0].between(MONDAY, MONDAY) == [480]


def test_an_order_that_costs_more_than_can_be_told_is_refused() -> None:
    dear = a_room(price_per_unit=Money(10**9))
    with pytest.raises(Refused) as refused:
        planned([dear], SEWING)
    assert (refused.value.code, dear.between(MONDAY, MONDAY)) == ("TOO_EXPENSIVE", [480])


def test_when_not_all_workshops_were_looked_at_the_refusal_says_so() -> None:
    with pytest.raises(Refused, match=r"None of the 1,000 cheapest workshops has 9999 free minutes of lockstitch"):
        planned([a_room(number=n + 1) for n in range(1000)], Need("lockstitch", 9999))


def test_an_order_that_needs_no_work_is_refused() -> None:
    with pytest.raises(Refused, match="no work"):
        planned([a_room()])


needs = st.lists(st.builds(Need, st.sampled_from(["cutting", "lockstitch"]), st.integers(1, 1200)), max_size=4)
free_days = st.lists(st.integers(0, 480), min_size=5, max_size=5)


@given(st.lists(needs, min_size=1, max_size=3), st.lists(free_days, min_size=1, max_size=4), st.data())
def test_a_plan_is_what_was_asked_within_its_days_and_never_more_than_is_free(
    lines: list[list[Need]], free: list[list[int]], data: st.DataObject
) -> None:
    rooms = [a_room(MONDAY + timedelta(data.draw(st.integers(0, 2))), number=n + 1) for n in range(len(free))]
    for room, days in zip(rooms, free, strict=True):
        room.touched.update({MONDAY + timedelta(n): quantity for n, quantity in enumerate(days)})
    span = [MONDAY + timedelta(n) for n in range(-1, 8)]
    before = [{day: sum(room.between(day, day)) for day in span} for room in rooms]
    by_process = {"cutting": rooms[:2], "lockstitch": rooms[1:]}
    try:
        parts = plan(lines, by_process, MONDAY, FRIDAY)
    except Refused:
        parts = []
    else:
        assert sum(part.quantity for part in parts) == sum(need.minutes for line in lines for need in line)
    taken = {(part.resource_id, part.day): part.quantity for part in parts}
    assert len(taken) == len(parts)
    assert all(MONDAY <= part.day <= FRIDAY and part.quantity > 0 for part in parts)
    for room, was in zip(rooms, before, strict=True):
        for day, quantity in was.items():
            assert sum(room.between(day, day)) == quantity - taken.get((room.resource.id, day), 0) >= 0


@given(st.lists(needs, min_size=1, max_size=3), st.permutations([1, 2, 3, 4]))
def test_the_same_question_has_the_same_answer_in_whatever_order_resources_come(
    lines: list[list[Need]], order: list[int]
) -> None:
    answers = []
    for numbers in (sorted(order), order):
        rooms = [a_room(number=number) for number in numbers]
        with suppress(Refused):
            answers.append(plan(lines, {"cutting": rooms, "lockstitch": rooms}, MONDAY, FRIDAY))
    assert len(answers) in (0, 2)
    assert not answers or answers[0] == answers[1]


def test_time_is_asked_for_before_each_step_and_a_plan_given_up_uses_nothing_up() -> None:
    room, asked = a_room(), []

    def twice() -> None:
        asked.append(1)
        if len(asked) > 2:
            raise Refused("PLANNING_BUSY", "later")

    with pytest.raises(Refused, match="later"):
        plan([[SEWING] * 5], {"lockstitch": [room]}, MONDAY, FRIDAY, twice)
    assert (len(asked), *room.between(MONDAY, MONDAY)) == (3, 480)


def test_days_of_a_calendar_are_its_exceptions_else_its_shifts_less_what_was_taken() -> None:
    room = a_room(MONDAY + timedelta(1))
    room = replace(room, resource=replace(room.resource, calendar=replace(WEEK, exceptions={FRIDAY: 30})))
    room.touched[MONDAY + timedelta(2)] = 7
    assert room.between(MONDAY, FRIDAY + timedelta(3)) == [480, 7, 480, 30, 0, 0, 480]
    assert room.between(MONDAY - timedelta(9), MONDAY) == []
    assert room.between(FRIDAY, date.max)[:4] == [30, 0, 0, 480]
