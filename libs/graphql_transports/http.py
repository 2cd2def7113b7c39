"""GraphQL over HTTP: POST of JSON, or GET of what only reads, answered as `application/graphql-response+json` or as
`application/json` (the GraphQL-over-HTTP specification, https://graphql.github.io/graphql-over-http/draft/)."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import msgspec
from fastapi import APIRouter, FastAPI, Request, Response, WebSocket
from fastapi.routing import APIRoute
from starlette.responses import HTMLResponse
from strawberry.types.execution import ExecutionResult, PreExecutionError

from libs.graphql import services
from libs.graphql.changes import Changes
from libs.graphql.charges import charge_bytes
from libs.graphql.opaque import parse_after
from libs.graphql.operation import Connection, connect
from libs.graphql.schema import Schema, body_of
from libs.graphql_cache.validators import validated
from libs.graphql_limits.documents import Refusal
from libs.graphql_limits.rules import Rules, allowed
from libs.graphql_streams.events import EVENTS, EventStream
from libs.graphql_streams.places import Places
from libs.graphql_streams.resume import LAST_EVENT, last_event
from libs.graphql_transports.messages import GraphQLRequest, NulError, request_of, value_of
from libs.graphql_transports.websocket import Sockets
from libs.kit.errors import BadRequest, Problem, language_of, problem_response
from libs.kit.settings import usable

_LARGEST_OF_HUBS = 4 * 1024 * 1024
"""Bytes of a request: an import of 500 things with all that they hold. More is not read of anybody."""
_JSON, _RESPONSE = "application/json", "application/graphql-response+json"
_AS_JSON = {"variables", "extensions"}
_VARY = {"Vary": "Authorization, Accept, Accept-Language, Filiera-After"}


class _NotKept(APIRoute):
    """What is answered depends on who asks, and when: nobody between us may keep it, but what has an entity tag, which
    is asked about each time."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                response = await handle(request)
            except Problem as problem:
                response = problem_response(problem, request)
            response.headers.update(_VARY | {"Content-Language": language_of(request)})
            response.headers.setdefault("Cache-Control", "no-store")
            return response

        return answer


@asynccontextmanager
async def running(api: FastAPI) -> AsyncIterator[None]:
    """With what a process that answers needs beyond its kit: what is allowed there, and the way to other services."""
    with usable():
        api.state.allowed = allowed(api.state.kit, Rules())
    async with services.client() as api.state.http:
        yield


def endpoint(schema: Schema, changes: Changes, page: str) -> APIRouter:
    """A schema at `/graphql`, by POST and by GET, answered at once or as events, and over web sockets; at `/` a page
    for people."""
    router = APIRouter(lifespan=running, route_class=_NotKept)
    places = Places()
    requests, sockets = _Requests(schema, changes, places), Sockets(schema, changes, places)

    async def people(_request: Request) -> HTMLResponse:
        return HTMLResponse(page)

    async def socket(websocket: WebSocket) -> None:
        await sockets.run(websocket)

    router.add_route("/", people, include_in_schema=False)
    router.add_api_route("/graphql", requests.in_body, methods=["POST"])
    router.add_api_route("/graphql", requests.in_address, methods=["GET"])
    router.add_api_websocket_route("/graphql", socket)
    return router


class _Requests:
    """The requests of a schema."""

    def __init__(self, schema: Schema, changes: Changes, places: Places) -> None:
        self._schema, self._changes, self._places = schema, changes, places

    async def in_body(self, request: Request) -> Response:
        """Run a query or a mutation. The token is optional; one that is not valid is refused."""
        connection = await self._begin(request)
        body = await _body(request)
        return await self._run(request, connection, len(body), lambda: _in_body(body))

    async def in_address(self, request: Request) -> Response:
        """Run a query that is in the address: `query` or `documentId`, `operationName`; `variables`, `extensions` as
        JSON."""
        connection, size = await self._begin(request), len(request.url.query)
        return await self._run(request, connection, size, lambda: _in_address(request), writes=False)

    async def _begin(self, request: Request) -> Connection:
        after = parse_after(request.headers.get("filiera-after", ""), self._schema.operation.topics)
        connection = connect(request, self._changes, after)
        await connection.identify(request.headers.get("authorization"))
        return connection

    async def _run(
        self,
        request: Request,
        connection: Connection,
        size: int,
        read: Callable[[], GraphQLRequest],
        *,
        writes: bool = True,
    ) -> Response:
        """What is sent is paid before it is read: reading what is broken is work too."""
        accepted = request.headers.get("accept", "")
        try:
            await charge_bytes(connection, size)
            asked = read()
            text = connection.allowed.trusted.text(asked.query, asked.documentId)
            variables, name = asked.variables, asked.operationName
            if EVENTS in accepted:
                LAST_EVENT.set(request.headers.get("last-event-id") or last_event(asked.extensions))
                told = await self._schema.stream(text, variables, connection, operation_name=name, writes=writes)
                return EventStream(connection, self._places, told)
            result = await self._schema.run(connection, text, variables, name, writes=writes)
        except Refusal as refusal:
            result = PreExecutionError(data=None, errors=connection.told_of(refusal.errors))
        result.extensions = (result.extensions or {}) | connection.spent
        if EVENTS in accepted:
            return EventStream(connection, self._places, _alone(result))
        if not writes and connection.is_anybody and not result.errors:
            return validated(request, result.data, connection.spent, _RESPONSE if _RESPONSE in accepted else _JSON)
        return _answer(result, _RESPONSE in accepted)


async def _alone(result: ExecutionResult) -> AsyncGenerator[ExecutionResult, None]:
    yield result


async def _body(request: Request) -> bytearray:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _JSON:
        raise BadRequest("Send `Content-Type: application/json`.", code="NOT_JSON")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_OF_HUBS:
            raise BadRequest(f"A request has no more than {_LARGEST_OF_HUBS} bytes: send less.", code="TOO_LARGE")
    return body


def _in_body(body: bytearray) -> GraphQLRequest:
    with _understood('Send {"query": "...", "variables": {...}}'):
        return request_of(value_of(body))


def _in_address(request: Request) -> GraphQLRequest:
    given: dict[str, Any] = dict(request.query_params)
    with _understood("Send ?query=...&variables={...}, the latter as JSON"):
        given |= {name: value_of(given[name] or "null") for name in _AS_JSON & given.keys()}
        return request_of(given)


@contextmanager
def _understood(otherwise: str) -> Iterator[None]:
    try:
        yield
    except NulError as error:
        raise BadRequest(str(error), code="NUL") from None
    except ValueError as error:
        raise BadRequest(f"{otherwise}: {error}.", code="NOT_JSON") from None


def _answer(result: ExecutionResult, wanted: bool) -> Response:
    """A request that could not be run has no `data`: for clients that know the newer media type it is a 400, or a 429.

    The older one answers 200 to all of them, as GraphQL over HTTP has it; `Retry-After` is there in both.
    """
    body = body_of(result)
    failed = "data" not in body
    wait = next(
        (wait for error in body.get("errors", ()) if (wait := error.get("extensions", {}).get("retryAfter"))), None
    )
    status, media_type = (200, _JSON)
    if wanted:
        status, media_type = (200 if not failed else 429 if wait else 400), _RESPONSE
    headers = {"Retry-After": str(wait)} if wait else None
    return Response(msgspec.json.encode(body), status, headers, media_type)
