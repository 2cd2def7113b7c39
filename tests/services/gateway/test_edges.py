"""What comes in from outside, over a real port: what is not taken, and what is not told."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.graphql_transports.websocket import LARGEST_FRAME
from libs.kit.ids import new_id
from libs.kit.testing import token
from services.gateway import store
from tests.services.gateway import world
from tests.services.gateway.sockets import wire

MUTATION = 'mutation { releaseHold(input: {id: "x"}) { __typename } }'
BRAND = {"kind": "BRAND", "name": "Casa"}


@pytest.fixture
async def http(address: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://{address}", timeout=20, trust_env=False) as client:
        yield client


@pytest.fixture(autouse=True)
def no_fault_of_ours(caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest) -> Iterator[None]:
    """Nothing that a client sends is an error in our log."""
    yield
    if "monkeypatch" not in request.fixturenames:
        assert not [one.getMessage() for one in caplog.records if one.levelname == "ERROR"]


async def error(http: httpx.AsyncClient, query: str, **variables: Any) -> str:
    answer = await http.post("/graphql", json={"query": query, "variables": variables})
    return str(answer.json()["errors"][0]["message"])


async def test_several_requests_in_one_are_not_taken(http: httpx.AsyncClient) -> None:
    answer = await http.post("/graphql", json=[{"query": "{ __typename }"}] * 2)
    assert (answer.status_code, answer.json()["code"]) == (400, "NOT_JSON")


@pytest.mark.parametrize("document", ["{}", "mutation {}", "{ viewer {} }", "{ ...F } fragment F on Query {}"])
async def test_whoever_selects_nothing_is_refused(http: httpx.AsyncClient, document: str) -> None:
    """The specification wants one selection or more (GraphQL, section 2.5)."""
    assert (await error(http, document)).startswith("Syntax Error: Expected Name, found '}'")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "HEAD"])
async def test_nothing_is_changed_but_by_post(http: httpx.AsyncClient, method: str) -> None:
    headers = {"authorization": f"Bearer {token(new_id(), 'brand')}", "content-type": "application/json"}
    answer = await http.request(method, "/graphql", params={"query": MUTATION}, headers=headers)
    assert answer.status_code == 405


@pytest.mark.parametrize(
    "type_",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "",
        "text/plain;application/json",
    ],
)
async def test_what_another_site_can_have_a_browser_send_unasked_is_not_taken(
    http: httpx.AsyncClient, type_: str
) -> None:
    """A request of these types needs no preflight (Fetch standard, CORS-safelisted request-header)."""
    body = '{"query": "{ __typename }"}'
    answer = await http.post(
        "/graphql", content=body, headers={"content-type": type_, "origin": "https://evil.example"}
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "NOT_JSON")


async def test_no_other_site_is_told_that_it_may(http: httpx.AsyncClient) -> None:
    asks = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    answer = await http.options("/graphql", headers=asks)
    assert answer.status_code == 405
    assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("length", [9_000, 60_000])
async def test_a_long_token_is_refused(http: httpx.AsyncClient, length: int) -> None:
    headers = {"authorization": f"Bearer {'x' * length}"}
    answer = await http.post("/graphql", json={"query": "{ __typename }"}, headers=headers)
    assert (answer.status_code, "longer than 8192" in answer.text) == (401, True)


async def test_a_large_body_is_refused_whether_or_not_it_says_its_length(http: httpx.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 65_536

    for content in (chunks(), b" " * 6_553_600):
        answer = await http.post("/graphql", content=content, headers={"content-type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (400, "TOO_LARGE")


SUGGESTIVE = {
    "a field": ("{ partie { __typename } }", {}),
    "an argument": ("{ parties(firs: 1) { __typename } }", {}),
    "a type": ("query($k: PartyKin) { parties(kind: $k) { __typename } }", {}),
    "a value": ("{ parties(kind: BRAN) { __typename } }", {}),
    "a value of a variable": ("query($k: PartyKind) { parties(kind: $k) { __typename } }", {"k": "BRAN"}),
    "a field of an input": (
        "mutation($i: RegisterPartyInput!) { registerParty(input: $i) { __typename } }",
        {"i": BRAND | {"nam": "x"}},
    ),
}


@pytest.mark.parametrize("case", SUGGESTIVE)
async def test_what_is_nearly_right_is_not_put_right(http: httpx.AsyncClient, case: str) -> None:
    query, variables = SUGGESTIVE[case]
    said = await error(http, query, **variables)
    assert "Did you mean" not in said
    assert said.endswith((".", "}."))


@pytest.mark.parametrize("query", ["{ __schema { types { name } } }", '{ __type(name: "Party") { name } }'])
async def test_the_schema_is_told_only_where_that_is_allowed(http: httpx.AsyncClient, query: str) -> None:
    assert "not told here" in await error(http, query)
    hidden = "{ ...F } fragment F on Query { a: " + query[2:-2] + " }"
    assert "not told here" in await error(http, hidden)
    answer = await http.post("/graphql", json={"query": "{ __typename viewer { __typename } }"})
    assert answer.json()["data"] == {"__typename": "Query", "viewer": None}


async def test_over_a_web_socket_it_is_not_told_either(address: str) -> None:
    async with wire(address) as client:
        await client.begin()
        await client.subscribe("{ __schema { types { name } } }")
        assert (await client.receive())["payload"][0]["extensions"] == {"code": "INTROSPECTION"}


async def test_a_fault_of_ours_says_nothing_of_what_it_is(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("SELECT secret FROM somewhere")

    monkeypatch.setattr(store, "page", broken)
    answer = await http.post("/graphql", json={"query": "{ parties { edges { cursor } } }"})
    assert "secret" not in answer.text
    assert answer.json()["errors"][0]["extensions"] == {"code": "INTERNAL"}


NONSENSE = {
    "deep": "[" * 100_000,
    "a number without end": '{"type": ' + "1" * 5_000 + "}",
    "half a character": '{"type": "\\ud800"}',
    "NUL": '{"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }", "variables": {"a": "\\u0000"}}}',
    "no type": '{"id": "1"}',
    "an id that is none": '{"type": "subscribe", "id": [], "payload": {"query": "{ __typename }"}}',
    "an id that is a number": '{"type": "subscribe", "id": 1, "payload": {"query": "{ __typename }"}}',
    "nothing to complete": '{"type": "complete", "id": {}}',
    "nothing asked": '{"type": "subscribe", "id": "1", "payload": []}',
    "no query": '{"type": "subscribe", "id": "1", "payload": {"query": 7}}',
    "no variables": '{"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }", "variables": 7}}',
    "no name": '{"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }", "operationName": {}}}',
    "too large": '{"type": "ping", "payload": {"x": "' + "x" * LARGEST_FRAME + '"}}',
}


@pytest.mark.parametrize("case", NONSENSE)
async def test_a_frame_that_is_no_message_closes_the_socket(address: str, case: str) -> None:
    async with wire(address) as client:
        await client.begin()
        await client.socket.send(NONSENSE[case])
        assert (await client.closed())[0] == 4400


async def test_a_frame_of_bytes_closes_the_socket(address: str) -> None:
    async with wire(address) as client:
        await client.socket.send(b"\xff")
        assert (await client.closed())[0] == 4400


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_TYPES = st.sampled_from(["connection_init", "subscribe", "complete", "ping", "pong", "next", "error", ""])
_FRAMES = st.fixed_dictionaries(
    {}, optional={"type": _TYPES | _JSON, "id": st.text(max_size=3) | _JSON, "payload": _JSON}
)


# All examples may share the server: each has a socket of its own.
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frames=st.lists(_FRAMES, min_size=1, max_size=4))
async def test_whatever_is_sent_over_a_socket_is_answered_or_closed_by_the_protocol(
    address: str, frames: list[dict[str, Any]]
) -> None:
    async with wire(address) as client:
        await client.begin()
        for frame in frames:
            await client.send(**frame)
        await client.send(type="nothing of the protocol")
        async with asyncio.timeout(10):
            code, _ = await client.closed()
    assert code in (4400, 4409, 4429)


async def test_the_page_for_people_runs_no_queries_of_its_own(http: httpx.AsyncClient, ask: world.Asker) -> None:
    assert "fetch(" not in (await http.get("/")).text


async def test_an_hour_after_the_last_day_there_is_no_time_and_no_fault(http: httpx.AsyncClient) -> None:
    change = "mutation($input: ChangePatternInput!) { changePattern(input: $input) { __typename } }"
    pattern = {"events": [{"starts": "9999-12-31T24:00:00", "minutes": 60}]}
    assert "hour must be in 0..23" in await error(http, change, input={"id": "x", "pattern": pattern})
