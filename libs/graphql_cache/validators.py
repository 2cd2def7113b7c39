"""What a GET of whoever has no token is answered with, so that browsers and proxies may keep it and ask whether it is
still so (RFC 9110, sections 8.8.3 and 13.1.2; RFC 9111, section 5.2.2.4).

The body is the data alone, which is the same for everybody, so the entity tag is a strong one. What `extensions` tell
elsewhere, which never is the same, is told by headers, which a 304 has too.
"""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import msgspec
from fastapi import Request, Response

NOT_MODIFIED = 304


def validated(request: Request, data: object, extensions: Mapping[str, Any], media_type: str) -> Response:
    """The data of an answer, with an entity tag; or that the client has it already."""
    body = msgspec.json.encode({"data": data})
    tag = f'"{_digest(body, media_type)}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"} | _headers(extensions)
    if _has(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=NOT_MODIFIED, headers=headers)
    return Response(body, headers=headers, media_type=media_type)


def _headers(extensions: Mapping[str, Any]) -> dict[str, str]:
    """As structured fields of RFC 9651: `Filiera-Budget: cost=61, remaining=59939, limit=60000`, `Filiera-Lag: 0`. What
    is not known is not there."""
    return {f"Filiera-{name.title()}": _written(value) for name, value in extensions.items() if value is not None}


def _written(value: int | Mapping[str, int]) -> str:
    return str(value) if isinstance(value, int) else ", ".join(f"{name}={one}" for name, one in value.items())


def _digest(body: bytes, media_type: str) -> str:
    """Two representations of one answer are two."""
    return urlsafe_b64encode(sha256(media_type.encode() + b"\0" + body).digest()[:18]).decode()


def _has(asked: str, tag: str) -> bool:
    """Compared weakly: proxies that compress make weak ones of ours. There are no commas in ours."""
    named = (one.strip().removeprefix("W/") for one in asked.split(","))
    return asked.strip() == "*" or tag in named
