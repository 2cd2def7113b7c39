"""NUL, which PostgreSQL's text cannot hold, is refused wherever text comes in; so is what is no UTF-8."""

from base64 import urlsafe_b64encode
from typing import Any

import httpx
import msgspec
import pytest

from libs.kit.ids import new_id
from tests.services.gateway import world
from tests.services.gateway.sockets import wire

NAMED = "query($a: String) { parties(name: $a) { edges { cursor } } }"
LITERALS = [r'"\u{0}"', r'"\u{000000}"', r'"\u0000"', '"x\0y"', '"""x\0y"""']
SAID = "Text cannot hold the character NUL; take it out and send again."
_JSON = {"content-type": "application/json"}


def asking(literal: str) -> str:
    return f"{{ parties(name: {literal}) {{ edges {{ cursor }} }} }}"


async def told(ask: world.Asker, content: str) -> httpx.Response:
    return await ask.http.post("/graphql", content=content, headers=_JSON)


@pytest.mark.parametrize("literal", LITERALS)
async def test_no_literal_holds_nul(ask: world.Asker, literal: str) -> None:
    posted = await ask.http.post("/graphql", json={"query": asking(literal)})
    got = await ask.http.get("/graphql", params={"query": asking(literal)})
    for answer in (posted, got):
        if answer.headers["content-type"] == "application/problem+json":
            assert answer.json()["code"] == "NUL"
        else:
            assert answer.json()["errors"][0]["extensions"] == {"code": "NUL"}


async def test_an_escape_that_is_escaped_in_json_is_read_by_graphql(ask: world.Asker) -> None:
    answer = await told(ask, r'{"query": "{ parties(name: \"\u005cu0000\") { edges { cursor } } }"}')
    assert answer.json()["errors"][0]["extensions"] == {"code": "NUL"}


@pytest.mark.parametrize(
    "variables", [r'{"a": "x\u0000"}', r'{"b": [{"c": ["\u0000"]}]}', r'{"\u0000": 1}', r'{"a": "\\\u0000"}']
)
async def test_no_variable_holds_nul(ask: world.Asker, address: str, variables: str) -> None:
    posted = await told(ask, f'{{"query": "{NAMED}", "variables": {variables}}}')
    got = await ask.http.get("/graphql", params={"query": NAMED, "variables": variables})
    assert [(one.status_code, one.json()["code"]) for one in (posted, got)] == [(400, "NUL")] * 2
    async with wire(address) as client:
        await client.begin()
        payload = f'{{"query": "{NAMED}", "variables": {variables}}}'
        await client.socket.send(f'{{"type": "subscribe", "id": "1", "payload": {payload}}}')
        assert await client.closed() == (4400, f"This is no message of the protocol: {SAID}")


async def test_a_backslash_before_u0000_is_text(ask: world.Asker) -> None:
    answer = await told(ask, rf'{{"query": "{NAMED}", "variables": {{"a": "\\u0000 \u005cu0000"}}}}')
    assert answer.json()["data"] == {"parties": {"edges": []}}


def cursor(*place: Any) -> str:
    return urlsafe_b64encode(msgspec.json.encode(place)).decode()


async def test_a_cursor_with_nul_is_none_of_ours(ask: world.Asker) -> None:
    given = cursor("catalog.party", "a\0b", str(new_id()))
    error = await ask.error("query($a: String) { parties(after: $a) { edges { cursor } } }", a=given)
    assert error["extensions"] == {"code": "INVALID_CURSOR"}


async def test_a_cursors_id_may_be_written_in_any_way(ask: world.Asker) -> None:
    """PostgreSQL knows fewer ways than Python."""
    given = cursor("catalog.party", "x", f"urn:uuid:{new_id()}")
    assert await ask.data("query($a: String) { parties(after: $a) { edges { cursor } } }", a=given)


@pytest.mark.parametrize(
    "content",
    [b'{"query": "\xff"}', b"\xff\xfe", b'{"query": "{ __typename }", "variables": {"\xed\xa0\x80": 1}}'],
)
async def test_a_body_that_is_not_utf_8_is_no_json(ask: world.Asker, content: bytes) -> None:
    answer = await ask.http.post("/graphql", content=content, headers=_JSON)
    assert (answer.status_code, answer.json()["code"]) == (400, "NOT_JSON")


@pytest.mark.parametrize("half", [r"\ud800", r"\udc00", r"\ud800x", r"\udc00\ud800"])
async def test_half_a_character_is_no_json(ask: world.Asker, half: str) -> None:
    answer = await told(ask, f'{{"query": "{NAMED}", "variables": {{"a": "{half}"}}}}')
    assert (answer.status_code, answer.json()["code"]) == (400, "NOT_JSON")
