"""Operations as server-sent events over real HTTP, as the protocol of graphql-sse has them on connections of their own:
https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md."""

import asyncio
import time
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY

from libs.contracts import catalog, orders
from libs.graphql.opaque import after_token
from libs.graphql_streams import events as told_as
from libs.graphql_streams import places
from libs.kit.ids import new_id
from libs.kit.testing import eventually
from services.gateway.app import api
from services.gateway.subscriptions import changes
from tests.services.gateway import world
from tests.services.gateway.conftest import Tell, port_of
from tests.services.gateway.sockets import DAY, ORDER, an_order, wire
from tests.services.gateway.streams import EVENTS, events

KIND = "{ __typename }"
CONFIRM = 'mutation { confirmHold(input: {id: "x"}) { __typename } }'


async def post(address: str, body: Any, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(timeout=10, trust_env=False) as http:
        return await http.post(f"http://{address}/graphql", json=body, headers={"accept": EVENTS} | headers)


def let_go(order: orders.OrderPlaced) -> bool:
    return f"orders.order:{order.id}" not in changes._watches


async def test_an_answer_is_one_event_and_then_it_is_complete(address: str) -> None:
    answer = await post(address, {"query": KIND})
    told = answer.content.replace(b":\n\n", b"", 1)
    before, _, after = told.partition(b',"extensions":{"budget":{')
    assert before == b'event: next\ndata: {"data":{"__typename":"Query"}'
    assert after.partition(b"}}")[2] == b"\n\nevent: complete\ndata: \n\n"
    assert answer.headers["content-type"].partition(";")[0] == EVENTS
    assert answer.headers["cache-control"] == "no-store"


async def test_an_order_is_told_as_it_is_and_then_as_it_becomes(
    address: str, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(told_as, "KEEP_ALIVE", 0.2)
    shop, order, its = await an_order(tell)
    async with events(address, ORDER, shop, variables=its) as stream:
        assert (await stream.next("order"))["state"] == "PLACED"
        assert [await stream.event() for _ in range(3)] == [{"": ""}] * 3
        for version, state in enumerate(("RESERVED", "CONFIRMED"), start=2):
            await tell(world.later(order, orders.OrderReserved, version=version, state=orders.OrderState[state]))
            told = await stream.next("order", seconds=1)
            assert (told["version"], told["state"]) == (version, state)


async def test_it_is_complete_when_it_may_be_seen_no_more(address: str, tell: Tell) -> None:
    bench = world.resource(new_id())
    order = world.order(new_id(), [world.product(new_id())], [bench])
    await tell(order)
    async with events(address, ORDER, bench.party_id, variables={"id": world.gid("Order", order.id)}) as stream:
        await stream.next("order")
        await tell(world.later(order, orders.OrderCancelled, state=orders.OrderState.CANCELLED, allocations=[]))
        assert await stream.told() == ("complete", None)
        assert await stream.told() == ("the end of the answer", None)


async def test_a_browser_asks_by_its_address_for_what_is_public(address: str, tell: Tell) -> None:
    """An `EventSource` sends no token and no body."""
    one = world.party(name="Sartoria")
    await tell(one)
    asked, its = "query($id: ID!) { node(id: $id) { ... on Party { name } } }", {"id": world.gid("Party", one.id)}
    async with events(address, asked, method="GET", variables=its) as stream:
        assert await stream.next("node") == {"name": "Sartoria"}
    async with events(address, DAY, method="GET") as stream:
        assert (await stream.error())["code"] == "UNAUTHENTICATED"


async def test_what_is_refused_before_it_runs_is_told_as_an_event(address: str) -> None:
    """Browsers tell nothing of an answer that is no stream: PROTOCOL.md, "Distinct connections mode"."""
    for asked, code in (
        ({"query": "{ a " * 20 + "}" * 20}, "TOO_MUCH"),
        ({"documentId": "sha256:" + "0" * 64}, "DOCUMENT_NOT_FOUND"),
        ({"query": KIND, "variables": {"x": "x" * 140_000}}, "TOO_LARGE"),
    ):
        answer = await post(address, asked)
        assert (answer.status_code, code in answer.text) == (200, True)
        assert answer.text.endswith("event: complete\ndata: \n\n")
    for name in ("c", None):
        several = {"query": "query a { __typename } query b { __typename }", "operationName": name}
        assert "Name an operation" in (await post(address, several)).text
    async with events(address, "{ nothing }") as stream:
        assert (await stream.told())[1]["errors"][0]["message"] == "Cannot query field 'nothing' on type 'Query'."
    async with events(address, CONFIRM, new_id(), method="GET") as stream:
        assert (await stream.error())["code"] == "ONLY_READS"


async def test_what_is_no_request_is_a_problem(address: str) -> None:
    for body, headers, status, code in (
        ({}, {}, 400, "NOT_JSON"),
        ({"query": KIND}, {"authorization": "Bearer x"}, 401, "UNAUTHENTICATED"),
        ({"query": KIND}, {"content-type": "text/plain"}, 400, "NOT_JSON"),
    ):
        answer = await post(address, body, **headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_commands_run_as_well(address: str) -> None:
    async with events(address, CONFIRM, new_id()) as stream:
        assert await stream.next("confirmHold") == {"__typename": "InvalidInput"}
        assert await stream.told() == ("complete", None)


async def test_a_query_waits_for_what_is_on_its_way(address: str, tell: Tell) -> None:
    one = world.party(name="Old")
    await tell(one)
    after = after_token("catalog.party", one.id, 2)
    body = {"query": "query($id: ID!) { node(id: $id) { id } }", "variables": {"id": world.gid("Party", one.id)}}
    asked = asyncio.create_task(post(address, body, **{"filiera-after": after}))
    await asyncio.sleep(0.3)
    assert not asked.done()
    await tell(world.later(one, catalog.PartyRenamed, name="New"))
    assert "stale" not in (await asked).text
    late = await post(address, body, **{"filiera-after": after_token("catalog.party", one.id, 9)})
    assert '"stale":true' in late.text


async def test_a_fault_of_ours_is_masked(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("SELECT secret FROM somewhere")

    monkeypatch.setattr("services.gateway.store.by_ids", broken)
    async with events(address, ORDER, new_id(), variables={"id": world.gid("Order", new_id())}) as stream:
        _, told = await stream.told()
        assert "secret" not in str(told)
        assert told["errors"][0]["extensions"] == {"code": "INTERNAL"}


async def test_it_ends_with_the_token_and_says_so(address: str, tell: Tell) -> None:
    shop, order, its = await an_order(tell)
    claims = {"exp": int(time.time()) - 3}  # of the leeway of 5 s, some 2 s are left
    async with events(address, ORDER, shop, variables=its, claims=claims) as stream:
        await stream.next("order")
        assert await stream.error() == {"message": "The token has ended: get a new one", "code": "UNAUTHENTICATED"}
    assert let_go(order)


async def test_a_server_that_stops_leaves_it_incomplete_and_the_client_goes_on_elsewhere(
    ask: world.Asker, address: str, tell: Tell, caplog: pytest.LogCaptureFixture
) -> None:
    shop, order, its = await an_order(tell)
    stopping = port_of(api, timeout_graceful_shutdown=1)
    async with events(await stopping.__aenter__(), ORDER, shop, variables=its) as stream:
        last = (await stream.event_named("next"))["id"]
        await stopping.__aexit__(None, None, None)
        assert await stream.told() == ("the end of the answer", None)
    assert "Exception in ASGI application" not in caplog.text
    await tell(world.later(order, orders.OrderReserved))
    async with events(address, ORDER, shop, variables=its, last=last) as stream:
        assert (await stream.next("order"))["version"] == 2


async def test_how_long_somebody_listens_is_not_how_long_a_request_took(address: str) -> None:
    def timed() -> float:
        return REGISTRY.get_sample_value("filiera_request_seconds_count", {"method": "POST", "route": "/graphql"}) or 0

    before = timed()
    await post(address, {"query": KIND})
    assert timed() == before
    await post(address, {"query": KIND}, accept="application/json")
    assert timed() == before + 1


async def test_whoever_goes_leaves_nothing_behind(address: str, tell: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "MOST_OPEN", 1)
    shop, order, its = await an_order(tell)
    for _ in range(3):
        async with events(address, ORDER, shop, variables=its) as stream:
            await stream.next("order")
            assert not let_go(order)
        await eventually(lambda: let_go(order))


async def test_streams_and_web_sockets_of_a_payer_are_counted_together(
    address: str, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "MOST_OPEN", 2)
    shop, _, its = await an_order(tell)
    full = "No more than 2 web sockets and event streams at once: close one"
    async with events(address, ORDER, shop, variables=its) as stream, wire(address) as socket:
        await stream.next("order")
        await socket.begin(shop)
        async with events(address, KIND, shop) as third:
            assert await third.error() == {"message": full, "code": "TOO_MANY_OPEN"}
        async with wire(address) as fourth:
            await fourth.begin(shop)
            assert await fourth.closed() == (1008, full)
        async with events(address, KIND, new_id()) as other:
            await other.next("__typename")
