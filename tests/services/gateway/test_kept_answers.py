"""Answers to whoever has no token are kept until something in them changes; browsers may keep them, and ask."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date
from typing import Any

import httpx
import msgspec
import pytest
from redis.asyncio import Redis
from sqlalchemy import text

from libs.contracts import capacity, catalog
from libs.graphql.changes import Changes
from libs.graphql.opaque import after_token
from libs.graphql_cache.answers import ANSWERS, Answers
from libs.graphql_limits.rules import Rules, allowed
from libs.graphql_transports.http import endpoint, running
from libs.kit.clock import SystemClock
from libs.kit.db import Database
from libs.kit.ids import new_id
from libs.kit.testing import eventually, token
from libs.service.app import service
from libs.service.runtime import build
from services.gateway import store
from services.gateway.api.context import Context
from services.gateway.api.schema import schema
from services.gateway.app import api
from services.gateway.subscriptions import changes
from tests.services.gateway import world
from tests.services.gateway.conftest import Tell
from tests.services.gateway.kept import LEASE, ended

NODE = "query($id: ID!) { node(id: $id) { __typename id ... on Party { name } } }"
NEW = "application/graphql-response+json"


@pytest.fixture(autouse=True)
async def at_work(ask: world.Asker, db: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Answers are kept, as they are where the gateway's jobs run, in an epoch of the test's own."""
    async with db.work() as session:
        await session.execute(text("UPDATE answers SET epoch = NULL, until = 'epoch'"))
    answers = Answers(lease=LEASE, rest=0.2)
    monkeypatch.setattr(changes, "answers", answers)
    task = asyncio.create_task(answers.keep(api.state.kit))
    await eventually(lambda: answers.look("whether any are kept"))
    yield
    await ended(task)


def kept() -> float:
    return ANSWERS.labels("kept")._value.get()


async def again(ask: Callable[[], Awaitable[Any]]) -> Any:
    """Ask until the answer is a kept one, which is what was made."""
    made = await ask()
    async with asyncio.timeout(10):
        while True:
            before, found = kept(), await ask()
            assert found == made
            if kept() > before:
                return found


async def test_an_answer_is_kept_until_something_in_it_changes(ask: world.Asker, tell: Tell) -> None:
    workshop = world.party()
    await tell(workshop)
    found = await again(lambda: ask.data(NODE, id=world.gid("Party", workshop.id)))
    assert found["node"]["name"] == workshop.name
    await tell(world.later(workshop, catalog.PartyRenamed, name="Another"))
    found = await again(lambda: ask.data(NODE, id=world.gid("Party", workshop.id)))
    assert found["node"]["name"] == "Another"


async def test_what_does_not_concern_it_leaves_it(ask: world.Asker, tell: Tell) -> None:
    workshop = world.party()
    await tell(workshop)
    await again(lambda: ask.data(NODE, id=world.gid("Party", workshop.id)))
    await tell(world.party(), world.site(workshop.id))
    before = kept()
    await ask.data(NODE, id=world.gid("Party", workshop.id))
    assert kept() == before + 1


