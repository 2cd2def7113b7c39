"""A file as the body of a request: of the type that is taken, whole, and no larger than it may be."""

import asyncio
import io
from collections.abc import Sequence

from fastapi import Request

from libs.contracts.capacity_questions import UploadKind
from libs.kit.errors import BadRequest

LARGEST = 4 * 1024 * 1024
"""Bytes of a file."""
TYPES = {
    UploadKind.RESOURCES_CSV: "text/csv",
    UploadKind.RESOURCE_CHANGES_CSV: "text/csv",
    UploadKind.CALENDARS_ICS: "text/calendar",
}
"""The `Content-Type` of each kind."""
ALTERED = "This is no address that was signed here. Take the url that signUpload answers as it came."
_DEADLINE = 60
"""Seconds for a file to come."""


async def received(request: Request, *types: str) -> bytes:
    """The file that a request brings, of one of these types. Raises BadRequest."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in types:
        raise BadRequest(f"Send `Content-Type: {_or(types)}`, as signUpload told.", code="WRONG_TYPE")
    if (size_told(request) or 0) > LARGEST:
        raise _too_large()
    try:
        async with asyncio.timeout(_DEADLINE):
            body = await _bounded(request)
    except TimeoutError:
        raise BadRequest(f"The file has not come within {_DEADLINE} s: send it again.", code="TOO_SLOW") from None
    if not body:
        raise BadRequest("The file is empty: send it as the body of the request.", code="EMPTY")
    return body


def size_told(request: Request) -> int | None:
    """The bytes that a request says its body has, if it does."""
    told = request.headers.get("content-length", "")
    return int(told) if told.isdecimal() else None


async def _bounded(request: Request) -> bytes:
    body = io.BytesIO()
    async for chunk in request.stream():
        if body.tell() + len(chunk) > LARGEST:
            raise _too_large()
        body.write(chunk)
    return body.getvalue()  # which is no copy


def _too_large() -> BadRequest:
    return BadRequest(f"A file has no more than {LARGEST} bytes: send it in several.", code="TOO_LARGE")


def _or(types: Sequence[str]) -> str:
    return " or ".join(sorted(types))
