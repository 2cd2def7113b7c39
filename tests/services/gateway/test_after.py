"""Read-your-writes: a query that sends back what a command gave waits for it, briefly."""

import asyncio
import time

import pytest

from libs.contracts import catalog
from libs.graphql.opaque import after_token
from libs.kit.ids import new_id
from tests.services.gateway import world
from tests.services.gateway.conftest import Tell

NAME = "query($id: ID!) { node(id: $id) { ... on Party { name } } }"


def sees(*events: catalog.Party) -> dict[str, str]:
    return {"Filiera-After": ", ".join(after_token("catalog.party", event.id, event.version) for event in events)}


async def test_a_query_waits_for_what_is_on_its_way(ask: world.Asker, tell: Tell) -> None:
    one = world.party(name="Old")
    await tell(one)
    newer = world.later(one, catalog.PartyRenamed, name="New")
    asked = asyncio.create_task(ask.answer(NAME, sees(newer), id=world.gid("Party", one.id)))
    await asyncio.sleep(0.3)
    assert not asked.done()
    await tell(newer)
    assert await asked == {"data": {"node": {"name": "New"}}}


async def test_news_of_another_process_is_seen_without_a_word(
    ask: world.Asker, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody wakes the query: it looks for itself."""
    from tests.services.gateway.conftest import changes

    async def says_nothing(*_: object) -> None:
        pass

    monkeypatch.setattr(changes, "told_by", says_nothing)
    one = world.party(name="Quiet")
    asked = asyncio.create_task(ask.answer(NAME, sees(one), id=world.gid("Party", one.id)))
    await asyncio.sleep(0.1)
    await tell(one)
    assert await asked == {"data": {"node": {"name": "Quiet"}}}


async def test_what_does_not_come_in_time_is_answered_as_stale(ask: world.Asker, tell: Tell) -> None:
    one = world.party(name="Old")
    await tell(one)
    began = time.monotonic()
    answer = await ask.answer(NAME, sees(world.later(one, catalog.PartyRenamed)), id=world.gid("Party", one.id))
    assert answer == {"data": {"node": {"name": "Old"}}, "extensions": {"stale": True}}
    assert 1.9 < time.monotonic() - began < 5


async def test_a_stranger_learns_nothing_by_waiting_for_an_order(ask: world.Asker, tell: Tell) -> None:
    shop = new_id()
    order = world.order(shop, [world.product(new_id())])
    await tell(order)
    known, unknown = ({"Filiera-After": after_token("orders.order", id_, 1)} for id_ in (order.id, new_id()))
    stranger = ask.as_(new_id())
    assert await stranger.answer("{ __typename }", known) == await stranger.answer("{ __typename }", unknown)
    assert await ask.as_(shop).answer("{ __typename }", known) == {"data": {"__typename": "Query"}}


async def test_a_mutation_does_not_wait(ask: world.Asker) -> None:
    began = time.monotonic()
    mutation = 'mutation { confirmHold(input: {id: "x"}) { __typename } }'
    answer = await ask.as_(new_id()).answer(mutation, sees(world.party()))
    assert answer == {"data": {"confirmHold": {"__typename": "InvalidInput"}}}
    assert time.monotonic() - began < 1.5


@pytest.mark.parametrize("given", ["x", "é", "a:b:c", "Y2F0YWxvZy5wYXJ0eTp4OjE=", ",".join(["YQ=="] * 21)])
async def test_a_token_that_is_none_of_ours_is_refused(ask: world.Asker, given: str) -> None:
    headers = {b"Filiera-After": given.encode(), b"Content-Type": b"application/json"}
    answer = await ask.http.post("/graphql", content=b'{"query": "{ __typename }"}', headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_AFTER")
