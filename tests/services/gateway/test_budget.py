"""What asking costs is told with every answer, and whoever has spent a minute's points is told when to come again."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from libs.graphql_limits.documents import points
from libs.graphql_limits.rules import Rules, allowed
from libs.kit.cache import Cache
from libs.kit.ids import new_id
from libs.kit.metrics import REFUSALS
from libs.kit.settings import Settings
from libs.kit.testing import token
from services.gateway.api.schema import schema
from services.gateway.app import api
from tests.libs.graphql_limits.test_budget import HandClock
from tests.services.gateway import world

LIMIT = 600
HUB = 6_000
NEW = "application/graphql-response+json"
CHEAP = "{ viewer { role } }"
DEAR = "{ resources(first: 100) { edges { node { name } } } }"
"""300 points, and 1 for the text."""


@pytest.fixture(autouse=True)
def limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small budgets, kept apart from those of other tests."""
    monkeypatch.setenv("FILIERA_TOPIC_PREFIX", f"{new_id()}.")
    for name, most in (("ANONYMOUS", LIMIT), ("PARTY", LIMIT), ("HUB", HUB)):
        monkeypatch.setenv(f"FILIERA_POINTS_{name}", str(most))


@pytest.fixture(autouse=True)
async def still(limits: None, ask: world.Asker) -> AsyncIterator[None]:
    """Nothing flows back: this process keeps the budgets for itself, by a clock that stands."""
    kit = replace(api.state.kit, cache=Cache("redis://127.0.0.1:1/0"), clock=HandClock())
    api.state.allowed = allowed(kit, Rules())
    yield
    await kit.cache.close()


async def post(ask: world.Asker, query: str, role: str = "", accept: str = NEW, **more: Any) -> httpx.Response:
    party = {"authorization": f"Bearer {token(more.pop('party', new_id()), role)}"} if role else {}
    return await ask.http.post("/graphql", json={"query": query, **more}, headers={"accept": accept} | party)


def budget(answer: httpx.Response) -> dict[str, int]:
    found: dict[str, int] = answer.json()["extensions"]["budget"]
    return found


async def test_every_answer_tells_what_it_cost_and_what_remains(ask: world.Asker) -> None:
    assert budget(await post(ask, CHEAP, "brand")) == {"cost": 2, "remaining": LIMIT - 2, "limit": LIMIT}
    assert budget(await post(ask, DEAR, "brand")) == {"cost": 301, "remaining": LIMIT - 301, "limit": LIMIT}
    refused = await post(ask, "{ nothing }", "brand")
    assert (refused.status_code, budget(refused)) == (400, {"cost": 1, "remaining": LIMIT - 1, "limit": LIMIT})


async def test_what_was_taken_before_there_was_too_little_is_told(ask: world.Asker) -> None:
    party = new_id()
    await post(ask, DEAR, "brand", party=party)
    refused = await post(ask, DEAR + " " * 500, "brand", party=party)
    assert (refused.status_code, budget(refused)) == (429, {"cost": 6, "remaining": LIMIT - 307, "limit": LIMIT})


async def test_what_is_broken_is_paid_before_it_is_read(ask: world.Asker) -> None:
    headers = {"content-type": "application/json", "accept": NEW}
    for size, status in ((102_400, 400), (512_000, 429), (409_600, 400)):
        answer = await ask.http.post("/graphql", content=b"{" * size, headers=headers)
        assert answer.status_code == status
    got = await ask.http.get("/graphql", params={"query": CHEAP, "variables": "{" * 20_000}, headers=headers)
    assert got.status_code == 400
    left = LIMIT - 101 - 401 - 59 - 2
    assert budget(await post(ask, CHEAP))["remaining"] in (left - 1, left)  # fractions may lose a point


async def test_a_long_text_and_a_large_body_cost_too(ask: world.Asker) -> None:
    assert budget(await post(ask, CHEAP + " " * 1_000, "brand"))["cost"] == 13
    assert budget(await post(ask, CHEAP, "brand", variables={"x": "x" * 102_400}))["cost"] == 102


