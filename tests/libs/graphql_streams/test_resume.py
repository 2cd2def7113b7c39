"""Whoever goes on from an event is told all that differs from what it has, whatever was lost; and no more than that."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from libs.graphql_streams.resume import Told
from libs.kit.cache import Cache
from libs.kit.clock import SystemClock
from libs.kit.ids import new_id
from libs.kit.settings import Settings
from libs.service.runtime import Kit, build

QUERY = "subscription { workshopDay { day } }"


class Flaky(Cache):
    """Valkey, which may be away, or do what it is told and lose its answer."""

    trouble = ""

    async def run(self, *given: Any) -> list[Any]:
        if self.trouble == "away":
            raise TimeoutError
        answer = await super().run(*given)
        if self.trouble == "lost":
            raise TimeoutError
        return answer


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Valkey is away when a test says so, not when the machine has much else to do."""
    monkeypatch.setattr("libs.kit.cache._QUICK", 10.0)


@asynccontextmanager
async def process() -> AsyncIterator[tuple[Kit, Flaky]]:
    """What one gateway process has, and its way to Valkey."""
    kit = build(Settings(service="probe"), SystemClock())
    cache = Flaky(kit.settings.redis)
    yield replace(kit, cache=cache), cache
    await cache.close()
    await kit.close()


@pytest.fixture
async def kit() -> AsyncIterator[Kit]:
    async with process() as (made, _):
        yield made


async def test_what_was_told_until_an_event_is_known_to_another_process(kit: Kit) -> None:
    party = new_id()
    told = Told(kit, party, QUERY)
    ids = [await told.tell(name, one) for name, one in (("bench", "a"), ("press", "b"), ("bench", "c"))]
    async with process() as (other, _):
        assert await Told(other, party, QUERY).until(ids[2]) == {"bench": "c", "press": "b"}
        assert await Told(other, party, QUERY).until(ids[1]) == {"press": "b"}
        assert await Told(other, party, QUERY).until(ids[0]) == {}


async def test_who_has_gone_on_may_go_on_again(kit: Kit) -> None:
    first = Told(kit, QUERY)
    event = await first.tell("bench", "a")
    second, twin = Told(kit, QUERY), Told(kit, QUERY)
    for one in (second, twin):
        await one.until(event)
    its, the_twins = await second.tell("press", "b"), await twin.tell("press", "other")
    assert await Told(kit, QUERY).until(its) == {"bench": "a", "press": "b"}
    assert await Told(kit, QUERY).until(the_twins) == {"bench": "a", "press": "other"}


async def test_an_event_means_nothing_to_anybody_else_nor_about_anything_else(kit: Kit) -> None:
    party = new_id()
    event = await Told(kit, party, QUERY, {"day": 1}).tell("bench", "a")
    for asked in ((new_id(), QUERY, {"day": 1}), (party, QUERY, {"day": 2}), (party, QUERY + " ", {"day": 1}), ()):
        assert await Told(kit, *asked).until(event) == {}


@pytest.mark.parametrize(
    "event", [None, "", ".", "x", "x.", ".1", "x.-1", "x.1.2", "x.²", "é.1", "x" * 1000 + ".1", "\0.1"]
)
async def test_what_is_no_event_of_ours_is_one_of_which_nothing_is_known(kit: Kit, event: str | None) -> None:
    assert await Told(kit, QUERY).until(event) == {}


async def test_it_is_kept_for_ten_minutes_and_again_while_the_subscription_goes_on(kit: Kit) -> None:
    class Later(SystemClock):
        ahead = 0.0

        def monotonic(self) -> float:
            return self.ahead

    clock = Later()
    told = Told(replace(kit, clock=clock), QUERY)
    await told.tell("bench", "a")

    async def left() -> int:
        [seconds] = await kit.cache.run("return {redis.call('TTL', KEYS[1])}", told._key(told._stream))
        return int(seconds)

    assert 590 < await left() <= 600
    await kit.cache.run("return {redis.call('EXPIRE', KEYS[1], 100)}", told._key(told._stream))
    for clock.ahead, least in ((59.0, 0), (61.0, 590)):
        await told.keep()
        assert await left() > least
        assert least or await left() <= 100


STEPS = st.lists(
    st.tuples(
        st.sampled_from("xy"),
        st.sampled_from("ab"),
        st.sampled_from(["", "away", "lost"]),
        st.sampled_from(["arrives", "is lost", "goes on first"]),
    ),
    max_size=12,
)
"""Changes: of which item, to what, with which trouble at Valkey, and what becomes of the client then."""


class Client:
    """A client, and the process that it is connected to: each change is told at once, if the connection holds."""

    def __init__(self, kit: Kit) -> None:
        self._kit, self._told = kit, Told(kit, QUERY)
        self._seen: dict[str, str] = {}
        self.world: dict[str, str] = {}
        self.has: dict[str, str] = {}
        self.last: str | None = None
        self.needless = 0
        """Times that it was told what it has."""
        self.lost = False
        """Whether what is told does not arrive any more."""
        self._changed: set[str] = set()
        """What changed since then, perhaps back."""

    async def change(self, name: str, value: str) -> None:
        self.world[name] = value
        await self._tell()

    async def _tell(self) -> None:
        for name, value in self.world.items():
            if self._seen.get(name) == value:
                continue
            event = await self._told.tell(name, value)
            self._seen[name] = value
            if self.lost:
                self._changed.add(name)
            else:
                self.needless += self.has.get(name) == value and name not in self._changed
                self.has[name], self.last = value, event

    async def go_on(self) -> None:
        self._told, self.lost = Told(self._kit, QUERY), False
        self._seen = await self._told.until(self.last)
        await self._tell()
        self._changed.clear()


@settings(max_examples=200, deadline=None)
@given(STEPS)
@example([("x", "a", "", "arrives"), ("x", "b", "away", "arrives"), ("x", "a", "away", "is lost")])
@example([("x", "a", "", "arrives"), ("x", "b", "lost", "arrives"), ("x", "a", "lost", "is lost")])
def test_whatever_is_lost_the_client_has_what_there_is_after_it_has_gone_on(steps: list[tuple[str, ...]]) -> None:
    async def run() -> None:
        async with process() as (kit, valkey):
            client = Client(kit)
            for name, value, valkey.trouble, what in steps:
                if what == "goes on first":
                    await client.go_on()
                client.lost |= what == "is lost"
                await client.change(name, value)
            valkey.trouble = ""
            await client.go_on()
            assert client.has == client.world
            assert not client.needless or any(trouble for _, _, trouble, _ in steps)

    asyncio.run(run())
