"""Documents that are known beforehand are asked for by their SHA-256; where only these are trusted, by nothing else."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from pydantic_settings import SettingsError

from libs.graphql_limits.trusted import Trusted
from libs.kit.ids import new_id
from libs.kit.testing import headers
from services.gateway.app import api
from tests.services.gateway import world
from tests.services.gateway.sockets import wire

KNOWN = "query Who($skip: Boolean!) { viewer { role @skip(if: $skip) __typename } }"
LIVE = "subscription($id: ID!) { order(id: $id) { id } }"


def id_of(text: str) -> str:
    return f"sha256:{sha256(text.encode()).hexdigest()}"


def manifest(folder: Path, *texts: str) -> Path:
    """As relay-compiler writes it."""
    path = folder / "documents.json"
    path.write_bytes(msgspec.json.encode({id_of(text).removeprefix("sha256:"): text for text in texts}))
    return path


@pytest.fixture(params=[False, True], ids=["any document", "trusted only"])
def only(request: pytest.FixtureRequest, ask: world.Asker, tmp_path: Path) -> bool:
    """Whether the gateway runs nothing but what it knows."""
    trusted = Trusted.read(manifest(tmp_path, KNOWN, LIVE), only=request.param)
    api.state.allowed = replace(api.state.allowed, trusted=trusted)
    return bool(request.param)


async def post(ask: world.Asker, **body: Any) -> httpx.Response:
    accept = {"accept": "application/graphql-response+json"}
    return await ask.http.post("/graphql", json=body, headers=headers(new_id(), "brand") | accept)


async def test_a_known_document_is_run_by_its_id(ask: world.Asker, only: bool) -> None:
    variables = {"skip": False}
    by_id = await post(ask, documentId=id_of(KNOWN), variables=variables)
    assert by_id.json()["data"]["viewer"]["role"] == "BRAND"
    address = {"documentId": id_of(KNOWN), "variables": '{"skip": true}'}
    by_address = await ask.http.get("/graphql", params=address, headers=headers(new_id(), "brand"))
    assert by_address.json()["data"] == {"viewer": {"__typename": "Viewer"}}


async def test_the_text_is_run_unless_only_known_documents_are(ask: world.Asker, only: bool) -> None:
    answer = await post(ask, query=KNOWN, variables={"skip": False})
    if only:
        assert (answer.status_code, code(answer)) == (400, "DOCUMENT_ID_REQUIRED")
    else:
        assert answer.json()["data"]["viewer"]["role"] == "BRAND"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (id_of("{ viewer { role } }"), "DOCUMENT_NOT_FOUND"),
        (id_of(KNOWN).upper(), "BAD_DOCUMENT_ID"),
        (id_of(KNOWN).removeprefix("sha256:"), "BAD_DOCUMENT_ID"),
        ("sha256:", "DOCUMENT_NOT_FOUND"),
        ("", "BAD_DOCUMENT_ID"),
    ],
)
async def test_an_id_that_is_not_known_says_what_to_do(ask: world.Asker, only: bool, given: str, said: str) -> None:
    answer = await post(ask, documentId=given)
    assert (answer.status_code, code(answer)) == (400, said)


@pytest.mark.parametrize("body", [{}, {"query": KNOWN, "documentId": id_of(KNOWN)}, {"documentId": 5}])
async def test_a_request_asks_for_one_document(ask: world.Asker, only: bool, body: dict[str, Any]) -> None:
    answer = await post(ask, **body)
    assert (answer.status_code, answer.json()["code"]) == (400, "NOT_JSON")


async def test_a_subscription_too(address: str, only: bool) -> None:
    async with wire(address) as client:
        await client.begin()
        for document, said in ((id_of(LIVE), "NOT_FOUND"), (id_of("{ a }"), "DOCUMENT_NOT_FOUND")):
            asked = {"documentId": document, "variables": {"id": world.gid("Order", new_id())}}
            await client.send(type="subscribe", id=document, payload=asked)
            frame = await client.receive()
            [error] = frame["payload"] if frame["type"] == "error" else frame["payload"]["errors"]
            assert (frame["id"], error["extensions"]["code"]) == (document, said)
            assert frame["type"] == "error" or (await client.receive())["type"] == "complete"


@pytest.mark.parametrize("content", ["[]", "{", '{"abc": "{ viewer { role } }"}', '{"abc": 1}'])
def test_a_manifest_that_is_wrong_ends_the_start(tmp_path: Path, content: str) -> None:
    path = tmp_path / "documents.json"
    path.write_text(content)
    with pytest.raises(SettingsError, match="FILIERA_TRUSTED_DOCUMENTS"):
        Trusted.read(path, only=False)


def test_a_manifest_that_is_missing_ends_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="FILIERA_TRUSTED_DOCUMENTS"):
        Trusted.read(tmp_path / "nothing.json", only=False)
    with pytest.raises(SettingsError, match="FILIERA_TRUSTED_ONLY needs FILIERA_TRUSTED_DOCUMENTS"):
        Trusted.read(None, only=True)


def code(answer: httpx.Response) -> str:
    [error] = answer.json()["errors"]
    said: str = error["extensions"]["code"]
    return said
