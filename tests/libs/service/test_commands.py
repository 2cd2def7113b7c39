"""Commands: who may send one, and that sending twice does it once."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI, Response
from pydantic import BaseModel
from sqlalchemy import text

from libs.contracts import catalog
from libs.contracts.values import PartyKind
from libs.kit import errors
from libs.kit.auth import Verifier
from libs.kit.cache import Cache
from libs.kit.clock import SystemClock
from libs.kit.db import Database, WriteSession
from libs.kit.errors import Conflict, FieldError, Invalid
from libs.kit.ids import new_id
from libs.kit.settings import Settings
from libs.kit.testing import headers
from libs.messaging import outbox
from libs.service.commands import Commanded, answers
from libs.service.runtime import Kit


class Body(BaseModel):
    name: str
    pause: float = 0


def make_api(database: Database) -> FastAPI:
    api = FastAPI()
    errors.install(api)
    settings = Settings(service="probe")
    clock = SystemClock()
    api.state.kit = Kit(settings, database, Cache(settings.redis), clock, Verifier(settings, clock))

    @api.post("/things", **answers(catalog.Party, 201))
    async def make_thing(body: Body, command: Commanded) -> Response:
        async def handler(session: WriteSession) -> catalog.Party:
            if body.name == "full":
                raise Conflict("No room.", code="FULL")
            if body.name == "":
                raise Invalid("Give a name.", errors=[FieldError("name", "is empty")])
            if body.name == "bug":
                raise ZeroDivisionError
            await asyncio.sleep(body.pause)
            event = catalog.PartyRegistered(id=new_id(), version=1, kind=PartyKind.BRAND, name=body.name)
            insert = text("INSERT INTO thing VALUES (:id, :party, 1)")
            await session.execute(insert, {"id": event.id, "party": command.caller.party})
            await outbox.add(session, event)
            return event

        return await command.run(handler, 201)

    return api


@pytest.fixture
async def api(kit_database: Database) -> AsyncIterator[httpx.AsyncClient]:
    app = make_api(kit_database)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://probe.test") as client:
        yield client
    await app.state.kit.cache.close()


async def written(database: Database, party: UUID) -> tuple[int, int]:
    async with database.work() as session:
        things = "SELECT count(*) FROM thing WHERE party_id = :party"
        told = "SELECT count(*) FROM outbox"
        return (await session.scalar(text(things), {"party": party}), await session.scalar(text(told)))


async def test_a_command_answers_with_the_state_it_wrote(api: httpx.AsyncClient, kit_database: Database) -> None:
    party = new_id()
    answer = await api.post("/things", json={"name": "a"}, headers=headers(party, "brand"))
    assert answer.status_code == 201
    assert (answer.json()["name"], answer.json()["version"]) == ("a", 1)
    assert await written(kit_database, party) == (1, 1)


async def test_the_same_key_and_body_get_the_first_answer_again(api: httpx.AsyncClient, kit_database: Database) -> None:
    party = new_id()
    sent = headers(party, "brand")
    first, again = [await api.post("/things", json={"name": "a"}, headers=sent) for _ in range(2)]
    assert first.content == again.content
    assert again.headers["Idempotent-Replay"] == "true"
    assert await written(kit_database, party) == (1, 1)


async def test_the_same_key_with_another_body_is_refused(api: httpx.AsyncClient, kit_database: Database) -> None:
    party = new_id()
    sent = headers(party, "brand")
    await api.post("/things", json={"name": "a"}, headers=sent)
    other = await api.post("/things", json={"name": "b"}, headers=sent)
    assert (other.status_code, other.json()["code"]) == (422, "KEY_REUSED")
    assert await written(kit_database, party) == (1, 1)


async def test_two_parties_may_use_the_same_key(api: httpx.AsyncClient, kit_database: Database) -> None:
    answers = [await api.post("/things", json={"name": "a"}, headers=headers(new_id(), "brand", "k")) for _ in "ab"]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["id"] != answers[1].json()["id"]


async def test_of_many_at_once_one_runs_and_the_others_are_told(api: httpx.AsyncClient, kit_database: Database) -> None:
    party = new_id()
    sent = headers(party, "brand")
    body = {"name": "a", "pause": 0.3}
    results = await asyncio.gather(*(api.post("/things", json=body, headers=sent) for _ in range(8)))
    assert sorted({answer.status_code for answer in results}) == [201, 409]
    assert {answer.json()["code"] for answer in results if answer.status_code == 409} == {"STILL_RUNNING"}
    assert await written(kit_database, party) == (1, 1)


@pytest.mark.parametrize(
    ("name", "status", "code"), [("full", 409, "FULL"), ("", 422, "INVALID"), ("bug", 500, "INTERNAL")]
)
async def test_a_failure_changes_nothing_and_may_be_tried_again(
    api: httpx.AsyncClient, kit_database: Database, name: str, status: int, code: str
) -> None:
    party = new_id()
    sent = headers(party, "brand")
    failed = await api.post("/things", json={"name": name}, headers=sent)
    assert (failed.status_code, failed.json()["code"]) == (status, code)
    assert failed.headers["content-type"] == "application/problem+json"
    assert "Traceback" not in failed.text
    assert await written(kit_database, party) == (0, 0)
    retried = await api.post("/things", json={"name": "a"}, headers=sent)
    assert retried.status_code == 201


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({}, 401, "UNAUTHENTICATED"),
        ({"Authorization": "Bearer nonsense"}, 401, "UNAUTHENTICATED"),
        ({"Authorization": "Basic abc"}, 401, "UNAUTHENTICATED"),
        ({"Idempotency-Key": "k"}, 401, "UNAUTHENTICATED"),
    ],
)
async def test_without_a_good_token_nothing_runs(
    api: httpx.AsyncClient, sent: dict[str, str], status: int, code: str
) -> None:
    answer = await api.post("/things", json={"name": "a"}, headers=sent)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_a_command_without_a_key_is_told_to_bring_one(api: httpx.AsyncClient) -> None:
    sent = headers(new_id(), "brand")
    del sent["Idempotency-Key"]
    answer = await api.post("/things", json={"name": "a"}, headers=sent)
    assert (answer.status_code, answer.json()["code"]) == (400, "KEY_MISSING")


async def test_a_bad_body_names_its_fields(api: httpx.AsyncClient) -> None:
    answer = await api.post("/things", json={"name": 1, "pause": "x"}, headers=headers(new_id(), "brand"))
    assert answer.status_code == 422
    assert [error["path"] for error in answer.json()["errors"]] == ["name", "pause"]


async def test_an_unknown_path_is_a_problem_too(api: httpx.AsyncClient) -> None:
    answer = await api.get("/nowhere")
    assert (answer.status_code, answer.json()["status"]) == (404, 404)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_text_with_a_nul_is_refused_before_it_reaches_the_database(api: httpx.AsyncClient) -> None:
    answer = await api.post("/things", json={"name": "a\0b"}, headers=headers(new_id(), "brand"))
    assert (answer.status_code, answer.json()["code"]) == (400, "NUL")
