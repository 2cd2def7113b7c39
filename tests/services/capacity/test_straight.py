"""The straight way to a command answers as FastAPI's own does, whatever is sent."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Response
from fastapi.routing import APIRoute

from libs.kit import errors
from libs.kit.auth import Verifier
from libs.kit.cache import Cache
from libs.kit.clock import SystemClock
from libs.kit.db import Database
from libs.kit.ids import new_id
from libs.kit.settings import Settings
from libs.kit.testing import headers
from libs.service.commands import Commanded
from libs.service.runtime import Kit
from services.capacity.api.holds import PlaceHold
from services.capacity.api.straight import Straight

GOOD = '{"allocations": [{"resource_id": "01999999-0000-7000-8000-000000000001", "day": "2030-01-07", "quantity": 2}]}'
JSON = "application/json"
SENT = {
    "in order": (GOOD, {}),
    "in order, as JSON of another name": (GOOD, {"content-type": "application/json; charset=utf-8"}),
    "not said to be JSON": (GOOD, {"content-type": "text/plain"}),
    "not JSON": (GOOD[:-1], {}),
    "nothing": ("", {}),
    "null": ("null", {}),
    "a list": ("[]", {}),
    "two fields wrong": (GOOD.replace("2}", '"2"}').replace("2030-01-07", "soon"), {}),
    "a field unknown": (GOOD.replace('{"allocations"', '{"second": 1, "allocations"'), {}),
    "half a character": (GOOD.replace('"2030-01-07"', '"\\ud800"'), {}),
    "nested too deeply": ("[" * 5_000 + "]" * 5_000, {}),
    "NUL": (GOOD.replace('"2030-01-07"', '"\\u0000"'), {}),
    "no UTF-8": (b'{"allocations": "\xff"}', {}),
    "no key": (GOOD, {"idempotency-key": ""}),
    "a key too long": (GOOD, {"idempotency-key": "k" * 256}),
    "a token that is none": (GOOD, {"authorization": "Bearer a.b.c"}),
    "no token and not JSON": ("{", {"authorization": ""}),
}


async def place(body: PlaceHold, command: Commanded) -> Response:
    """Say what came."""
    return Response(repr((body, command.caller.party, command.asked)), 201)


@pytest.fixture
async def ways(kit_database: Database) -> AsyncIterator[list[FastAPI]]:
    settings = Settings(service="probe")
    kit = Kit(settings, kit_database, Cache(settings.redis), SystemClock(), Verifier(settings, SystemClock()))
    yield [_api(kit, route_class) for route_class in (Straight, APIRoute)]
    await kit.cache.close()


def _api(kit: Kit, route_class: type[APIRoute]) -> FastAPI:
    api, router = FastAPI(), APIRouter(route_class=route_class)
    errors.install(api)
    api.state.kit = kit
    router.post("/holds")(place)
    api.include_router(router)
    return api


@pytest.mark.parametrize("sent", SENT.values(), ids=SENT)
async def test_both_ways_answer_the_same(ways: list[FastAPI], sent: tuple[str | bytes, dict[str, str]]) -> None:
    body, given = sent
    said = {"content-type": JSON} | {name.lower(): value for name, value in headers(new_id(), "brand").items()} | given
    answers = []
    for api in ways:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://probe.test") as client:
            answers.append(await client.post("/holds", content=body, headers=said))
    straight, otherwise = ((answer.status_code, answer.headers, answer.content) for answer in answers)
    assert straight == otherwise


async def test_both_ways_are_described_the_same(ways: list[FastAPI]) -> None:
    straight, otherwise = (api.openapi() for api in ways)
    assert straight == otherwise
