"""Whoever does not read is told no more, and why, by event stream and by web socket."""

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from libs.contracts import orders
from libs.graphql_streams import places
from libs.kit.ids import new_id
from libs.kit.metrics import REFUSALS
from libs.kit.testing import eventually, token
from services.gateway.subscriptions import changes
from tests.services.gateway import world
from tests.services.gateway.conftest import Tell
from tests.services.gateway.sockets import wire
from tests.services.gateway.streams import events

KIND = "{ __typename }"
LINES = " ".join(f"a{number}: lines {{ product {{ description }} }}" for number in range(40))
LARGE = f"subscription($id: ID!) {{ order(id: $id) {{ version {LINES} }} }}"
"""Some 6 MB an answer: what the kernels keep of a connection is full soon."""


class Slow:
    """A shop, and an order of its own that is large and changes often."""

    def __init__(self, tell: Tell) -> None:
        self.shop, self._tell = new_id(), tell
        product = world.product(new_id(), description="x" * 150_000)
        self.order = world.order(self.shop, [product])
        self.told: tuple[Any, ...] = (product, self.order)
        self.its = {"id": world.gid("Order", self.order.id)}

    def followed(self) -> bool:
        return f"orders.order:{self.order.id}" in changes._watches

    async def changes_until_it_is_dropped(self, address: str) -> None:
        """Change the order until nobody follows it here, though its place is still taken."""
        await eventually(self.followed)
        refused = REFUSALS.labels("TOO_SLOW")._value.get()
        versions = itertools.count(2)
        await eventually(lambda: self._changed_and_dropped(next(versions)), 30)
        assert REFUSALS.labels("TOO_SLOW")._value.get() > refused
        async with events(address, KIND, self.shop) as another:
            assert (await another.error())["code"] == "TOO_MANY_OPEN"

    async def _changed_and_dropped(self, version: int) -> bool:
        # As often as it takes: changes that come while an answer is made are told as one.
        await self._tell(world.later(self.order, orders.OrderReserved, version=version))
        await asyncio.sleep(0.2)
        return not self.followed()

    async def has_room_again(self, address: str) -> bool:
        async with events(address, KIND, self.shop) as another:
            return "errors" not in (await another.told())[1]


@pytest.fixture
async def slow(tell: Tell, monkeypatch: pytest.MonkeyPatch) -> Slow:
    monkeypatch.setattr(places, "PATIENCE", 0.5)
    monkeypatch.setattr(places, "MOST_OPEN", 1)
    slow = Slow(tell)
    await tell(*slow.told)
    return slow


def small_ear(address: str) -> socket.socket:
    """A connection whose kernel keeps little that is not read."""
    host, _, port = address.partition(":")
    ear = socket.socket()
    ear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    ear.connect((host, int(port)))
    ear.setblocking(False)
    return ear


@asynccontextmanager
async def asked(address: str, slow: Slow) -> AsyncIterator[asyncio.StreamReader]:
    """The bytes of an answer that nobody reads yet."""
    body = msgspec.json.encode({"query": LARGE, "variables": slow.its})
    lines = (
        "POST /graphql HTTP/1.1",
        "Host: gateway",
        "Connection: close",
        "Accept: text/event-stream",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        f"Authorization: Bearer {token(slow.shop, 'retailer')}",
    )
    reader, writer = await asyncio.open_connection(sock=small_ear(address), limit=1_024)
    writer.write("\r\n".join((*lines, "", "")).encode() + body)
    try:
        yield reader
    finally:
        writer.close()


async def test_an_event_stream_that_is_not_read_ends_and_says_why_to_whoever_reads_on(address: str, slow: Slow) -> None:
    async with asked(address, slow) as answer:
        await slow.changes_until_it_is_dropped(address)
        async with asyncio.timeout(20):
            told = await answer.read()
    last = told.rpartition(b"event: next\ndata: ")[2]
    assert last.startswith(b'{"errors":[{"message":"Nothing was read for 10 s: ask again, and read on","extensions"')
    assert b'{"code":"TOO_SLOW"}}]}\n\nevent: complete\ndata: \n\n' in last
    assert told.count(b"event: next\n") == 2  # what changed meanwhile was kept for nobody
    await eventually(lambda: slow.has_room_again(address))


async def test_an_event_stream_that_is_never_read_is_over_when_the_client_goes(address: str, slow: Slow) -> None:
    async with asked(address, slow):
        await slow.changes_until_it_is_dropped(address)
    await eventually(lambda: slow.has_room_again(address))


async def test_a_web_socket_that_is_not_read_is_closed_with_the_reason(address: str, slow: Slow) -> None:
    ear = small_ear(address)
    async with wire(address, sock=ear, compression=None, max_size=None, max_queue=1) as client:
        await client.begin(slow.shop)
        await client.subscribe(LARGE, **slow.its)
        await slow.changes_until_it_is_dropped(address)
        assert await client.closed() == (1013, "Nothing was read for 10 s: ask again, and read on")
    await eventually(lambda: slow.has_room_again(address))


async def test_a_web_socket_that_is_never_read_is_over_when_the_client_goes(
    address: str, slow: Slow, caplog: pytest.LogCaptureFixture
) -> None:
    ear = small_ear(address)
    async with wire(address, sock=ear, compression=None, max_size=None, max_queue=1) as client:
        await client.begin(slow.shop)
        await client.subscribe(LARGE, **slow.its)
        await slow.changes_until_it_is_dropped(address)
        client.socket.transport.abort()
    await eventually(lambda: slow.has_room_again(address))
    assert not [one for one in caplog.records if one.levelname == "ERROR"]
