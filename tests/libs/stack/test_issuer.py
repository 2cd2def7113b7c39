import base64
import json
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import pytest

from libs.contracts.values import PartyKind
from libs.kit.auth import Principal, Verifier
from libs.kit.clock import SystemClock
from libs.kit.errors import Unauthenticated
from libs.kit.settings import Settings
from libs.stack.errors import StackError
from libs.stack.home import Home
from libs.stack.issuer import ROLES, Issuer, party_id

BRERA = UUID("2b8cf1a9-5f0f-5d5a-9b19-3f0a4f1f1a11")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path)
    made.make()
    return made


def verifier(home: Home) -> Verifier:
    return Verifier(Settings(service="orders", jwks=str(home.issuer / "jwks.json")), SystemClock())


async def test_a_service_accepts_a_token_for_what_it_says(home: Home) -> None:
    token = Issuer(home).token(BRERA, "workshop", "anna", 60)
    said = await verifier(home).principal(f"Bearer {token}")
    assert said == Principal(BRERA, PartyKind("workshop"), "anna", said.expires_at)


async def test_a_token_of_another_home_or_of_yesterday_is_refused(home: Home, tmp_path: Path) -> None:
    other = Home(tmp_path / "other")
    other.make()
    issuer = Issuer(home)
    for token in (Issuer(other).token(BRERA, "brand", "anna", 60), issuer.token(BRERA, "brand", "anna", -60)):
        with pytest.raises(Unauthenticated):
            await verifier(home).principal(f"Bearer {token}")


def test_a_name_is_always_the_same_party_and_a_uuid_is_itself() -> None:
    assert party_id("sartoria-brera") == party_id("sartoria-brera") != party_id("sartoria-lambrate")
    assert party_id("sartoria-brera") == UUID("1342a038-c519-5763-b822-edd1d3037d06")
    assert party_id(str(BRERA)) == BRERA


def test_the_roles_are_those_of_the_contracts() -> None:
    assert set(ROLES) == set(PartyKind)


def test_the_key_is_private_and_made_once_even_by_many_at_a_time(home: Home) -> None:
    with ThreadPoolExecutor(8) as threads:
        issuers = list(threads.map(lambda _: Issuer(home), range(8)))
    assert len({issuer.environment()["FILIERA_JWKS"] for issuer in issuers}) == 1
    assert stat.S_IMODE((home.issuer / "key.json").stat().st_mode) == 0o600
    key = json.loads((home.issuer / "key.json").read_text())
    (published,) = json.loads((home.issuer / "jwks.json").read_text())["keys"]
    assert "d" in key
    assert "d" not in published
    assert published["kid"] == key["kid"]
    assert [path.name for path in home.issuer.iterdir() if path.name.startswith("key")] == ["key.json"]


def test_a_broken_key_says_what_to_do(home: Home) -> None:
    (home.issuer / "key.json").write_text("{")
    with pytest.raises(StackError, match="remove it"):
        Issuer(home)


def test_a_token_lives_as_long_as_asked(home: Home) -> None:
    body = Issuer(home).token(BRERA, "brand", "anna", 3600).split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    assert claims["exp"] - claims["iat"] == 3600
    assert abs(claims["iat"] - time.time()) < 5
