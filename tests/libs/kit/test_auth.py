"""Tokens: only the issuer's, for us, in time, under the one algorithm."""

import asyncio
import base64
import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, OKPKey, RSAKey

from libs.contracts.values import PartyKind
from libs.kit.auth import MOST_REMEMBERED, Principal, Verifier
from libs.kit.clock import SystemClock
from libs.kit.errors import Forbidden, Unauthenticated, Unavailable
from libs.kit.ids import new_id
from libs.kit.settings import Settings
from libs.kit.testing import token
from tests.clocks import HandClock


@pytest.fixture
def verifier() -> Verifier:
    return Verifier(Settings(service="probe"), SystemClock())


async def test_a_good_token_says_which_party_speaks(verifier: Verifier) -> None:
    party = new_id()
    ends = datetime(2100, 1, 1, tzinfo=UTC)
    claims = {"subject": "anna", "exp": int(ends.timestamp())}
    principal = await verifier.principal(f"Bearer {token(party, 'workshop', **claims)}")
    assert principal == Principal(party, PartyKind.WORKSHOP, "anna", ends + timedelta(seconds=5))


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": int(time.time()) - 60},
        {"exp": 10**20},
        {"nbf": int(time.time()) + 86_400},
        {"iss": "somebody-else"},
        {"aud": "another-system"},
        {"party": "not-a-uuid"},
        {"party": 7},
        {"role": "emperor"},
        {"sub": None},
    ],
)
async def test_a_token_with_a_bad_claim_is_refused(verifier: Verifier, claims: dict[str, object]) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.principal(f"Bearer {token(new_id(), 'brand', **claims)}")


async def test_a_token_is_accepted_by_a_clock_that_is_five_minutes_slow(verifier: Verifier) -> None:
    made = {"iat": int(time.time()) + 300, "exp": int(time.time()) + 600}
    assert (await verifier.principal(f"Bearer {token(new_id(), 'brand', **made)}")).role == PartyKind.BRAND


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _claims() -> dict[str, object]:
    party = str(new_id())
    soon = int(time.time()) + 3600
    return {"iss": "filiera-dev", "aud": "filiera", "sub": "x", "exp": soon, "party": party, "role": "brand"}


async def test_an_unsigned_token_is_refused(verifier: Verifier) -> None:
    for alg in ("none", "None", "NONE"):
        with pytest.raises(Unauthenticated):
            await verifier.principal(f"Bearer {_part({'alg': alg, 'kid': 'test'})}.{_part(_claims())}.")


async def test_another_algorithm_is_refused_even_with_a_published_key(verifier: Verifier) -> None:
    public = await asyncio.to_thread(Path(Settings(service="probe").jwks).read_bytes)
    shared_secret = OctKey.import_key(public)
    forged = jwt.encode({"alg": "HS256", "kid": "test"}, _claims(), shared_secret, algorithms=["HS256"])
    with pytest.raises(Unauthenticated):
        await verifier.principal(f"Bearer {forged}")
    rsa = RSAKey.generate_key(2048)
    other = jwt.encode({"alg": "RS256", "kid": "test"}, _claims(), rsa, algorithms=["RS256"])
    with pytest.raises(Unauthenticated):
        await verifier.principal(f"Bearer {other}")


async def test_a_key_that_was_not_published_is_refused(verifier: Verifier) -> None:
    for kid in ("test", "other", None):
        head = {"alg": "Ed25519"} | ({"kid": kid} if kid else {})
        forged = jwt.encode(head, _claims(), OKPKey.generate_key("Ed25519"), algorithms=["Ed25519"])
        with pytest.raises(Unauthenticated):
            await verifier.principal(f"Bearer {forged}")


@pytest.mark.parametrize(
    "value", [None, "", "Bearer", "Bearer ", "Bearer a.b", "Bearer " + "x" * 10_000, "Bearer é.é.é"]
)
async def test_what_is_no_token_is_refused(verifier: Verifier, value: str | None) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.principal(value)


