"""Who is calling: a JWT of the one trusted issuer, verified against its published keys (RFC 7519, RFC 8725)."""

import asyncio
import logging
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import msgspec
from joserfc import jwt
from joserfc.errors import (
    BadSignatureError,
    ClaimError,
    ExpiredTokenError,
    InvalidKeyIdError,
    JoseError,
    UnsupportedAlgorithmError,
)
from joserfc.jwk import KeySet
from joserfc.jws import extract_compact

from libs.contracts.values import PartyKind
from libs.kit.clock import Clock
from libs.kit.errors import Forbidden, Unauthenticated, Unavailable
from libs.kit.settings import Settings

log = logging.getLogger(__name__)

_LONGEST_TOKEN = 8192
_LONGEST_SUBJECT = 255
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
"""RFC 7515, section 7.1: three parts, without padding or blanks, none of them empty."""
_HEADER = {"alg", "kid", "typ", "x5t", "x5t#S256"}
"""What a header may say: nothing that brings a key (`jwk`, `x5c`) or the address of one (`jku`, `x5u`), nor what must
be understood (`crit`). The thumbprints are not looked at."""
_TYPES = {"jwt", "at+jwt"}
"""RFC 8725, section 3.11: neither a token that ends a session nor a proof of a key is one of access."""
_FETCH_DEADLINE = 3.0
_FRESH_FOR = 300.0
"""Seconds for which fetched keys are trusted; a token with an unknown `kid` makes us look again, at most every 10 s."""
_LOOK_AGAIN_AFTER = 10.0
_AFTER_FAILURE = 1.0
_LEEWAY = 5
MOST_REMEMBERED = 4096
"""Tokens that need not be checked again."""


@dataclass(frozen=True)
class Principal:
    """The party that a verified token speaks for."""

    party: UUID
    role: PartyKind
    subject: str
    expires_at: datetime
    """The instant, in UTC, from which the token is refused: its `exp` and the leeway of 5 s."""

    def must_be(self, *roles: PartyKind) -> None:
        """Raise Forbidden unless the token has one of these roles."""
        if self.role not in roles:
            allowed = " or ".join(roles)
            raise Forbidden(f"This needs a token with the role {allowed}; yours has {self.role}.", code="WRONG_ROLE")


class Verifier:
    """Checks tokens: pinned algorithm, issuer, audience, times, and a key chosen by `kid` alone."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._keys: KeySet | None = None
        self._known: dict[str, tuple[datetime, Principal]] = {}
        """Tokens that were found good under these keys, since when and whose: so they are until they end."""
        self._looked_at = self._failed_at = float("-inf")
        self._looking = asyncio.Lock()
        self._claims: dict[str, Any] = {
            "iss": {"essential": True, "value": settings.issuer},
            "aud": {"essential": True, "value": settings.audience},
            **{name: {"essential": True} for name in ("exp", "sub", "party", "role")},
        }

    async def principal(self, authorization: str | None) -> Principal:
        """The caller, from the value of an Authorization header. Raises Unauthenticated with the reason."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("Send `Authorization: Bearer <token>`; `./filiera token --help` makes one to try.")
        if len(token) > _LONGEST_TOKEN:
            raise Unauthenticated(f"The token is longer than {_LONGEST_TOKEN} characters: get one that says less.")
        try:
            return await self._verify(token.strip())
        except (JoseError, ValueError, KeyError, TypeError, OverflowError) as error:
            log.info("token refused", extra={"reason": type(error).__name__})
            raise Unauthenticated(f"The token is not accepted: {_reason(error)}. Get a new one.") from None

    async def _verify(self, token: str) -> Principal:
        keys = await self._keyset(unknown=token not in self._known and self._is_unknown(_key_id(token)))
        now = self._clock.now()
        since, known = self._known.get(token, (now, None))
        if known and since <= now < known.expires_at:
            return known
        claims = jwt.decode(token, keys, algorithms=[self._settings.jwt_algorithm]).claims
        registry = jwt.JWTClaimsRegistry(now=int(now.timestamp()), leeway=_LEEWAY, **self._claims)
        # RFC 7519 gives nobody a reason to refuse for `iat`: by a clock that is slow every new token is of the future.
        registry.validate({name: value for name, value in claims.items() if name != "iat"})
        if len(claims["sub"]) > _LONGEST_SUBJECT:
            raise ValueError("the subject is too long")
        ends = datetime.fromtimestamp(claims["exp"] + _LEEWAY, UTC)
        principal = Principal(UUID(str(claims["party"])), PartyKind(claims["role"]), str(claims["sub"]), ends)
        self._remember(token, now, principal)
        return principal

    def _remember(self, token: str, now: datetime, principal: Principal) -> None:
        if len(self._known) >= MOST_REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[token] = now, principal

    def _is_unknown(self, kid: str) -> bool:
        return self._keys is None or all(key.kid != kid for key in self._keys.keys)

    async def _keyset(self, *, unknown: bool) -> KeySet:
        """The issuer's keys, looked up again if they are old, or a token names an `unknown` one; those known stand in
        for a look that fails. Nobody with a known key waits for the look of another."""
        oldest, pause = (_LOOK_AGAIN_AFTER, _AFTER_FAILURE) if unknown else (_FRESH_FOR, _LOOK_AGAIN_AFTER)
        if self._keys is None:
            pause = _AFTER_FAILURE
        elif not self._is_time(oldest, pause) or (self._looking.locked() and not unknown):
            return self._keys
        async with self._looking:
            now = self._clock.monotonic()
            if self._is_time(oldest, pause):
                try:
                    self._keys, self._looked_at, self._known = await self._fetch(), now, {}
                except (OSError, TimeoutError, httpx.HTTPError, msgspec.MsgspecError, JoseError, ValueError) as error:
                    self._failed_at = self._clock.monotonic()
                    log.warning("no keys from the issuer", extra={"error": type(error).__name__, "reason": str(error)})
            if self._keys is None:
                raise Unavailable("The issuer's keys cannot be read, so no token can be checked. Try again.")
            return self._keys

    def _is_time(self, oldest: float, pause: float) -> bool:
        now = self._clock.monotonic()
        return now - self._looked_at > oldest and now - self._failed_at > pause

    async def _fetch(self) -> KeySet:
        where, issuer = self._settings.jwks, self._settings.issuer
        if where and not _is_url(where):
            return self._parse(await asyncio.to_thread(Path(where).read_bytes))
        async with asyncio.timeout(_FETCH_DEADLINE), httpx.AsyncClient() as client:
            return self._parse(await _get(client, where or await _discover(client, issuer)))

    def _parse(self, content: bytes) -> KeySet:
        """The keys meant for signatures of the one algorithm: an issuer may publish others beside them."""
        found: list[Any] = msgspec.to_builtins(msgspec.json.decode(content, type=_KeySet).keys)
        pinned = self._settings.jwt_algorithm
        ours = [key for key in found if _verifies(key) and key.get("alg", pinned) == pinned]
        if not ours:
            raise ValueError(f"no key for {pinned}")
        return KeySet.import_key_set({"keys": ours})


