"""A budget is one for all processes, by Valkey's clock; without Valkey each process keeps it for itself."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.graphql_limits.budget import Budgets, SpentError
from libs.kit import cache as kit_cache
from libs.kit.cache import Cache
from libs.kit.clock import SystemClock
from libs.kit.ids import new_id
from libs.kit.settings import Settings
from libs.stack.child import Child, start_and_wait, stop_all
from libs.stack.home import Home
from libs.stack.servers import redis, valkey

LIMIT = 6_000
"""Points a minute: 100 a second."""
ANOTHER_PROCESS = """
import asyncio, sys
from tests.libs.graphql_limits.test_budget import take_all_at
print(asyncio.run(take_all_at(sys.argv[1], sys.argv[2])))
"""


class HandClock(SystemClock):
    """A clock whose spans are moved by hand alone."""

    ahead = 0.0

    def monotonic(self) -> float:
        return self.ahead


class Meanwhile:
    """What flows back of a budget, by Valkey's clock, from when this is made."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def points(self) -> float:
        """No more than so many, up to now."""
        return (time.monotonic() - self._began) * LIMIT / 60 + 1


@asynccontextmanager
async def budgets(url: str, clock: SystemClock | None = None) -> AsyncIterator[Budgets]:
    cache = Cache(url)
    yield Budgets(cache, clock or SystemClock(), "test.budget:")
    await cache.close()


async def take_all_at(url: str, caller: str) -> int:
    async with budgets(url) as budget:
        return await take_all(budget, caller)


async def take_all(budget: Budgets, caller: str, points: int = 7) -> int:
    """Spend in small amounts until there is nothing left; how many points that were."""
    spent = 0
    while True:
        try:
            await budget.take(caller, LIMIT, points)
        except SpentError:
            return spent
        spent += points


@pytest.fixture
def caller() -> str:
    return f"party:{new_id()}"


@pytest.fixture
def url() -> str:
    return Settings(service="probe").redis


@pytest.fixture
async def shared(url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Budgets]:
    monkeypatch.setattr(kit_cache, "_QUICK", 10.0)  # a machine with much to do is not a Valkey that is away
    async with budgets(url) as made:
        yield made


async def test_what_is_spent_is_told_with_what_remains(shared: Budgets, caller: str) -> None:
    meanwhile = Meanwhile()
    assert await shared.take(caller, LIMIT, 100) == LIMIT - 100
    assert 0 <= await shared.take(caller, LIMIT, 5) - (LIMIT - 105) <= meanwhile.points


async def test_a_whole_minutes_points_may_go_at_once_and_no_more(shared: Budgets, caller: str) -> None:
    meanwhile = Meanwhile()
    await shared.take(caller, LIMIT, LIMIT - 10)
    with pytest.raises(SpentError) as spent:
        await shared.take(caller, LIMIT, 3_000)
    assert 10 <= spent.value.remaining <= 10 + meanwhile.points
    assert 2_990 - meanwhile.points <= spent.value.seconds * LIMIT / 60 <= 3_000


async def test_what_was_spent_flows_back_and_waiting_as_told_is_enough(shared: Budgets, caller: str) -> None:
    await shared.take(caller, LIMIT, LIMIT)
    with pytest.raises(SpentError) as spent:
        await shared.take(caller, LIMIT, 90)
    await asyncio.sleep(spent.value.seconds)
    await shared.take(caller, LIMIT, 90)


async def test_what_costs_more_than_the_whole_budget_costs_the_whole_budget(shared: Budgets, caller: str) -> None:
    meanwhile = Meanwhile()
    assert await shared.take(caller, LIMIT, 10 * LIMIT) == 0
    with pytest.raises(SpentError) as spent:
        await shared.take(caller, LIMIT, 10 * LIMIT)
    assert LIMIT - meanwhile.points <= spent.value.seconds * LIMIT / 60 <= LIMIT


