"""What tests and benches of services share: tokens, headers, waiting. Servers come from tests/conftest.py."""

import asyncio
import inspect
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import msgspec
from joserfc import jwt
from joserfc.jwk import KeySet, OKPKey

from libs.kit.ids import new_id

T = TypeVar("T")

_KEY = "FILIERA_TEST_ISSUER_KEY"


def make_issuer(folder: Path) -> None:
    """Make a token issuer for this process and its children: its keys are published in `folder`."""
    key = OKPKey.generate_key("Ed25519", {"kid": "test", "use": "sig"})
    jwks = folder / "jwks.json"
    jwks.write_bytes(msgspec.json.encode(KeySet([key]).as_dict(private=False)))
    os.environ["FILIERA_JWKS"] = str(jwks)
    os.environ[_KEY] = msgspec.json.encode(key.as_dict(private=True)).decode()


def token(party: UUID, role: str, /, *, subject: str = "test", **claims: object) -> str:
    """A token of the test issuer; `claims` replace or add, e.g. `exp=0`."""
    key = OKPKey.import_key(msgspec.json.decode(os.environ[_KEY]))
    now = int(time.time())
    standard = {"iss": "filiera-dev", "aud": "filiera", "sub": subject, "iat": now, "exp": now + 3600}
    told = standard | {"party": str(party), "role": role} | claims
    return jwt.encode({"alg": "Ed25519", "kid": "test"}, told, key, algorithms=["Ed25519"])


def headers(party: UUID, role: str, key: str | None = None) -> dict[str, str]:
    """Headers of a command: a token, and an Idempotency-Key, new unless given."""
    return {"Authorization": f"Bearer {token(party, role)}", "Idempotency-Key": key or str(new_id())}


async def eventually(look: Callable[[], T | Awaitable[T]], seconds: float = 30.0) -> T:
    """Look again and again until what is seen is true or not None; fails after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        value = await seen if inspect.isawaitable(seen) else seen
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not so after {seconds} s: {inspect.getsource(look).strip()}")
        await asyncio.sleep(0.05)