async def test_only_a_hub_sends_much_at_once(ask: world.Asker) -> None:
    sent = {"query": CHEAP, "variables": {"x": "x" * 200_000}}
    for role, code in (("brand", "TOO_LARGE"), ("", "TOO_LARGE"), ("hub", None)):
        [error] = (await post(ask, **sent, role=role)).json().get("errors", [None])
        assert (error and error["extensions"]["code"]) == code


async def test_who_is_told_to_wait_is_counted(ask: world.Asker) -> None:
    counted = REFUSALS.labels("RATE_LIMITED")._value
    before = counted.get()
    party = new_id()
    for _ in range(2):
        await post(ask, DEAR, "brand", party=party)
    assert counted.get() == before + 1


async def test_whoever_has_spent_all_is_told_when_to_come_again(ask: world.Asker) -> None:
    party = new_id()
    for _ in range(2):
        answer = await post(ask, DEAR, "brand", party=party)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (429, "RATE_LIMITED")
    wait = answer.json()["errors"][0]["extensions"]["retryAfter"]
    assert answer.headers["retry-after"] == str(wait)
    assert 0 < wait <= 2
    assert "data" not in answer.json()
    older = await post(ask, DEAR, "brand", "application/json", party=party)
    assert (older.status_code, older.headers["retry-after"]) == (200, str(wait))
    assert (await post(ask, CHEAP, "brand", party=party)).status_code == 200  # what is left is enough for that


async def test_a_command_that_cannot_be_paid_is_not_sent(ask: world.Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    async def sent(*_: Any) -> None:
        raise AssertionError("sent")

    monkeypatch.setattr("libs.graphql_commands.commands._send", sent)
    party = new_id()
    await post(ask, DEAR, "brand", party=party)
    many = " ".join(f'a{n}: releaseHold(input: {{id: "x"}}) {{ __typename }}' for n in range(30))
    assert (await post(ask, f"mutation {{ {many} }}", "brand", party=party)).status_code == 429


async def test_parties_pay_for_themselves_and_a_hub_has_more(ask: world.Asker) -> None:
    one = new_id()
    await post(ask, DEAR, "brand", party=one)
    assert (await post(ask, DEAR, "brand", party=one)).status_code == 429
    assert (await post(ask, DEAR, "brand")).status_code == 200
    assert budget(await post(ask, DEAR, "hub"))["limit"] == HUB


async def test_without_a_token_the_address_pays(ask: world.Asker) -> None:
    assert (await post(ask, DEAR)).status_code == 200
    assert (await post(ask, DEAR)).status_code == 429
    for address, status in (
        ("192.0.2.7", 200),
        ("2001:db8::1", 200),
        ("2001:db8::ffff:2", 429),  # of the same /64
        ("2001:db8:0:1::2", 200),
        ("::ffff:192.0.2.7", 429),
        ("somewhere", 200),
    ):
        transport = httpx.ASGITransport(api, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://t") as http:
            answer = await http.post("/graphql", json={"query": DEAR}, headers={"accept": NEW})
            assert answer.status_code == status, address


async def test_processes_share_a_budget_by_valkey(ask: world.Asker) -> None:
    party, began = new_id(), time.monotonic()
    for query in (DEAR, CHEAP):
        cache = Cache(Settings(service="gateway").redis)
        api.state.allowed = allowed(replace(api.state.kit, cache=cache), Rules())  # as another process has them
        remaining = budget(await post(ask, query, "brand", party=party))["remaining"]
        await cache.close()
    assert remaining <= LIMIT - 303 + (time.monotonic() - began) * LIMIT / 60 + 1


def test_what_calls_a_service_costs_ten_more() -> None:
    read = "{ resources(first: 20) { edges { node { name } } } }"
    asked = '{ search(for: {process: "x", quantity: 1}, first: 20) { windows { quantity } } }'
    assert points(schema.graphql, read, {}, None) == 60
    assert points(schema.graphql, asked, {}, None) == 10 + 20 * (1 + 1)