async def test_a_kept_answer_takes_no_database_and_executes_nothing(
    ask: world.Asker, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop = world.party()
    await tell(workshop)
    found = await again(lambda: ask.data(NODE, id=world.gid("Party", workshop.id)))

    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("called")

    for name in ("libs.kit.db.Database.read", "libs.graphql.schema.prepare", "libs.graphql.schema.execute"):
        monkeypatch.setattr(name, never)
    assert await ask.data(NODE, id=world.gid("Party", workshop.id)) == found


LISTS = {
    "parties": "{ parties(first: 100) { edges { node { id } } } }",
    "products": "query($id: ID!) { products(brandId: $id) { edges { node { id } } } }",
    "resources": "query($id: ID!) { resources(workshopId: $id) { edges { node { id site { id } } } } }",
    "of a party": "query($id: ID!) { node(id: $id) { ... on Party { sites { edges { node { name } } } } } }",
    "at a site": "query($site: ID!) { node(id: $site) { ... on Site { resources { edges { node { id } } } } } }",
    "a day": 'query($id: ID!) { resources(workshopId: $id) { edges { node { buckets(from: "2031-03-03", days: 2)'
    " { available } } } } }",
    "in a node": "query($resource: ID!) { node(id: $resource) { ... on Resource { workshop { name } } } }",
    "pools": "{ pools(first: 100) { edges { node { id } } } }",
    "of one": "query($resource: ID!) { node(id: $resource) { ... on Resource { pools { edges { node { id } } } } } }",
    "a pool": "query($pool: ID!) { node(id: $pool) { ... on Pool { state } } }",
    "a bucket": "query($bucket: ID!) { node(id: $bucket) { ... on Bucket { available } } }",
}


@pytest.mark.parametrize("name", LISTS)
async def test_whatever_may_move_a_list_or_a_thing_in_it_is_seen_at_once(
    ask: world.Asker, tell: Tell, name: str
) -> None:
    """After each event the answer, which is kept each time, is what somebody with a token sees: that is never kept."""
    workshop, query = world.party(), LISTS[name]
    site = world.site(workshop.id)
    bench = world.resource(workshop.id, site_id=site.id)
    bucket, product, pool = world.bucket(bench), world.product(workshop.id), world.pool(bench)
    private = msgspec.structs.replace(bench.terms, visibility="private")
    given = {
        "id": world.gid("Party", workshop.id),
        "site": world.gid("Site", site.id),
        "resource": world.gid("Resource", bench.id),
        "pool": world.gid("Pool", pool.id),
        "bucket": world.gid("Bucket", f"{bench.id}/{world.MONDAY}"),
    }
    used = {one: value for one, value in given.items() if f"${one}:" in query}
    stranger = ask.as_(new_id())
    for event in (
        workshop,
        bench,
        site,
        bucket,
        product,
        pool,
        world.later(bucket, capacity.BucketChanged, held=61),
        world.later(workshop, catalog.PartyRenamed, name="Another"),
        world.later(product, catalog.ProductWithdrawn),
        world.bucket(bench, date(2031, 3, 4)),
        world.party(),
        world.later(bench, capacity.TermsChanged, terms=private),
    ):
        await tell(event)
        assert await ask.data(query, **used) == await stranger.data(query, **used), event.type
        await again(lambda: ask.data(query, **used))


async def test_what_another_process_projects_or_answers_is_the_same(ask: world.Asker, tell: Tell, db: Database) -> None:
    """Two applications, which have a database and Valkey in common."""
    theirs = Changes()
    theirs.answers = Answers(lease=LEASE, rest=0.2)
    other = service("gateway", routers=[endpoint(schema, theirs, "")])
    kit = other.state.kit = build(api.state.kit.settings, SystemClock())
    task = asyncio.create_task(theirs.answers.keep(kit))
    await eventually(lambda: theirs.answers.look("whether any are kept"))
    workshop = world.party()
    await tell(workshop)
    of_it = {"id": world.gid("Party", workshop.id)}
    async with running(other), httpx.AsyncClient(transport=httpx.ASGITransport(other), base_url="http://o") as http:
        there = world.Asker(http)
        await again(lambda: ask.data(NODE, **of_it))
        before = kept()
        assert (await there.data(NODE, **of_it))["node"]["name"] == workshop.name
        assert kept() == before + 1
        await tell(world.later(workshop, catalog.PartyRenamed, name="Another"))
        assert (await there.data(NODE, **of_it))["node"]["name"] == "Another"
    await ended(task)
    await kit.close()


async def keys() -> set[bytes]:
    async with Redis.from_url(api.state.kit.settings.redis) as client:
        return {key async for key in client.scan_iter(f"*{changes.answers._epoch}=*")}


async def test_only_what_anybody_is_told_is_kept(ask: world.Asker, tell: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = new_id()
    bench = world.resource(owner)
    hold = world.hold(owner, bench)
    await tell(bench, hold)
    holds = "{ holds(first: 100) { edges { node { id } } } viewer { role } }"
    after = {"Filiera-After": after_token(bench.topic, bench.id, 1)}
    of_it = {"id": world.gid("Resource", bench.id)}
    before = await keys()
    for _ in range(3):
        assert len((await ask.as_(owner).data(holds))["holds"]["edges"]) == 1
        await ask.as_(owner).data(NODE, **of_it)
        await ask.data(NODE, headers=after, **of_it)
        await ask.answer('{ node(id: "x") { id } parties { pageInfo { hasNextPage } } }')
        await ask.answer('mutation { releaseHold(input: {id: "x"}) { __typename } }')
        await ask.answer("{ nothing }")
        await ask.data("{ __typename viewer { role } }")
        await ask.answer('{ search(for: {process: "x", quantity: 1}) { windows { quantity } } }')
    monkeypatch.setattr(Context, "depends", {})
    for _ in range(3):
        await ask.data("{ parties { pageInfo { hasNextPage } } }")
    assert await keys() == before
    monkeypatch.undo()


async def test_a_token_is_never_answered_by_what_is_kept(ask: world.Asker, tell: Tell) -> None:
    owner = new_id()
    hold = world.hold(owner, world.resource(owner))
    await tell(hold)
    query = "{ holds(first: 100) { edges { node { id } } } }"
    assert (await again(lambda: ask.data(query)))["holds"]["edges"] == []
    assert len((await ask.as_(owner).data(query))["holds"]["edges"]) == 1
    assert (await ask.data(query))["holds"]["edges"] == []
    refused = await ask.http.post("/graphql", json={"query": query}, headers={"authorization": "Bearer x"})
    assert refused.status_code == 401


async def test_other_variables_operations_or_rules_are_another_question(ask: world.Asker, tell: Tell) -> None:
    one, two = world.party(name="One"), world.party(name="Two")
    await tell(one, two)
    for party in (one, two):
        found = await again(lambda: ask.data(NODE, id=world.gid("Party", party.id)))  # noqa: B023 - called at once
        assert found["node"]["name"] == party.name
    several = "query a { parties(first: 1) { __typename } } query b { parties(first: 1) { t: __typename } }"
    for name, field in (("a", "__typename"), ("b", "t")) * 3:
        answer = await ask.http.post("/graphql", json={"query": several, "operationName": name})
        assert [*answer.json()["data"]["parties"]] == [field]


async def test_variables_that_are_as_deep_as_can_be_read_are_no_fault(ask: world.Asker) -> None:
    for depth in range(850, 1000):
        body = '{"query": "{ __typename }", "variables": {"deep": %s}}' % ("[" * depth + "]" * depth)
        answer = await ask.http.post("/graphql", content=body, headers={"content-type": "application/json"})
        assert answer.status_code < 500, depth


async def test_what_may_not_be_asked_here_is_not_told_because_it_is_kept(ask: world.Asker) -> None:
    told = "{ __schema { queryType { name } } parties(first: 1) { __typename } }"
    api.state.allowed = allowed(api.state.kit, Rules(introspection=True))
    await again(lambda: ask.data(told))
    api.state.allowed = allowed(api.state.kit, Rules(introspection=False))
    assert (await ask.error(told))["extensions"]["code"] == "INTROSPECTION"
    both = "query a { parties(first: 1) { __typename } } mutation b { __typename }"
    for _ in range(3):
        assert (await ask.http.post("/graphql", json={"query": both, "operationName": "a"})).status_code == 200
    assert (await ask.http.get("/graphql", params={"query": both, "operationName": "a"})).status_code == 405


async def test_a_kept_answer_costs_what_it_did(ask: world.Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILIERA_TOPIC_PREFIX", f"{new_id()}.")
    api.state.allowed = allowed(api.state.kit, Rules(points_anonymous=2_000))
    query = {"query": "{ resources(first: 100) { edges { node { name } } } }" + " " * 100}

    async def cost() -> int:
        answer = await ask.http.post("/graphql", json=query, headers={"accept": NEW})
        found: int = answer.json()["extensions"]["budget"]["cost"]
        return found

    assert await again(cost) == 302
    statuses = [(await ask.http.post("/graphql", json=query, headers={"accept": NEW})).status_code for _ in range(12)]
    assert statuses[-1] == 429


async def test_no_more_is_kept_than_there_is_room_for(ask: world.Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    changes.answers._most = 2 * 4_000
    before = await keys()
    for n in range(10):
        for _ in range(3):
            await ask.data(f"{{ parties(first: 1) {{ a{n}: __typename }} }}")
    assert 1 <= len(await keys() - before) <= 4
    monkeypatch.setattr("libs.graphql_cache.answers._LARGEST", 10)
    changes.answers._most = 2**20
    before = await keys()
    for _ in range(3):
        await ask.data("{ parties(first: 1) { large: __typename } }")
    assert await keys() == before


async def get(ask: world.Asker, query: str, headers: dict[str, str] | None = None, **variables: Any) -> httpx.Response:
    given = {"query": query, "variables": httpx.Response(200, json=variables).text}
    return await ask.http.get("/graphql", params=given, headers=headers)


async def test_a_get_is_asked_about_by_its_entity_tag(ask: world.Asker, tell: Tell) -> None:
    workshop = world.party()
    await tell(workshop)
    of_it = {"id": world.gid("Party", workshop.id)}
    for _ in range(4):  # made, and kept
        first = await get(ask, NODE, **of_it)
        assert first.json() == {"data": {"node": {"__typename": "Party", "name": workshop.name} | of_it}}
        assert first.headers["cache-control"] == "no-cache"
        assert first.headers["vary"] == "Authorization, Accept, Accept-Language, Filiera-After"
        assert "cost=2, remaining=" in first.headers["filiera-budget"]
        tag = first.headers["etag"]
        for asked in (tag, f'"x", W/{tag}', "*"):
            same = await get(ask, NODE, {"if-none-match": asked}, **of_it)
            assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
            assert "cost=2, remaining=" in same.headers["filiera-budget"]
            assert same.headers["cache-control"] == "no-cache"
        assert (await get(ask, NODE, {"if-none-match": '"x"'}, **of_it)).status_code == 200
        other = await get(ask, NODE, {"accept": NEW}, **of_it)
        assert (other.headers["content-type"], other.headers["etag"] == tag) == (NEW, False)
    await tell(world.later(workshop, catalog.PartyRenamed, name="Another"))
    changed = await get(ask, NODE, {"if-none-match": tag}, **of_it)
    assert (changed.status_code, changed.json()["data"]["node"]["name"]) == (200, "Another")


async def test_nothing_else_has_an_entity_tag_or_may_be_kept_by_anybody(ask: world.Asker) -> None:
    anything = {"if-none-match": "*"}
    bearer = {"authorization": f"Bearer {token(new_id(), 'brand')}"}
    good = "{ parties(first: 1) { __typename } }"
    for answer in (
        await get(ask, good, anything | bearer),
        await get(ask, good, anything | {"filiera-after": after_token("catalog.party", new_id(), 1)}),
        await get(ask, good, anything | {"authorization": "Bearer x"}),
        await get(ask, "{ nothing }", anything),
        await get(ask, '{ node(id: "x") { id } }', anything),
        await get(ask, "mutation { __typename }", anything),
        await ask.http.post("/graphql", json={"query": good}, headers=anything),
    ):
        assert answer.status_code != 304
        assert "etag" not in answer.headers
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["vary"] == "Authorization, Accept, Accept-Language, Filiera-After"


async def test_entity_tags_need_no_valkey(ask: world.Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "answers", Answers())
    tag = (await get(ask, "{ __typename }")).headers["etag"]
    assert (await get(ask, "{ __typename }", {"if-none-match": tag})).status_code == 304


def test_every_query_of_a_read_model_says_what_it_depends_on() -> None:
    assert Context.depends.keys() == {store.by_ids, store.page, store.pages, store.buckets}
