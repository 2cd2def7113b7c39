"""`PUT /uploads/<signed>`: passes a file on to capacity, which signed the address, and back what it answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote
from uuid import UUID

import msgspec
from fastapi import APIRouter, Request, Response

from libs.contracts import capacity
from libs.graphql.opaque import after_token
from libs.graphql.services import Call, Services
from libs.graphql_limits.budget import SpentError
from libs.graphql_limits.payers import RATE_LIMITED, payer, spent_told
from libs.kit.errors import Forbidden, Problem, Unavailable, language_of, problem_response
from libs.service.runtime import kit_of
from libs.uploads.files import ALTERED, LARGEST, TYPES, received, size_told

_DEADLINE = 60.0
"""Seconds for capacity to take a file: ten thousand rows whose days are followed take tens of them."""
_SEND_AGAIN = "It may have been done or not: send the same file to the same address again and it is done once."
_LONGEST = 2048
"""Characters of an address that are passed on. A good one has fewer than 1,000, so no longer one is good."""
_TOLD = ("Content-Type", "Content-Language", "Vary", "Idempotent-Replay", "Retry-After")
_BYTES = 1024
"""So many cost a point."""
MOST_AT_ONCE = 16
"""Files that a process reads and passes on at once: 64 MB."""
_FILE = {kind: {"schema": {"type": "string"}} for kind in sorted(set(TYPES.values()))}
_PROBLEM = {"description": "A problem (RFC 9457).", "content": {"application/problem+json": {}}}
_REPORT = {"description": "What became of each row, as capacity tells it.", "content": {"application/json": {}}}


class _TooDear(Problem):
    status, title, code = 429, "Too much was asked for", RATE_LIMITED


class _Line(msgspec.Struct):
    resource_id: UUID | None = None
    version: int | None = None
    """Of the resource, if the file has written it."""


class _Report(msgspec.Struct):
    lines: list[_Line]


_TAKES = Call("capacity", "/uploads", _Report)
_at_once: set[Request] = set()
router = APIRouter(tags=["uploads"])


@router.put(
    "/uploads/{signed}",
    openapi_extra={"requestBody": {"content": _FILE, "required": True}},
    response_model=None,
    responses={200: _REPORT, "4XX": _PROBLEM},
)
async def take(request: Request, signed: str) -> Response:
    """Take a file. It needs no token: the address, which `signUpload` gave, says for whom it is and what it does."""
    request.scope["path"] = "/uploads"  # whatever is logged from here on does not tell who may send
    try:
        if len(signed) > _LONGEST or "." not in signed:
            raise Forbidden(ALTERED, code="NO_UPLOAD")
        answer = await _unpaid(request) or await _taken(request, signed)
    except Problem as problem:
        answer = problem_response(problem, request)
    answer.headers["Cache-Control"] = "no-store"
    return answer


async def _unpaid(request: Request) -> Response | None:
    """Spend what a file costs before it is read, as whoever has no token: by where it comes from. Who does not tell how
    large it is pays for the largest. The refusal, if there is too little."""
    told = size_told(request)
    size = LARGEST if told is None else told
    allowed = request.app.state.allowed
    budget, _ = payer(allowed.rules, None, request.client.host if request.client else "")
    limit = allowed.rules.points_anonymous
    try:
        await allowed.budgets.take(budget, limit, 1 + size // _BYTES)
    except SpentError as spent:
        refused = problem_response(_TooDear(spent_told(limit, spent.seconds)), request)
        refused.headers["Retry-After"] = str(spent.seconds)
        return refused
    return None


async def _taken(request: Request, signed: str) -> Response:
    with _place(request):
        return await _passed_on(request, signed, await received(request, *set(TYPES.values())))


@contextmanager
def _place(request: Request) -> Iterator[None]:
    """One of the places for files; raises Unavailable if all are taken."""
    if len(_at_once) >= MOST_AT_ONCE:
        raise Unavailable("Too many files are coming at once. Send it again in a moment.", code="BUSY")
    _at_once.add(request)
    try:
        yield
    finally:
        _at_once.discard(request)


async def _passed_on(request: Request, signed: str, body: bytes) -> Response:
    """What capacity answers; if rows were written, with the token of the last one, as a mutation tells its `after`."""
    language = language_of(request)
    services = Services(request.app.state.http, kit_of(request).settings.services, language)
    said = {"Content-Type": request.headers["content-type"], "Accept-Language": language}
    said["Authorization"] = f"Upload {quote(signed, safe='=')}"
    told = await services.answer_of(
        _TAKES, _SEND_AGAIN, "PUT", _TAKES.path, seconds=_DEADLINE, headers=said, content=body
    )
    kept = {name: told.headers[name] for name in _TOLD if name in told.headers}
    answer = Response(told.content, told.status_code, kept)
    if told.is_success and (after := _after(told.content)):
        answer.headers["Filiera-After"] = after
    return answer


def _after(report: bytes) -> str | None:
    """What a query sends to see the last of the resources that were written, if any was."""
    for one in reversed(msgspec.json.decode(report, type=_Report).lines):
        if one.resource_id and one.version:
            return after_token(capacity.ResourcePublished.topic, one.resource_id, one.version)
    return None