async def test_a_new_key_is_followed(tmp_path: Path) -> None:
    jwks = tmp_path / "jwks.json"
    clock = HandClock()
    old, new = (OKPKey.generate_key("Ed25519", {"kid": kid}) for kid in ("old", "new"))
    jwks.write_text(json.dumps(KeySet([old]).as_dict(private=False)))
    verifier = Verifier(Settings(service="probe", jwks=str(jwks)), clock)
    known = _signed(old, "old")
    await verifier.principal(f"Bearer {known}")
    jwks.write_text(json.dumps(KeySet([new]).as_dict(private=False)))
    clock.ahead += 11
    await verifier.principal(f"Bearer {_signed(new, 'new')}")
    for refused in (known, _signed(old, "old")):
        with pytest.raises(Unauthenticated):
            await verifier.principal(f"Bearer {refused}")


async def test_a_token_that_was_accepted_is_refused_when_it_is_over() -> None:
    clock = HandClock()
    verifier = Verifier(Settings(service="probe"), clock)
    good = f"Bearer {token(new_id(), 'brand', exp=int(time.time()) + 60)}"
    assert await verifier.principal(good) == await verifier.principal(good)
    clock.ahead += 70
    with pytest.raises(Unauthenticated, match="expired"):
        await verifier.principal(good)


async def test_a_token_that_was_accepted_is_refused_by_a_clock_that_goes_back_before_it_was_good() -> None:
    clock = HandClock()
    verifier = Verifier(Settings(service="probe"), clock)
    later = f"Bearer {token(new_id(), 'brand', nbf=int(time.time()) + 60)}"
    clock.ahead += 70
    assert await verifier.principal(later) == await verifier.principal(later)
    clock.ahead -= 70
    with pytest.raises(Unauthenticated, match="nbf"):
        await verifier.principal(later)


async def test_a_token_says_the_same_however_many_others_came_since(verifier: Verifier) -> None:
    first = f"Bearer {token(new_id(), 'brand')}"
    said = await verifier.principal(first)
    for _ in range(MOST_REMEMBERED + 1):
        await verifier.principal(f"Bearer {token(new_id(), 'brand')}")
    assert await verifier.principal(first) == said


async def test_without_the_issuers_keys_the_answer_is_to_try_again(tmp_path: Path) -> None:
    verifier = Verifier(Settings(service="probe", jwks=str(tmp_path / "missing")), SystemClock())
    with pytest.raises(Unavailable):
        await verifier.principal(f"Bearer {token(new_id(), 'brand')}")


def test_a_role_that_may_not_is_told_which_may() -> None:
    principal = Principal(new_id(), PartyKind.RETAILER, "x", datetime.max.replace(tzinfo=UTC))
    principal.must_be(PartyKind.RETAILER, PartyKind.BRAND)
    with pytest.raises(Forbidden, match="role workshop or lab; yours has retailer"):
        principal.must_be(PartyKind.WORKSHOP, PartyKind.LAB)


def _signed(key: OKPKey, kid: str) -> str:
    return jwt.encode({"alg": "Ed25519", "kid": kid}, _claims(), key, algorithms=["Ed25519"])


async def test_an_issuer_that_answers_nonsense_leaves_the_known_keys_good(tmp_path: Path) -> None:
    jwks, clock = tmp_path / "jwks.json", HandClock()
    key = OKPKey.generate_key("Ed25519", {"kid": "k"})
    jwks.write_text(json.dumps(KeySet([key]).as_dict(private=False)))
    verifier = Verifier(Settings(service="probe", jwks=str(jwks)), clock)
    await verifier.principal(f"Bearer {_signed(key, 'k')}")
    for nonsense in ("<html>", "{}", '{"keys": []}', '{"keys": [7]}'):
        jwks.write_text(nonsense)
        clock.ahead += 301
        await verifier.principal(f"Bearer {_signed(key, 'k')}")


@pytest.mark.parametrize("nonsense", ["<html>", "{}", '{"keys": []}'])
async def test_an_issuer_that_never_gave_keys_makes_nobody_unauthenticated(tmp_path: Path, nonsense: str) -> None:
    jwks = tmp_path / "jwks.json"
    jwks.write_text(nonsense)
    verifier = Verifier(Settings(service="probe", jwks=str(jwks)), SystemClock())
    with pytest.raises(Unavailable):
        await verifier.principal(f"Bearer {token(new_id(), 'brand')}")


