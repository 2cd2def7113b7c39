"""Subscriptions over a real web socket: what is there now, then each change, for those whom it concerns."""

import asyncio
import json
import time
from typing import Any

import pytest

from libs.contracts import Event, capacity, orders
from libs.contracts import capacity_queues as queues
from libs.graphql.changes import Changes
from libs.kit.db import Database
from libs.kit.ids import new_id
from libs.kit.testing import eventually, token
from services.gateway.app import api
from services.gateway.handlers import project
from services.gateway.subscriptions import changes
from tests.services.gateway import world
from tests.services.gateway.conftest import Serve, Tell
from tests.services.gateway.sockets import DAY, OFFER, ORDER, following, placed, wire


async def test_an_order_is_told_as_it_is_and_then_as_it_becomes(address: str, tell: Tell) -> None:
    async with following(address, tell) as (client, order):
        assert (await client.next("order"))["state"] == "PLACED"
        for version, state in enumerate(("RESERVED", "CONFIRMED"), start=2):
            await tell(world.later(order, orders.OrderReserved, version=version, state=orders.OrderState[state]))
            told = await client.next("order", seconds=1)
            assert (told["version"], told["state"]) == (version, state)
        assert await client.silent(2.5)


@pytest.mark.parametrize("end", [orders.OrderRefused, orders.OrderCompleted])
async def test_following_is_complete_with_the_end_of_the_order(
    address: str, tell: Tell, end: type[orders.Order]
) -> None:
    state = orders.OrderState.CONFIRMED if end is orders.OrderCompleted else orders.OrderState.REFUSED
    async with following(address, tell) as (client, order):
        assert (await client.next("order"))["state"] == "PLACED"
        await tell(world.later(order, end, state=state))
        assert (await client.next("order"))["state"] == state.name
        assert await client.receive() == {"type": "complete", "id": "1"}
        await client.subscribe(ORDER, "again", id=world.gid("Order", order.id))
        assert (await client.next("order"))["state"] == state.name
        assert await client.receive() == {"type": "complete", "id": "again"}
    await eventually(lambda: f"orders.order:{order.id}" not in changes._watches)


async def test_a_place_in_line_is_followed_from_the_offer_to_what_becomes_of_it(address: str, tell: Tell) -> None:
    shop, bench = new_id(), world.resource(new_id())
    entry = world.waiting(shop, bench)
    await tell(bench, entry)
    async with wire(address) as client:
        await client.begin(shop)
        await client.subscribe(OFFER, id=world.gid("WaitlistEntry", entry.id))
        assert await client.next("waitlistOffer") == {"state": "WAITING", "holdId": None, "expiresAt": None}
        offered = world.offered(entry, bench)
        await tell(offered)
        told = {"state": "OFFERED", "holdId": world.gid("Hold", entry.id), "expiresAt": "2031-02-02T00:00:00+00:00"}
        assert await client.next("waitlistOffer", seconds=1) == told
        assert await client.silent(2.5)
        missed = world.later(offered, queues.WaitlistMissed, version=3, state=queues.WaitlistState.MISSED)
        await tell(missed)
        assert (await client.next("waitlistOffer", seconds=1))["state"] == "MISSED"
        assert await client.receive() == {"type": "complete", "id": "1"}


async def test_an_old_event_told_again_is_not_news(address: str, tell: Tell) -> None:
    shop = new_id()
    order = placed(shop)
    await tell(world.later(order, orders.OrderReserved), order)
    async with wire(address) as client:
        await client.begin(shop)
        await client.subscribe(ORDER, id=world.gid("Order", order.id))
        assert (await client.next("order"))["version"] == 2
        await tell(order)
        assert await client.silent(1)


async def test_an_order_on_its_way_is_waited_for(address: str, tell: Tell) -> None:
    shop = new_id()
    order = placed(shop)
    async with wire(address) as client:
        await client.begin(shop)
        await client.subscribe(ORDER, id=world.gid("Order", order.id))
        await asyncio.sleep(0.3)
        await tell(order)
        assert (await client.next("order", seconds=1))["version"] == 1


async def test_following_ends_when_the_order_concerns_a_workshop_no_more(address: str, tell: Tell) -> None:
    shop, bench = new_id(), world.resource(new_id())
    placed = world.order(shop, [world.product(new_id())], [bench])
    await tell(placed)
    async with wire(address) as buyer, wire(address) as workshop:
        for client, party in ((buyer, shop), (workshop, bench.party_id)):
            await client.begin(party)
            await client.subscribe(ORDER, id=world.gid("Order", placed.id))
            assert (await client.next("order"))["version"] == 1
        await tell(world.later(placed, orders.OrderCancelled, state=orders.OrderState.CANCELLED, allocations=[]))
        assert (await buyer.next("order"))["state"] == "CANCELLED"
        assert (await workshop.receive()) == {"type": "complete", "id": "1"}
    await eventually(lambda: f"orders.order:{placed.id}" not in changes._watches)