async def test_callers_do_not_pay_for_each_other(shared: Budgets, caller: str) -> None:
    await shared.take(caller, LIMIT, LIMIT)
    assert await shared.take(f"party:{new_id()}", LIMIT, 1) == LIMIT - 1


async def test_two_processes_share_one_budget(shared: Budgets, url: str, caller: str) -> None:
    """Together they spend the budget and what flows back meanwhile, however they interleave."""
    meanwhile = Meanwhile()
    command = (sys.executable, "-P", "-c", ANOTHER_PROCESS, url, caller)
    other = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env={"PYTHONPATH": "."})
    async with asyncio.timeout(60):
        here = [await take_all(shared, caller)]
        told, _ = await other.communicate()
        here.append(await take_all(shared, caller))
    spent = int(told) + sum(here)
    assert spent <= LIMIT + meanwhile.points
    assert spent >= LIMIT - 2 * LIMIT // 300 - 2 * 7  # what each has taken and not spent


async def test_many_at_once_spend_no_more_than_there_is(shared: Budgets, caller: str) -> None:
    meanwhile = Meanwhile()
    spent = sum(await asyncio.gather(*(take_all(shared, caller, points) for points in (1, 2, 3, 50, 70) * 4)))
    assert LIMIT - 300 <= spent <= LIMIT + meanwhile.points


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Child, Home]]:
    """A Valkey of this test's own."""
    home = Home(tmp_path)
    home.make()
    home.make_sockets()
    child = valkey(home)
    start_and_wait([child], home.log, seconds=20)
    yield child, home
    stop_all([child], seconds=5)


async def test_when_valkey_is_killed_each_process_goes_on_with_a_budget_of_its_own(
    server: tuple[Child, Home], caller: str
) -> None:
    child, home = server
    clock = HandClock()
    async with budgets(redis(home), clock) as budget:
        await budget.take(caller, LIMIT, LIMIT)
        child.kill()
        clock.ahead += 2
        assert await budget.take(caller, LIMIT, LIMIT - 100) == 100
        with pytest.raises(SpentError) as spent:
            await budget.take(caller, LIMIT, 300)
        assert spent.value.seconds == 2
        clock.ahead += 3
        await budget.take(caller, LIMIT, 300)
        start_and_wait([child], home.log, seconds=20)
        clock.ahead += 2
        assert await budget.take(caller, LIMIT, 60) == LIMIT - 60  # Valkey's again, which has forgotten it


async def test_a_valkey_that_is_away_is_not_asked_every_time(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with budgets(f"unix://{tmp_path}/valkey.sock") as budget:
        for n in range(50):
            await budget.take(f"party:{n}", LIMIT, 1)
    assert caplog.text.count("kept by this process alone") == 1


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(1, 3_000)), max_size=30))
async def test_alone_no_minute_has_more_than_twice_the_budget(steps: list[tuple[float, int]]) -> None:
    """A whole budget at once, and what flows back in that minute."""
    clock, granted = HandClock(), list[tuple[float, int]]()
    async with budgets("unix:///nowhere", clock) as budget:
        for pause, points in steps:
            clock.ahead += pause
            with suppress(SpentError):
                assert 0 <= await budget.take("party:x", LIMIT, points) <= LIMIT - points
                granted.append((clock.ahead, points))
    for start, _ in granted:
        assert sum(points for at, points in granted if start <= at <= start + 60) <= 2 * LIMIT + LIMIT // 60


async def test_callers_who_come_no_more_are_forgotten(tmp_path: Path) -> None:
    clock = HandClock()
    async with budgets(f"unix://{tmp_path}/valkey.sock", clock) as budget:
        for n in range(100):
            await budget.take(f"address:{n}", LIMIT, 1)
        clock.ahead += 120
        await budget.take("address:new", LIMIT, 1)
    assert (len(budget._leases), len(budget._full)) == (1, 1)
