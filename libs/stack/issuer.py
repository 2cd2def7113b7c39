"""The issuer of tokens for one machine. Real installations have an OpenID provider in its place."""

import json
import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from uuid import NAMESPACE_URL, UUID, uuid5

from joserfc import jwt
from joserfc.jwk import KeySet, OKPKey

from libs.stack.errors import StackError
from libs.stack.home import Home

ISSUER = "filiera-dev"
AUDIENCE = "filiera"
ALGORITHM = "Ed25519"  # RFC 9864: the name says the curve too
ROLES = ("brand", "workshop", "retailer", "lab", "hub")
PARTIES = uuid5(NAMESPACE_URL, "https://filiera.example/parties")


class Issuer:
    """Signs tokens with a key of its own, made once; the public half is in `jwks.json`."""

    def __init__(self, home: Home) -> None:
        self._folder = home.issuer
        self.jwks = home.issuer / "jwks.json"
        self._key = self._load()

    def environment(self) -> dict[str, str]:
        """The settings by which a service trusts this issuer and no other."""
        return {
            "FILIERA_ISSUER": ISSUER,
            "FILIERA_AUDIENCE": AUDIENCE,
            "FILIERA_JWKS": str(self.jwks),
            "FILIERA_JWT_ALGORITHM": ALGORITHM,
        }

    def token(self, party: UUID, role: str, subject: str, seconds: int) -> str:
        """A signed token that speaks for the party from now on, so many seconds."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": subject,
            "party": str(party),
            "role": role,
            "iat": now,
            "nbf": now,
            "exp": now + seconds,
        }
        return jwt.encode({"alg": ALGORITHM, "kid": self._key.kid}, claims, self._key, algorithms=[ALGORITHM])

    def _load(self) -> OKPKey:
        path = self._folder / "key.json"
        if not path.exists():
            key = OKPKey.generate_key("Ed25519", {"use": "sig", "alg": ALGORITHM})
            key.ensure_kid()
            _write_once(path, json.dumps(key.as_dict(private=True)))
        try:
            key = OKPKey.import_key(json.loads(path.read_text()))
        except ValueError as error:
            raise StackError(f"{path} is not a key: remove it, and a new one is made (old tokens end)") from error
        public = json.dumps(KeySet([key]).as_dict(private=False))
        if not self.jwks.exists() or self.jwks.read_text() != public:
            _draft(self.jwks, public).replace(self.jwks)
        return key


def party_id(name: str) -> UUID:
    """The party of that name, or of that UUID: a name always means the same party."""
    try:
        return UUID(name)
    except ValueError:
        return uuid5(PARTIES, name)


def _write_once(path: Path, content: str) -> None:
    """Write the file whole and private, or leave the one that another process has written meanwhile."""
    draft = _draft(path, content)
    with suppress(FileExistsError):
        path.hardlink_to(draft)
    draft.unlink()


def _draft(path: Path, content: str) -> Path:
    draft = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
    draft.touch(mode=0o600)
    draft.write_text(content)
    return draft
