"""What web sockets cost: messages, answers and looks are paid, and nobody has too many."""

from contextlib import suppress

import pytest
from websockets.exceptions import ConnectionClosed

from libs.contracts import orders
from libs.graphql_streams import places
from libs.graphql_transports.websocket import LARGEST_FRAME
from libs.kit.ids import new_id
from libs.kit.testing import eventually
from services.gateway.api import subscription
from services.gateway.app import api
from tests.services.gateway import test_budget, world
from tests.services.gateway.conftest import Tell, port_of
from tests.services.gateway.sockets import DAY, ORDER, an_order, following, wire
from tests.services.gateway.streams import events
from tests.services.gateway.test_budget import CHEAP, DEAR, LIMIT

limits, still = test_budget.limits, test_budget.still
OF_ORDER = 21
"""An answer of `ORDER`."""


async def test_each_operation_and_each_message_is_paid(address: str) -> None:
    async with wire(address) as client:
        await client.begin(new_id())
        for number, (query, cost, remaining) in enumerate(
            ((CHEAP, 1, LIMIT - 2), (DEAR, 300, LIMIT - 303), (CHEAP + " " * 10_240, 103, LIMIT - 417))
        ):
            await client.subscribe(query, str(number))
            told = (await client.receive())["payload"]["extensions"]["budget"]
            assert told == {"cost": cost, "remaining": remaining, "limit": LIMIT}
            assert (await client.receive())["type"] == "complete"
        await client.subscribe(DEAR, "4")
        frame = await client.receive()
        assert (frame["type"], frame["id"], frame["payload"][0]["extensions"]["code"]) == ("error", "4", "RATE_LIMITED")


async def test_each_answer_and_each_look_of_a_subscription_is_paid_until_it_ends(address: str, tell: Tell) -> None:
    async with following(address, tell) as (client, order):
        told, version = (await client.receive())["payload"], 1
        remaining = LIMIT
        while "errors" not in told:
            budget = told["extensions"]["budget"]
            assert budget["cost"] > OF_ORDER
            assert budget["remaining"] <= remaining - budget["cost"]
            remaining, version = budget["remaining"], version + 1
            await tell(world.later(order, orders.OrderReserved, version=version))
            told = (await client.receive())["payload"]
        error = told["errors"][0]["extensions"]
        assert (error["code"], error["retryAfter"] > 0, version > 20) == ("RATE_LIMITED", True, True)
        assert (await client.receive())["type"] == "complete"


@pytest.mark.parametrize("size", [1, 20_000])
async def test_whoever_has_no_points_left_may_still_be_there_but_send_nothing_large(address: str, size: int) -> None:
    async with wire(address) as client:
        await client.begin(new_id())
        for _ in range(5):
            await client.send(type="ping", payload={"x": "x" * 122_000})  # 120 points
            assert (await client.receive())["type"] == "pong"
        await client.subscribe(CHEAP + " " * size)
        assert (await client.receive())["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
        await client.send(type="ping")
        assert (await client.receive())["type"] == "pong"
        await client.send(type="ping", payload={"x": "x" * 2_000})
        assert (await client.closed())[0] == 1008


async def test_a_frame_of_many_bytes_is_too_large_however_few_characters_it_has(address: str) -> None:
    async with wire(address) as client:
        await client.begin(new_id())
        await client.send(type="ping", payload={"x": "\N{SPOOL OF THREAD}" * (LARGEST_FRAME // 4)})
        assert (await client.closed())[0] == 4400


@pytest.mark.usefixtures("ask")
async def test_the_server_keeps_no_message_that_is_too_large() -> None:
    """As it is started everywhere: tests/deploy/test_compose.py."""
    async with port_of(api, ws_max_size=LARGEST_FRAME) as where, wire(where) as client:
        await client.begin(new_id())
        await client.send(type="ping", payload={"x": "x" * LARGEST_FRAME})
        assert (await client.closed())[0] == 1009


async def test_an_event_stream_is_paid_like_a_web_socket_and_its_first_answer_tells_the_request_too(
    address: str, tell: Tell
) -> None:
    shop, order, its = await an_order(tell)
    async with events(address, ORDER, shop, variables=its) as stream:
        _, told = await stream.told()
        assert told["extensions"]["budget"] == {"cost": OF_ORDER + 2, "remaining": LIMIT - OF_ORDER - 2, "limit": LIMIT}
        version = 1
        while "errors" not in told:
            version += 1
            await tell(world.later(order, orders.OrderReserved, version=version))
            _, told = await stream.told()
        assert (told["errors"][0]["extensions"]["code"], version > 20) == ("RATE_LIMITED", True)
        assert await stream.told() == ("complete", None)


async def test_nobody_has_more_than_so_many_web_sockets(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "MOST_OPEN", 2)
    full = (1008, "No more than 2 web sockets and event streams at once: close one")
    one, other = new_id(), new_id()
    async with wire(address) as first, wire(address) as third:
        async with wire(address) as unknown:
            assert await unknown.closed() == full
        await first.begin(one)  # from here on it is the party's, and the address has room
        await third.begin(one)
        async with wire(address) as second, wire(address) as another:
            await another.begin(other)
            await second.begin(one)
            assert await second.closed() == full

    async def room_again() -> bool:
        with suppress(ConnectionClosed):
            async with wire(address) as again:
                await again.begin(one)
                await again.subscribe(CHEAP)
                return (await again.receive())["type"] == "next"
        return False

    await eventually(room_again)


async def test_of_many_resources_the_oldest_are_followed(
    address: str, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "MOST_RESOURCES", 2)
    me = new_id()
    await tell(*(world.resource(me, name=name) for name in ("First", "Second", "Third")))
    async with wire(address) as client:
        await client.begin(me, "workshop")
        await client.subscribe(DAY)
        assert [(await client.next("workshopDay"))["resource"]["name"] for _ in range(2)] == ["First", "Second"]
        await tell(world.resource(me, name="Fourth"))
        assert await client.silent(2.5)
