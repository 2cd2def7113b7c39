"""GraphQL over HTTP: media types, tokens, faults, and the schema as it is committed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from graphql import GraphQLInputObjectType, GraphQLInterfaceType, GraphQLObjectType

from libs.graphql.opaque import after_token
from libs.kit.db import connect
from libs.kit.ids import new_id
from libs.kit.settings import Settings
from libs.kit.testing import token
from services.gateway import store
from services.gateway.api.schema import schema
from tests.services.gateway import world
from tests.services.gateway.conftest import Tell

NEW = "application/graphql-response+json"
GOOD, BAD = "{ __typename }", "{ nothing }"


async def post(ask: world.Asker, query: str = GOOD, accept: str = "*/*", **headers: str) -> httpx.Response:
    return await ask.http.post("/graphql", json={"query": query}, headers={"accept": accept} | headers)


async def test_the_newer_media_type_tells_failed_requests_by_status(ask: world.Asker) -> None:
    for query, status in (
        (GOOD, 200),
        (BAD, 400),
        ("{", 400),
        ("query($a: Int!) { parties(first: $a) { __typename } }", 400),
    ):
        answer = await post(ask, query, NEW)
        assert (answer.status_code, answer.headers["content-type"]) == (status, NEW)
        assert ("data" in answer.json()) == (status == 200)


@pytest.mark.parametrize("accept", ["application/json", "*/*", "text/html"])
async def test_the_older_media_type_tells_them_in_the_body(ask: world.Asker, accept: str) -> None:
    for query in (GOOD, BAD):
        answer = await post(ask, query, accept)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        assert ("errors" in answer.json()) == (query == BAD)


async def test_of_several_operations_one_must_be_named(ask: world.Asker) -> None:
    several = "query a { viewer { role } } query b { parties(first: 1) { __typename } }"
    refused = await post(ask, several, NEW)
    assert (refused.status_code, "Name an operation" in refused.text) == (400, True)
    chosen = await ask.http.post("/graphql", json={"query": several, "operationName": "b"})
    assert [*chosen.json()["data"]] == ["parties"]


async def test_a_failed_field_leaves_the_rest_and_is_no_failed_request(ask: world.Asker) -> None:
    answer = await post(ask, '{ node(id: "x") { id } parties(first: 1) { __typename } }', NEW)
    assert (answer.status_code, answer.json()["data"]["node"]) == (200, None)
    assert answer.json()["data"]["parties"] == {"__typename": "PartyConnection"}


@pytest.mark.parametrize(
    ("content", "type_"),
    [
        (b"", "application/json"),
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b"{}", "application/json"),
        (b'{"query": 1}', "application/json"),
        (b'{"query": "{a}", "variables": []}', "application/json"),
        (b"[" * 100_000, "application/json"),
        (b'{"query": "{__typename}"}', "text/plain"),
        (b'{"query": "{__typename}"}', "multipart/form-data"),
        (b" " * 5_000_000, "application/json"),
    ],
)
async def test_what_is_no_request_is_a_problem_that_says_what_to_send(
    ask: world.Asker, content: bytes, type_: str
) -> None:
    answer = await ask.http.post("/graphql", content=content, headers={"content-type": type_})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert answer.json()["code"] in ("NOT_JSON", "TOO_LARGE")


async def test_a_query_may_be_in_the_address(ask: world.Asker) -> None:
    query = "query a($n: Int!) { parties(first: $n) { __typename } } query b { __typename }"
    answer = await ask.http.get(
        "/graphql", params={"query": query, "variables": '{"n": 1}', "operationName": "a"}, headers={"accept": NEW}
    )
    assert (answer.status_code, answer.headers["content-type"]) == (200, NEW)
    assert answer.json()["data"] == {"parties": {"__typename": "PartyConnection"}}


@pytest.mark.parametrize("wrong", ["{", "[]", "1", '"x"', "[" * 10_000])
async def test_an_address_that_is_no_request_is_a_problem(ask: world.Asker, wrong: str) -> None:
    for given in ({}, {"query": GOOD, "variables": wrong}, {"query": GOOD, "extensions": wrong}):
        answer = await ask.http.get("/graphql", params=given)
        assert (answer.status_code, answer.json()["code"]) == (400, "NOT_JSON")


async def test_what_writes_is_not_taken_by_get(ask: world.Asker) -> None:
    for query in ("mutation { __typename }", "query a { __typename } mutation b { __typename }"):
        answer = await ask.http.get("/graphql", params={"query": query, "operationName": "a"})
        assert (answer.status_code, answer.headers["allow"], answer.json()["code"]) == (405, "POST", "ONLY_READS")


async def test_a_subscription_over_http_is_told_where_to_go(ask: world.Asker) -> None:
    error = await ask.error('subscription { order(id: "x") { id } }')
    assert "web socket" in error["message"]
    assert (
        "web socket"
        in (await ask.http.post("/graphql", json={"query": "query A { a: __typename }", "operationName": "B"})).json()[
            "errors"
        ][0]["message"]
    )


async def test_a_token_that_is_not_valid_is_refused_even_for_public_reads(ask: world.Asker) -> None:
    ended = token(new_id(), "brand", exp=1)
    for given in ("Bearer x", "Basic x", "", f"Bearer {ended}"):
        answer = await post(ask, authorization=given)
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_fault_of_ours_is_masked_and_logged(
    ask: world.Asker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("SELECT secret FROM somewhere")

    monkeypatch.setattr(store, "page", broken)
    answer = await ask.answer("{ parties { edges { cursor } } }")
    [error] = answer["errors"]
    assert (error["message"], error["extensions"]) == (
        "This is a fault of ours. Try again, or tell us the time.",
        {"code": "INTERNAL"},
    )
    assert error["path"] == ["parties"]
    assert "secret" not in str(answer)
    assert "secret" in caplog.text


@asynccontextmanager
async def away(database: str) -> AsyncIterator[None]:
    """Nobody can connect to that database, and whoever was is cut off."""
    admin = await connect(Settings(service="postgres").server, timeout=10)
    try:
        await admin.execute(f'ALTER DATABASE "{database}" CONNECTION LIMIT 0', timeout=10)
        cut_off = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1"
        await admin.execute(cut_off, database, timeout=10)
        yield
    finally:
        await admin.execute(f'ALTER DATABASE "{database}" CONNECTION LIMIT -1', timeout=10)
        await admin.close(timeout=5)


async def test_a_database_that_is_away_is_no_fault_and_is_asked_again(
    ask: world.Asker, worker: str, caplog: pytest.LogCaptureFixture
) -> None:
    question = "{ parties { edges { cursor } } }"
    async with away(f"gateway_{worker}"):
        for _ in range(2):  # first on a connection that there was
            [error] = (await ask.answer(question))["errors"]
            assert (error["extensions"], "Ask again" in error["message"]) == ({"code": "UNAVAILABLE"}, True)
    assert "Traceback" not in caplog.text
    assert "errors" not in await ask.answer(question)


async def test_a_wrong_value_of_a_variable_is_the_callers_to_correct(ask: world.Asker) -> None:
    query = "query($d: Date!, $id: ID!) { node(id: $id) { ... on Resource { buckets(from: $d) { day } } } }"
    error = await ask.error(query, d="tomorrow", id="x")
    assert "has invalid value" in error["message"]
    assert "fault of ours" not in error["message"]


async def test_no_answer_is_kept_by_anybody_in_between(ask: world.Asker) -> None:
    for answer in (
        await post(ask),
        await post(ask, BAD, NEW),
        await post(ask, authorization="Bearer x"),
        await ask.http.post("/graphql", content=b"{"),
        await ask.http.get("/graphql", params={"query": BAD}),
        await ask.http.get("/graphql", params={"query": "mutation { __typename }"}),
        await ask.http.get("/graphql"),
    ):
        kept = (answer.headers["cache-control"], answer.headers["vary"])
        assert kept == ("no-store", "Authorization, Accept, Accept-Language, Filiera-After")
    assert "cache-control" not in (await ask.http.get("/")).headers


async def test_the_page_for_people_says_how_to_ask_and_loads_nothing_from_elsewhere(ask: world.Asker) -> None:
    answer = await ask.http.get("/")
    assert answer.headers["content-type"].startswith("text/html")
    assert "/graphql" in answer.text
    assert "http://" not in answer.text
    assert "https://" not in answer.text


async def test_a_query_sees_what_was_written_once_it_is_there(ask: world.Asker, tell: Tell) -> None:
    one = world.party()
    await tell(one)
    after = {"Filiera-After": after_token(one.topic, one.id, 1)}
    assert "extensions" not in await ask.answer(GOOD, after)


def test_every_type_field_and_argument_is_described() -> None:
    for type_ in schema.graphql.type_map.values():
        if type_.name.startswith("__") or type_.name in ("ID", "Int", "Float", "String", "Boolean"):
            continue
        assert type_.description, type_.name
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            for name, field in type_.fields.items():
                assert field.description, f"{type_.name}.{name}"
                for argument, one in getattr(field, "args", {}).items():
                    assert one.description, f"{type_.name}.{name}({argument})"
