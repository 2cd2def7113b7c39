"""The pass of the optimiser, in a real process of its own: it never worsens, never oversells, and is not needed.

No database.
"""

import asyncio
import os
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, given, settings

from libs.kit.testing import eventually
from services.capacity.promise.plan import Plan
from services.capacity.promise.question import Question
from services.capacity.together import optimiser
from services.capacity.together.bound import bound
from services.capacity.together.child import Given
from services.capacity.together.city import fits
from services.capacity.together.greedy import window
from services.capacity.together.optimiser import improved
from services.capacity.together.retrace import in_turn
from services.capacity.together.score import Score, scored
from tests.services.capacity.promise_asking import CUT, CUTTER, SEW, SEWER, a_question, benches
from tests.services.capacity.promise_world import MONDAY, Bench
from tests.services.capacity.test_together import all_faults, best_of_all, cut, planned, some_lots, weeks

installed = pytest.mark.skipif(
    not (optimiser.FOLDER / "ortools").is_dir(), reason="OR-tools are not installed: `./filiera test` does it"
)
# Soonest first is wrong here: the small lot is due, and asked for last.
LOTS = [a_question(CUT, SEW, pieces=12), a_question(CUT, SEW, pieces=3, due_day=1)]
FOUND = [CUTTER, SEWER]


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried here is not how busy the machine is. The solver ends sooner, when it has proven its answer."""
    monkeypatch.setattr(optimiser, "GRACE", 100)


def given_to(lots: list[Question], found: list[Bench], seconds: float = 20) -> Given:
    place, plans = planned(lots, found)
    cut_lots, _ = cut(place, lots, plans)
    return Given(cut_lots, plans, in_turn(cut_lots, plans), seconds)


def told(lots: Sequence[Question], plans: Sequence[Plan]) -> Score:
    return scored(lots, MONDAY, plans)


@installed
async def test_it_finds_the_order_in_which_nothing_is_late() -> None:
    plans, outcome = await improved(given_to(LOTS, FOUND))
    assert outcome == "BETTER"
    assert plans is not None
    greedy = planned(LOTS, FOUND)[1]
    assert (told(LOTS, greedy).days_late, told(LOTS, plans).days_late) == (3, 0)
    assert all_faults(plans, LOTS, FOUND) == []


@installed
@settings(
    max_examples=6,
    deadline=None,
    # Each example has a process of its own, and what the fixture sets is meant for all of them.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(some_lots(most=2, most_shared=2), benches().map(weeks))
def test_it_never_worsens_and_no_day_is_given_twice(lots: list[Question], found: list[Bench]) -> None:
    place, greedy = planned(lots, found)
    cut_lots, rooms = cut(place, lots, greedy)
    plans, outcome = asyncio.run(improved(Given(cut_lots, greedy, in_turn(cut_lots, greedy), 2)))
    assert (plans is not None) is (outcome == "BETTER")
    assert outcome in ("BETTER", "NO_BETTER")
    best = plans or greedy
    assert all_faults(best, lots, found) == []
    near, sellers = window(place, lots, greedy)
    day_0 = cut_lots[0].first_day
    assert scored(near, day_0, best) <= scored(near, day_0, greedy)
    assert min(scored(near, day_0, best).less(bound(near, sellers))) >= 0
    if all(step.split_over == 1 for lot in lots for step in lot.routing):
        assert scored(near, day_0, best) >= best_of_all(cut_lots)
    assert fits(rooms, day_0, best)


@installed
async def test_when_its_time_is_over_it_is_killed_and_greedy_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optimiser, "GRACE", 0.01)
    assert await improved(given_to(LOTS, FOUND, seconds=0)) == (None, "TOO_SLOW")
    assert children() == []


def children() -> list[psutil.Process]:
    """The passes that are under way."""
    mine = psutil.Process().children(recursive=True)
    return [one for one in mine if one.is_running() and optimiser.CHILD in " ".join(one.cmdline())]


@installed
async def test_if_somebody_kills_it_greedy_stands() -> None:
    passing = asyncio.ensure_future(improved(given_to(LOTS, FOUND)))
    [child] = await eventually(async_children)
    os.kill(child.pid, signal.SIGKILL)
    assert await passing == (None, "FAILED")


async def async_children() -> list[psutil.Process]:
    return children()


@installed
async def test_who_goes_away_takes_it_along() -> None:
    passing = asyncio.ensure_future(improved(given_to(LOTS, FOUND)))
    await eventually(async_children)
    passing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await passing
    assert children() == []


@installed
async def test_there_is_one_at_a_time_and_the_others_have_greedy() -> None:
    given = given_to(LOTS, FOUND)
    outcomes = await asyncio.gather(*(improved(given) for _ in range(3)))
    assert sorted(outcome for _, outcome in outcomes) == ["BETTER", "BUSY", "BUSY"]


async def test_where_it_is_not_installed_greedy_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optimiser, "FOLDER", tmp_path)
    assert await improved(given_to(LOTS, FOUND)) == (None, "NOT_INSTALLED")


@installed
async def test_it_knows_who_may_share_a_lot() -> None:
    """Greedy shares the first lot, and leaves no room for the second, which is due."""
    both = replace(CUT, split_over=2)
    lots = [a_question(both, pieces=12), a_question(both, pieces=6, due_day=0)]
    found = [CUTTER, replace(CUTTER, number=7)]
    plans, outcome = await improved(given_to(lots, found))
    assert (outcome, plans and told(lots, plans).days_late) == ("BETTER", 0)