def _key_id(token: str) -> str:
    """The `kid` of a token that looks as one of ours may. Raises ValueError or JoseError."""
    if not _COMPACT.fullmatch(token):
        raise ValueError("not three parts in base64url")
    header = extract_compact(token.encode()).headers()
    if more := header.keys() - _HEADER:
        raise _HeaderError(f"its header has `{min(more)}`, which is not taken here")
    if str(header.get("typ", "JWT")).lower().removeprefix("application/") not in _TYPES:
        raise _HeaderError("its `typ` is not that of an access token")
    if not isinstance(header.get("kid"), str):
        raise TypeError("no key id")
    return str(header["kid"])


def _verifies(key: dict[str, Any]) -> bool:
    return key.get("use", "sig") == "sig" and "verify" in key.get("key_ops", ["verify"])


class _HeaderError(ValueError):
    """The message is for the caller: what the token's header says that it must not."""


class _KeySet(msgspec.Struct):
    keys: list[dict[str, Any]]


class _Provider(msgspec.Struct):
    issuer: str
    jwks_uri: str


async def _discover(client: httpx.AsyncClient, issuer: str) -> str:
    """Where the issuer publishes its keys (OpenID Connect Discovery 1.0, section 4.3: it must name itself alike)."""
    if not _is_url(issuer):
        raise ValueError("FILIERA_JWKS is not set, and FILIERA_ISSUER is no URL")
    content = await _get(client, f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    provider = msgspec.json.decode(content, type=_Provider)
    if provider.issuer != issuer or not _is_url(provider.jwks_uri):
        raise ValueError(f"the issuer at {issuer} calls itself {provider.issuer}")
    return provider.jwks_uri


async def _get(client: httpx.AsyncClient, url: str) -> bytes:
    return (await client.get(url)).raise_for_status().content


def _is_url(where: str) -> bool:
    return where.startswith(("http://", "https://"))


_REASONS = {
    BadSignatureError: "its signature is not the issuer's",
    InvalidKeyIdError: "the issuer has no such key",
    UnsupportedAlgorithmError: "it is not signed with the algorithm that is accepted here",
    ExpiredTokenError: "it has expired",
}


def _reason(error: Exception) -> str:
    if isinstance(error, ClaimError) and not isinstance(error, ExpiredTokenError):
        return f"its claim `{error.claim}` is missing, or not what is expected here"
    if isinstance(error, _HeaderError):
        return str(error)
    return next((reason for kind, reason in _REASONS.items() if isinstance(error, kind)), "it is malformed")
