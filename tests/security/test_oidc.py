"""Tokens of a running Keycloak, found by discovery: its access tokens for us are accepted, and nothing else."""

import base64
import hmac
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import KeySet, RSAKey

from libs.contracts.values import PartyKind
from libs.kit.auth import Verifier
from libs.kit.errors import Unauthenticated
from libs.kit.ids import new_id
from libs.kit.settings import Settings
from tests.clocks import HandClock
from tests.conftest import Clients
from tests.security.keycloak import Keycloak


@pytest.fixture(scope="module")
def keycloak(folder: Path) -> Iterator[Keycloak]:
    server = Keycloak(folder / "keycloak")
    yield server
    server.child.kill()
    shutil.rmtree(folder / "keycloak")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def verifier(keycloak: Keycloak, clock: HandClock) -> Verifier:
    return Verifier(Settings(service="probe", issuer=keycloak.issuer(), jwks="", jwt_algorithm="RS256"), clock)


async def refusal(verifier: Verifier, token: str) -> str:
    with pytest.raises(Unauthenticated) as told:
        await verifier.principal(f"Bearer {token}")
    return told.value.detail


@pytest.mark.parametrize("role", ["brand", "workshop", "retailer", "lab", "hub"])
async def test_a_token_says_which_party_speaks_and_as_what(keycloak: Keycloak, verifier: Verifier, role: str) -> None:
    party = new_id()
    principal = await verifier.principal(f"Bearer {keycloak.token(party, role)}")
    assert (principal.party, principal.role) == (party, PartyKind(role))


async def test_a_service_takes_it(keycloak: Keycloak, client: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"ISSUER": keycloak.issuer(), "JWKS": "", "JWT_ALGORITHM": "RS256"}
    for name, value in settings.items():
        monkeypatch.setenv(f"FILIERA_{name}", value)
    catalog = await client("catalog")
    body = {"kind": "brand", "name": "Atelier Brera"}
    headers = {"Idempotency-Key": str(new_id())}
    good = keycloak.token(new_id(), "brand")
    answer = await catalog.post("/parties", json=body, headers=headers | {"Authorization": f"Bearer {good[:-8]}"})
    assert (answer.status_code, answer.json()["detail"]) == (
        401,
        "The token is not accepted: its signature is not the issuer's. Get a new one.",
    )
    answer = await catalog.post("/parties", json=body, headers=headers | {"Authorization": f"Bearer {good}"})
    assert answer.status_code == 201, answer.text


async def test_an_expired_token_is_refused(keycloak: Keycloak, verifier: Verifier, clock: HandClock) -> None:
    token = keycloak.token(new_id(), "brand")
    await verifier.principal(f"Bearer {token}")
    clock.ahead += 43200 + 10
    assert await refusal(verifier, token) == "The token is not accepted: it has expired. Get a new one."


async def test_a_token_for_others_is_refused(keycloak: Keycloak, verifier: Verifier) -> None:
    keycloak.make_client("other-system", defaultClientScopes=["basic"])
    told = await refusal(verifier, keycloak.token(new_id(), "brand", client="other-system"))
    assert "its claim `aud,party,role,sub` is missing, or not what is expected here" in told


async def test_a_token_of_another_issuer_is_refused(keycloak: Keycloak, verifier: Verifier) -> None:
    """Signed with the same key, but by a realm that calls itself otherwise."""
    told = await refusal(verifier, keycloak.token(new_id(), "brand", host="localhost"))
    assert told == "The token is not accepted: its claim `iss` is missing, or not what is expected here. Get a new one."


async def test_what_is_no_access_token_is_refused(keycloak: Keycloak, verifier: Verifier) -> None:
    got = keycloak.log_in(new_id(), "brand")
    for kind in ("id_token", "refresh_token"):
        await refusal(verifier, got[kind])


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _read(part: str) -> dict[str, Any]:
    return dict(json.loads(base64.urlsafe_b64decode(part + "==")))


async def test_an_unsigned_token_is_refused(keycloak: Keycloak, verifier: Verifier) -> None:
    head, claims, signature = keycloak.token(new_id(), "brand").split(".")
    for alg in ("none", "None", "NONE", ""):
        forged = _part(_read(head) | {"alg": alg})
        for end in ("", signature):
            await refusal(verifier, f"{forged}.{claims}.{end}")


async def test_changed_claims_are_refused(keycloak: Keycloak, verifier: Verifier) -> None:
    head, claims, signature = keycloak.token(new_id(), "brand").split(".")
    told = await refusal(verifier, f"{head}.{_part(_read(claims) | {'party': str(new_id())})}.{signature}")
    assert told == "The token is not accepted: its signature is not the issuer's. Get a new one."


async def test_another_algorithm_is_refused_with_the_issuers_own_public_key(
    keycloak: Keycloak, verifier: Verifier
) -> None:
    head, claims, _ = keycloak.token(new_id(), "brand").split(".")
    published = KeySet.import_key_set(keycloak.published())
    key = published.get_by_kid(_read(head)["kid"])
    assert isinstance(key, RSAKey)
    signed = f"{_part(_read(head) | {'alg': 'HS256'})}.{claims}"
    for secret in (
        key.as_pem(private=False),
        key.as_der(private=False),
        json.dumps(key.as_dict(private=False)).encode(),
    ):
        forged = base64.urlsafe_b64encode(hmac.digest(secret, signed.encode(), "sha256")).rstrip(b"=").decode()
        told = await refusal(verifier, f"{signed}.{forged}")
        assert "not signed with the algorithm that is accepted here" in told


@pytest.mark.parametrize(
    ("provider", "algorithm"), [("eddsa-generated", "EdDSA"), ("ecdsa-generated", "ES256"), ("rsa-generated", "RS512")]
)
async def test_the_issuers_other_algorithms_are_refused(
    keycloak: Keycloak, verifier: Verifier, provider: str, algorithm: str
) -> None:
    """Honest tokens, of keys that it publishes; only one algorithm is agreed on."""
    keycloak.make_key(provider, 100, algorithm)
    client = f"signs-{algorithm}"
    keycloak.make_client(client, attributes={"access.token.signed.response.alg": algorithm})
    token = keycloak.token(new_id(), "brand", client=client)
    assert _read(token.split(".")[0])["alg"] == algorithm
    await refusal(verifier, token)


async def test_a_key_is_followed_when_it_is_changed(keycloak: Keycloak, verifier: Verifier, clock: HandClock) -> None:
    party = new_id()
    old = keycloak.token(party, "brand")
    await verifier.principal(f"Bearer {old}")
    made = keycloak.make_key("rsa-generated", 1000, "RS256")
    new = keycloak.token(party, "brand")
    assert _read(new.split(".")[0])["kid"] != _read(old.split(".")[0])["kid"]
    clock.ahead += 11  # keys are looked for again at most every 10 s
    for token in (new, old):
        assert (await verifier.principal(f"Bearer {token}")).party == party
    keycloak.remove_other_keys(made, "rsa-generated")
    clock.ahead += 301  # keys are trusted for 300 s
    await verifier.principal(f"Bearer {new}")
    assert await refusal(verifier, old) == "The token is not accepted: the issuer has no such key. Get a new one."
