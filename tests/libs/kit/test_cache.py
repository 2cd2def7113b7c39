"""Valkey may be away at any time: whoever listens waits, and hears again once it is there."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from libs.kit.cache import Cache
from libs.kit.ids import new_id
from libs.kit.settings import Settings
from libs.kit.testing import eventually


@pytest.fixture
def channel() -> str:
    return f"test.{new_id()}"


@pytest.fixture
async def cache() -> AsyncIterator[Cache]:
    made = Cache(Settings(service="probe").redis)
    yield made
    await made.close()


@pytest.fixture
async def away(tmp_path: Path) -> AsyncIterator[Cache]:
    """A cache whose Valkey is not at its socket."""
    made = Cache(f"unix://{tmp_path}/valkey.sock")
    yield made
    await made.close()


async def test_a_message_is_heard(cache: Cache, channel: str) -> None:
    async with cache.listen(channel) as listener:
        await cache.publish(channel, "news")
        assert await listener.wait(2) == "news"
        assert await listener.wait(0.1) is None


async def test_without_valkey_waiting_takes_as_long_and_brings_nothing(away: Cache, channel: str) -> None:
    async with away.listen(channel) as listener:
        for _ in range(3):
            began = time.monotonic()
            assert await listener.wait(0.3) is None
            assert 0.25 < time.monotonic() - began < 1


async def test_whoever_listens_before_valkey_is_there_hears_once_it_is(
    away: Cache, cache: Cache, channel: str, tmp_path: Path
) -> None:
    real = Settings(service="probe").redis
    if not real.startswith("unix://"):
        pytest.skip("needs a Valkey with a socket")
    async with away.listen(channel) as listener:
        assert await listener.wait(0.1) is None
        (tmp_path / "valkey.sock").symlink_to(real.removeprefix("unix://"))

        async def heard() -> bool:
            await cache.publish(channel, "news")
            return await listener.wait(0.2) == "news"

        assert await eventually(heard)


async def test_what_needs_valkey_says_so_when_it_is_away(away: Cache, channel: str) -> None:
    await away.publish(channel, "nobody hears this, and nobody minds")


async def test_whoever_is_told_to_end_while_a_script_runs_ends(cache: Cache, channel: str) -> None:
    """At whichever step: `asyncio.wait_for` of Python 3.11 loses one that comes as what it waits for ends."""
    for steps in range(40):
        running = asyncio.create_task(cache.run("return {1}", channel))
        for _ in range(steps):
            await asyncio.sleep(0)
        if running.cancel():
            with pytest.raises(asyncio.CancelledError):
                await running
