"""What is promised of today over HTTP: what is left of its hours, and nothing of it twice."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from libs.kit.db import Database
from libs.kit.errors import Problem
from libs.kit.ids import new_id
from libs.kit.testing import eventually
from services.capacity.domain.offer import Resource
from services.capacity.handlers import holds
from services.capacity.promise.today import Today
from tests.services.capacity import world
from tests.services.capacity.test_promises import a_bench, a_process, answers, ask, known, operation
from tests.services.capacity.world import bucket, day, publish


def zone_at(hour: int) -> str:
    """A time zone in which it is that hour of the day now; behind UTC the name has a plus."""
    return f"Etc/GMT{12 - (hour - datetime.now(UTC).hour + 12) % 24:+d}"


async def here(api: httpx.AsyncClient, db: Database, hour: int, **terms: Any) -> tuple[Resource, date]:
    """A bench where it is that hour, and what day it is there."""
    bench = a_bench(a_process(), time_zone=zone_at(hour), **terms)
    await publish(db, bench)
    await known(api, *bench.processes)
    return bench, world.today(bench.time_zone)


async def test_what_is_left_of_today_is_promised_and_held_and_nothing_in_the_past(
    api: httpx.AsyncClient, db: Database
) -> None:
    """Of 480 minutes at noon, with 6 hours of 10 to come, 288; less for every minute later."""
    bench, today = await here(api, db, 12)
    asked, given = operation(bench.processes[0], run_minutes=1), {"first_day": str(date.min)}
    clocks = [datetime.now(ZoneInfo(bench.time_zone)).replace(tzinfo=None)]
    held = (await ask(api, asked, quantity=480, hold=True, **given)).json()
    clocks.append(datetime.now(ZoneInfo(bench.time_zone)).replace(tzinfo=None))
    [step] = held["answers"][0]["steps"]
    left = [480 * (18 * 60 - 1 - clock.hour * 60 - clock.minute) // 600 for clock in clocks]
    taken = {one["day"]: one["quantity"] for one in step["takes"]}
    assert taken == {str(today): taken[str(today)], str(today + timedelta(1)): 480 - taken[str(today)]}
    assert left[0] >= taken[str(today)] >= left[1]
    assert datetime.fromisoformat(step["starts_at"]) > clocks[0]
    assert await bucket(db, bench, today) == (480, taken[str(today)], 0)


def left_at(zone: str) -> int:
    """Of 480 minutes, in what is left of a day."""
    clock = datetime.now(ZoneInfo(zone))
    return 480 * (18 * 60 - 1 - clock.hour * 60 - clock.minute) // 600


@pytest.mark.parametrize("first", [480, 100])
async def test_whoever_ask_one_after_the_other_are_together_promised_no_more_of_today_than_is_left(
    api: httpx.AsyncClient, db: Database, first: int
) -> None:
    bench, today = await here(api, db, 12)
    before, asked = left_at(bench.time_zone), operation(bench.processes[0], run_minutes=1)

    async def held(quantity: int) -> bool:
        answer = await ask(api, asked, quantity=quantity, hold=True, first_day=str(date.min))
        assert answer.status_code == 201 or answer.json()["code"] == "ASK_AGAIN"
        return answer.status_code == 201

    for quantity in (first, 480, 60):
        assert await eventually(lambda quantity=quantity: held(quantity))
    _, taken, _ = await bucket(db, bench, today) or (0, 0, 0)
    assert before >= taken >= left_at(bench.time_zone)


async def test_a_promise_for_today_is_held_by_what_the_ledger_knows(db: Database) -> None:
    """At noon 288 of 480 are left, whatever search has heard of."""
    bench, tools = a_bench(a_process()), a_bench(a_process(), unit="pieces")
    await publish(db, bench, tools)
    noon = Today(day(1), 4 * 60)
    asked = [(bench, 200), (bench, 89), (bench, 88), (bench, 1), (tools, 480)]
    asks = [replace(world.ask(new_id(), (one, day(1), quantity)), today=noon) for one, quantity in asked]
    outcomes = await holds.placing(db).together([*asks, world.ask(new_id(), (bench, day(1), 192))])
    codes = [outcome.code if isinstance(outcome, Problem) else "" for outcome in outcomes]
    assert codes == ["", "NO_CAPACITY", "", "NO_CAPACITY", "", ""], "who names days may take what is free"
    assert outcomes[1].detail.startswith(f"{bench.name} has 88 minutes free on {day(1)}; 89 were asked for")


async def test_no_stranger_makes_today_be_over(api: httpx.AsyncClient, db: Database) -> None:
    bench, today = await here(api, db, 12)
    far = {"time_zone": "Pacific/Kiritimati"}
    hidden = [a_bench(bench.processes[0], visibility="private", **far) for _ in range(2)]
    full = [a_bench(bench.processes[0], weekly=[0] * 7, **far) for _ in range(2)]
    last = a_bench(a_process())
    await publish(db, *hidden, *full, last)
    await known(api, *last.processes)
    asked = operation(bench.processes[0], run_minutes=1)
    before, [answer] = left_at(bench.time_zone), await answers(api, asked, quantity=480, first_day=str(date.min))
    takes = {one["day"]: one["quantity"] for one in answer["steps"][0]["takes"]}
    assert before >= takes[str(today)] >= left_at(bench.time_zone)


@pytest.mark.parametrize(
    ("hour", "terms", "given", "first"),
    [
        (6, {}, {}, 0),
        (12, {}, {}, 0),
        (12, {}, {"due": 0}, 0),
        (19, {}, {}, 1),
        (12, {"notice_days": 1}, {}, 1),
        (12, {}, {"due": 1, "backward": True}, 1),
    ],
)
async def test_work_begins_on_the_first_day_that_the_clock_of_the_site_and_the_notice_leave(
    api: httpx.AsyncClient, db: Database, hour: int, terms: dict[str, Any], given: dict[str, Any], first: int
) -> None:
    bench, today = await here(api, db, hour, **terms)
    due = {"due_day": str(today + timedelta(given["due"]))} if "due" in given else {}
    asked = {"first_day": str(date.min), "backward": given.get("backward", False)} | due
    [answer] = await answers(api, operation(bench.processes[0]), **asked)
    [step] = answer["steps"]
    assert [one["day"] for one in step["takes"]] == [str(today + timedelta(first))]
    whole = {"quantity": 12} if hour == 12 and not first else {"quantity": 48}
    [answer] = await answers(api, operation(bench.processes[0]), **asked | whole)
    assert [one["day"] for one in answer["steps"][0]["takes"]] == [str(today + timedelta(first))]


async def test_what_is_due_before_anything_can_begin_is_refused(api: httpx.AsyncClient, db: Database) -> None:
    for hour, begins in ((12, 0), (19, 1)):
        bench, today = await here(api, db, hour)
        for ago in (begins - 1, -8):
            due, soonest = today + timedelta(ago), today + timedelta(begins)
            asked = {"first_day": str(date.min), "due_day": str(due), "hold": True}
            late = await ask(api, operation(bench.processes[0]), **asked)
            assert (late.status_code, late.json()["code"]) == (409, "NO_CAPACITY")
            assert late.json()["detail"] == (
                f"Nothing can begin before {soonest}, and {due} is sooner; ask for a later day."
            )
