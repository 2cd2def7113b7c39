"""What can go wrong on purpose, and how it is told: problem details (RFC 9457).

Problem
├── Invalid          422  the input breaks a rule; `errors` names the fields
├── BadRequest       400  the request itself is malformed
├── Unauthenticated  401  no token, or not one we accept
├── Forbidden        403  this party may not do that
├── NotFound         404  no such thing, or not yours to see
├── Conflict         409  the state of things forbids it; `code` says which rule
└── Unavailable      503  a part we need does not answer; send again under the same key
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import asyncpg
import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, HTTPConnection

from libs.kit.db import transient
from libs.kit.metrics import REFUSALS
from libs.language import Language, plain, preferred, told

log = logging.getLogger(__name__)


class FieldError(msgspec.Struct, frozen=True):
    """What is wrong with one field: its path in the body (`lines.0.quantity`) and a sentence."""

    path: str
    message: str


class Problem(Exception):  # noqa: N818 - the name of RFC 9457
    """An expected failure. `code` is stable and for programs, `detail` is for people and says what to do next."""

    status = 500
    title = "Something went wrong"
    code = "INTERNAL"
    headers: ClassVar[Mapping[str, str]] = {}

    def __init__(self, detail: str, *, code: str | None = None, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.code
        self.errors = list(errors)


class Invalid(Problem):
    status, title, code = 422, "The input breaks a rule", "INVALID"


class BadRequest(Problem):
    status, title, code = 400, "The request is malformed", "BAD_REQUEST"


class Unauthenticated(Problem):
    status, title, code = 401, "A valid token is needed", "UNAUTHENTICATED"
    headers: ClassVar = {"WWW-Authenticate": "Bearer"}


class Forbidden(Problem):
    status, title, code = 403, "Not allowed", "FORBIDDEN"


class NotFound(Problem):
    status, title, code = 404, "Not found", "NOT_FOUND"


class Conflict(Problem):
    status, title, code = 409, "Not possible as things stand", "CONFLICT"


class Unavailable(Problem):
    status, title, code = 503, "Not available right now", "UNAVAILABLE"
    headers: ClassVar = {"Retry-After": "1"}


def whole(sent: Any) -> Any:
    """What was sent, if all its text can be written, names of fields too. JSON may tell half a character (`"\\ud800"`),
    which no sentence about it could quote. Raises BadRequest."""
    try:
        msgspec.json.encode(sent, enc_hook=str)
    except UnicodeEncodeError:
        raise BadRequest("Take half a character (a lone surrogate) out of the text.", code="NOT_UTF_8") from None
    return sent


class ProblemDetails(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The body of an `application/problem+json` answer."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldError] = msgspec.field(default_factory=list)


def language_of(http: HTTPConnection) -> Language:
    """The language that a request, or a web socket, asks for."""
    return preferred(", ".join(http.headers.getlist("accept-language")))


def problem_response(problem: Problem, request: Request) -> Response:
    """The answer that tells a problem, in the language that the request asks for."""
    REFUSALS.labels(problem.code).inc()
    language = language_of(request)
    title, detail = told(problem.title, language), told(problem.detail, language)
    errors = [FieldError(one.path, told(one.message, language)) for one in problem.errors]
    body = ProblemDetails(title=title, status=problem.status, detail=detail, code=problem.code, errors=errors)
    content = msgspec.json.encode(msgspec.to_builtins(body) | {"type": f"urn:filiera:problem:{problem.code.lower()}"})
    headers = {"Content-Language": language, "Vary": "Accept-Language", **problem.headers}
    return Response(content, problem.status, headers, "application/problem+json")


def install(api: FastAPI) -> None:
    """Answer every failure of an API with problem details; never a stack trace."""
    api.add_exception_handler(Problem, _on_problem)
    api.add_exception_handler(RequestValidationError, _on_invalid_body)
    api.add_exception_handler(HTTPException, _on_http)
    for trouble in (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
        api.add_exception_handler(trouble, _on_trouble)
    api.add_exception_handler(ClientDisconnect, lambda *_: Response(None, 400))  # nobody is there to read it
    api.add_exception_handler(Exception, _on_bug)


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - registered for this type alone
    return problem_response(error, request)


async def _on_invalid_body(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type alone
    wrong = field_errors(error.errors())
    return problem_response(Invalid("Correct these fields and send again.", errors=wrong), request)


def field_errors(errors: Iterable[Mapping[str, Any]]) -> list[FieldError]:
    """What Pydantic found wrong with a body; its locations begin with where it was, e.g. `body`."""
    return [FieldError(".".join(map(str, e["loc"][1:])) or str(e["loc"][0]), plain(e["msg"])) for e in errors]


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type alone
    problem = Problem(str(error.detail), code=f"HTTP_{error.status_code}")
    problem.status, problem.title = error.status_code, str(error.detail)
    response = problem_response(problem, request)
    response.headers.update(error.headers or {})
    return response


async def _on_trouble(request: Request, error: Exception) -> Response:
    if not transient(error):
        return await _on_bug(request, error)
    log.warning("the database is away, or busy", extra={"path": request.url.path, "error": type(error).__name__})
    away = "The database does not answer. Send again, with the same Idempotency-Key."
    return problem_response(Unavailable(away), request)


async def _on_bug(request: Request, error: Exception) -> Response:
    log.error("unexpected failure", exc_info=error, extra={"path": request.url.path})
    fault = Problem("This is a fault of ours. Sending it again will hardly help: tell us the time.")
    return problem_response(fault, request)