@pytest.mark.parametrize("who", ["a stranger", "nobody"])
@pytest.mark.parametrize(("query", "name"), [(ORDER, "Order"), (OFFER, "WaitlistEntry")])
async def test_what_is_not_theirs_does_not_exist_for_others(
    address: str, tell: Tell, who: str, query: str, name: str
) -> None:
    theirs = placed(new_id()) if name == "Order" else world.waiting(new_id())
    await tell(theirs)
    async with wire(address) as client:
        await client.begin(new_id() if who == "a stranger" else None)
        answers = []
        for number, id_ in (("1", theirs.id), ("2", new_id())):
            await client.subscribe(query, number, id=world.gid(name, id_))
            answer = (await client.receive())["payload"]
            del answer["extensions"]  # what it cost, and what is left: the second answer leaves less
            answers.append(answer)
            assert (await client.receive())["type"] == "complete"
        assert answers[0] == answers[1]
        assert answers[0]["errors"][0]["extensions"] == {"code": "NOT_FOUND"}


async def test_a_workshops_day_is_told_resource_by_resource_and_then_as_it_changes(address: str, tell: Tell) -> None:
    me = new_id()
    bench, press = world.resource(me, name="Bench"), world.resource(me, name="Press")
    bucket = world.bucket(bench)
    await tell(bench, press, bucket, world.resource(new_id(), name="Not mine"))
    async with wire(address) as client:
        await client.begin(me, "workshop")
        await client.subscribe(DAY)
        first = [await client.next("workshopDay") for _ in range(2)]
        assert {one["resource"]["name"]: (one["published"], one["available"], one["held"]) for one in first} == {
            "Bench": (480, 300, 60),
            "Press": (480, 480, 0),
        }
        await tell(world.later(bucket, capacity.BucketChanged, held=0))
        changed = {"published": 480, "available": 360, "held": 0, "resource": {"name": "Bench"}}
        assert await client.next("workshopDay", seconds=1) == changed
        await tell(world.bucket(press, held=30, committed=0, blocked=0))
        assert (await client.next("workshopDay", seconds=1))["available"] == 450


async def test_a_day_needs_a_token(address: str) -> None:
    async with wire(address) as client:
        await client.begin()
        await client.subscribe(DAY)
        frame = await client.receive()
        assert frame["type"] == "error"
        assert frame["payload"][0]["extensions"] == {"code": "UNAUTHENTICATED"}


