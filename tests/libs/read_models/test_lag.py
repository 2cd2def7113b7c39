"""The lag is that of all processes together; what somebody does not know is not called nothing."""

import os
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
import redis

from libs.kit.cache import Cache
from libs.kit.clock import SystemClock
from libs.kit.ids import new_id
from libs.kit.settings import Settings
from libs.read_models.lag import Lag
from libs.service.runtime import Kit, build

Process = Callable[..., tuple[Kit, Lag]]


@pytest.fixture
def settings() -> Settings:
    return Settings(service="probe", topic_prefix=f"{new_id()}.")


@pytest.fixture
async def process(settings: Settings) -> AsyncIterator[Process]:
    """One of the service's processes, which is behind by so many events of each topic."""
    kits: list[Kit] = []

    def start(**lag: int) -> tuple[Kit, Lag]:
        kits.append(build(settings, SystemClock()))
        kits[-1].lag.update(lag)
        return kits[-1], Lag()

    yield start
    for kit in kits:
        await kit.close()


async def share(*processes: tuple[Kit, Lag]) -> list[int | None]:
    """Each has its say; what each knows once all have."""
    for _ in range(2):
        for kit, lag in processes:
            await lag.share(kit)
    return [lag.events(kit) for kit, lag in processes]


async def test_a_process_that_is_alone_tells_its_own(process: Process) -> None:
    kit, lag = process(parties=3, sites=4)
    assert lag.events(kit) is None, "it has not asked yet whether it is alone"
    assert await share((kit, lag)) == [7]
    kit.lag["parties"] = 0
    assert lag.events(kit) == 4, "its own lag is told as it is now"


async def test_several_tell_what_all_have(process: Process) -> None:
    assert await share(*(process(parties=events) for events in (0, 5, 100))) == [105] * 3


async def test_what_one_does_not_know_nobody_knows(process: Process) -> None:
    late = process()
    processes = [process(parties=2), late]
    assert await share(*processes) == [None, None]
    late[0].lag["parties"] = 1
    assert await share(*processes) == [3, 3]


async def test_nobody_knows_what_one_has_left_that_ended_until_others_have_it(
    process: Process, settings: Settings
) -> None:
    with redis.Redis.from_url(os.environ["FILIERA_REDIS"]) as valkey:
        now: Any = valkey.time()

        def spoke(seconds_ago: int) -> None:
            valkey.hset(f"{settings.topic_prefix}probe.lag", "ended", f"9:{now[0] - seconds_ago}")

        here = process(parties=2)
        for seconds_ago, told in ((0, 11), (10, None), (60, 2)):
            spoke(seconds_ago)
            assert await share(here) == [told]


async def test_without_valkey_it_is_not_known(process: Process) -> None:
    kit, lag = process(parties=2)
    assert await share((kit, lag)) == [2]
    away = Cache("redis://127.0.0.1:1/0")
    assert await share((replace(kit, cache=away), lag)) == [None]
    await away.close()