class Provider:
    """An issuer on the loopback that counts what it is asked: its `published` by path, anything else is 404."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.published: dict[str, object] = {}
        outer = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked[self.path] += 1
                self.send_response(200 if self.path in outer.published else 404)
                self.end_headers()
                self.wfile.write(json.dumps(outer.published.get(self.path)).encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()
    with made.server:
        thread = Thread(target=made.server.serve_forever)
        thread.start()
        yield made
        made.server.shutdown()
        thread.join()


async def test_tokens_with_unknown_keys_do_not_hammer_the_issuer(provider: Provider) -> None:
    key, clock = OKPKey.generate_key("Ed25519", {"kid": "k"}), HandClock()
    provider.published["/keys"] = KeySet([key]).as_dict(private=False)
    verifier = Verifier(Settings(service="probe", jwks=f"{provider.url}/keys"), clock)
    good = _signed(key, "k")
    await verifier.principal(f"Bearer {good}")
    for round_ in (1, 2, 3):
        clock.ahead += 11
        tries = [verifier.principal(f"Bearer {_signed(key, f'unknown-{n}')}") for n in range(50)]
        refused = await asyncio.gather(*tries, return_exceptions=True)
        assert {type(each) for each in refused} == {Unauthenticated}
        assert (await verifier.principal(f"Bearer {good}")).role == PartyKind.BRAND
        assert provider.asked["/keys"] == 1 + round_


async def test_keys_are_found_where_the_issuer_says(provider: Provider) -> None:
    key = OKPKey.generate_key("Ed25519", {"kid": "k"})
    provider.published["/certs"] = KeySet([key]).as_dict(private=False)
    about = {"issuer": provider.url, "jwks_uri": f"{provider.url}/certs"}
    provider.published["/.well-known/openid-configuration"] = about
    verifier = Verifier(Settings(service="probe", issuer=provider.url, jwks=""), SystemClock())
    claims = _claims() | {"iss": provider.url}
    signed = jwt.encode({"alg": "Ed25519", "kid": "k"}, claims, key, algorithms=["Ed25519"])
    await verifier.principal(f"Bearer {signed}")
    about["issuer"] = "https://somebody.else"
    with pytest.raises(Unavailable):  # it must call itself as we do (OpenID Connect Discovery 1.0, section 4.3)
        await Verifier(Settings(service="probe", issuer=provider.url, jwks=""), SystemClock()).principal(
            f"Bearer {signed}"
        )


async def test_keys_for_other_uses_and_algorithms_do_not_count(tmp_path: Path) -> None:
    jwks = tmp_path / "jwks.json"
    others = [("for-encryption", {"use": "enc"}), ("of-another", {"alg": "EdDSA"})]
    keys = {kid: OKPKey.generate_key("Ed25519", {"kid": kid, **more}) for kid, more in [*others, ("ours", {})]}
    jwks.write_text(json.dumps(KeySet(list(keys.values())).as_dict(private=False)))
    verifier = Verifier(Settings(service="probe", jwks=str(jwks)), SystemClock())
    await verifier.principal(f"Bearer {_signed(OKPKey.import_key(keys['ours'].as_dict(private=True)), 'ours')}")
    for kid, _ in others:
        bare = OKPKey.import_key({k: v for k, v in keys[kid].as_dict(private=True).items() if k not in {"use", "alg"}})
        with pytest.raises(Unauthenticated, match="the issuer has no such key"):
            await verifier.principal(f"Bearer {_signed(bare, kid)}")


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": int(time.time()) - 60}, "it has expired"),
        ({"iss": "somebody-else"}, "its claim `iss` is missing, or not what is expected here"),
        ({"party": "not-a-uuid"}, "it is malformed"),
    ],
)
async def test_the_reason_is_told_plainly(verifier: Verifier, claims: dict[str, object], reason: str) -> None:
    with pytest.raises(Unauthenticated) as told:
        await verifier.principal(f"Bearer {token(new_id(), 'brand', **claims)}")
    assert told.value.detail == f"The token is not accepted: {reason}. Get a new one."