async def test_news_from_another_process_comes_through_valkey(
    serve: Serve, db: Database, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events projected elsewhere: this process hears of them by Valkey alone, well before it looks by itself."""
    monkeypatch.setattr("libs.graphql.changes.LOOK_AGAIN", 60.0)
    where = (await serve("gateway")).removeprefix("http://")
    async with following(where, tell) as (client, order):
        await client.next("order")
        await tell_elsewhere(db, world.later(order, orders.OrderReserved))
        assert (await client.next("order", seconds=3))["version"] == 2


async def tell_elsewhere(db: Database, event: Event) -> None:
    other = Changes()
    async with db.work() as session:
        await project(session, [event], other)
    await other.announce(api.state.kit)


async def test_without_a_word_from_anybody_a_change_is_still_told(
    address: str, db: Database, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Valkey is away and the event was projected elsewhere: the subscription looks by itself."""
    async with following(address, tell) as (client, order):
        await client.next("order")
        async with db.work() as session:
            await project(session, [world.later(order, orders.OrderReserved)], Changes())
        assert (await client.next("order", seconds=4))["version"] == 2


async def test_without_valkey_everything_is_told_all_the_same(
    serve: Serve, tell: Tell, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("FILIERA_REDIS", "redis://127.0.0.1:1/0")
    async with following((await serve("gateway")).removeprefix("http://"), tell) as (client, order):
        await client.next("order")
        await tell(world.later(order, orders.OrderReserved))
        assert (await client.next("order", seconds=4))["version"] == 2
    assert "job failed" not in caplog.text


async def test_a_change_between_two_looks_is_not_lost(address: str, tell: Tell) -> None:
    """Thirty changes as fast as they can be written: the last state is told, whatever was skipped."""
    async with following(address, tell) as (client, order):
        for version in range(2, 32):
            await tell(world.later(order, orders.OrderReserved, version=version))
        versions = [0]
        while versions[-1] < 31:
            versions.append((await client.next("order", seconds=1.5))["version"])
        assert versions == sorted(set(versions))


async def test_what_was_followed_is_let_go(address: str, tell: Tell) -> None:
    async with following(address, tell) as (client, order):
        key = f"orders.order:{order.id}"
        await client.next("order")
        assert key in changes._watches
        await client.send(type="complete", id="1")
        await eventually(lambda: key not in changes._watches)
        await client.subscribe(ORDER, id=world.gid("Order", order.id))
        await client.next("order")
    await eventually(lambda: key not in changes._watches)


async def test_a_token_that_is_not_valid_closes_the_socket(address: str) -> None:
    for given in ("Bearer x", "", 7, f"Bearer {token(new_id(), 'brand', exp=1)}"):
        async with wire(address) as client:
            await client.send(type="connection_init", payload={"authorization": given})
            assert await client.closed() == (4403, "Forbidden")


async def test_a_token_that_ends_closes_the_socket(address: str, tell: Tell) -> None:
    shop = new_id()
    order = placed(shop)
    await tell(order)
    async with wire(address) as client:
        await client.begin(shop, exp=int(time.time()) - 3)  # of the leeway of 5 s, some 2 s are left
        await client.subscribe(ORDER, id=world.gid("Order", order.id))
        await client.next("order")
        assert await client.closed() == (4403, "The token has ended: get a new one")
    await eventually(lambda: f"orders.order:{order.id}" not in changes._watches)


async def test_the_legacy_protocol_is_refused(address: str) -> None:
    for protocol in ("graphql-ws", "something-else"):
        async with wire(address, protocol) as client:
            assert await client.closed() == (4406, "Subprotocol not acceptable")


@pytest.mark.parametrize("frame", ["null", "[]", "7", '"connection_init"', "{}", "no json"])
async def test_what_is_no_message_closes_the_socket_as_the_protocol_says(address: str, frame: str) -> None:
    async with wire(address) as client:
        await client.socket.send(frame)
        assert (await client.closed())[0] == 4400


@pytest.mark.parametrize("wrong", [{"id": ""}, {"payload": {}}, {"payload": {"query": 1}}, {"payload": None}])
async def test_a_request_that_is_none_closes_the_socket(address: str, wrong: dict[str, Any]) -> None:
    async with wire(address) as client:
        await client.begin()
        request = {"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }"}} | wrong
        await client.socket.send(json.dumps(request))
        assert (await client.closed())[0] == 4400


async def test_a_document_that_is_none_is_an_error_and_the_socket_stays(address: str) -> None:
    async with wire(address) as client:
        await client.begin()
        await client.subscribe("{")
        frame = await client.receive()
        assert (frame["type"], frame["payload"][0]["message"][:12]) == ("error", "Syntax Error")
        await client.subscribe("{ __typename }")
        assert (await client.receive())["type"] == "next"


async def test_of_several_operations_one_must_be_named(address: str) -> None:
    async with wire(address) as client:
        await client.begin()
        for name in ("c", None):
            several = {"query": "query a { __typename } query b { __typename }", "operationName": name}
            await client.send(type="subscribe", id="1", payload=several)
            frame = await client.receive()
            assert (frame["type"], frame["payload"][0]["message"][:17]) == ("error", "Name an operation")


async def test_asking_before_saying_who_one_is_closes_the_socket(address: str) -> None:
    async with wire(address) as client:
        await client.subscribe("{ __typename }")
        assert await client.closed() == (4401, "Unauthorized")


async def test_queries_and_commands_run_over_the_socket_too(address: str) -> None:
    async with wire(address) as client:
        await client.begin(new_id(), "brand")
        await client.subscribe("{ viewer { role } }")
        assert await client.next("viewer") == {"role": "BRAND"}
        assert (await client.receive())["type"] == "complete"
        await client.subscribe('mutation { confirmHold(input: {id: "x"}) { __typename } }')
        assert await client.next("confirmHold") == {"__typename": "InvalidInput"}


async def test_a_document_that_asks_for_too_much_is_refused_over_the_socket_too(address: str) -> None:
    async with wire(address) as client:
        await client.begin()
        await client.subscribe("{ a " * 20 + "}" * 20)
        frame = await client.receive()
        assert (frame["type"], frame["payload"][0]["extensions"]) == ("error", {"code": "TOO_MUCH"})


async def test_a_fault_of_ours_is_masked_over_the_socket_too(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("SELECT secret FROM somewhere")

    monkeypatch.setattr("services.gateway.store.by_ids", broken)
    async with wire(address) as client:
        await client.begin(new_id())
        await client.subscribe(ORDER, id=world.gid("Order", new_id()))
        frame = await client.receive()
        assert "secret" not in str(frame)
        assert frame["payload"]["errors"][0]["extensions"] == {"code": "INTERNAL"}
