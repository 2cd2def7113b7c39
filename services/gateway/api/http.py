"""GraphQL over HTTP: POST of JSON, answered as `application/graphql-response+json` or `application/json`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from fastapi import APIRouter, FastAPI, Request, Response, WebSocket
from starlette.responses import HTMLResponse
from strawberry.types.execution import ExecutionResult

from libs.kit.errors import BadRequest
from services.gateway import commands, opaque
from services.gateway.api.context import connect
from services.gateway.api.schema import schema
from services.gateway.api.websocket import sockets

_LARGEST = 4 * 1024 * 1024
"""Bytes of a request: 500 resources of an import with their calendars."""
_RESPONSE = "application/graphql-response+json"
_PAGE = Path(__file__).with_name("page.html").read_text()


class Asked(msgspec.Struct):
    """The body of a request."""

    query: str
    variables: dict[str, Any] | None = None
    operationName: str | None = None  # noqa: N815 - the specification's name


@asynccontextmanager
async def _connections(api: FastAPI) -> AsyncIterator[None]:
    async with commands.client() as http:
        api.state.http = http
        yield


router = APIRouter(lifespan=_connections)


@router.get("/", include_in_schema=False)
async def page() -> HTMLResponse:
    """How to ask, for people."""
    return HTMLResponse(_PAGE)


@router.post("/graphql")
async def graphql(request: Request) -> Response:
    """Run a query or a mutation. The token is optional; one that is not valid is refused."""
    connection = connect(request, opaque.parse_after(request.headers.get("filiera-after", "")))
    await connection.identify(request.headers.get("authorization"))
    asked = await _asked(request)
    result = await schema.run(connection, asked.query, asked.variables, asked.operationName)
    return _answer(result, _RESPONSE in request.headers.get("accept", ""))


@router.websocket("/graphql")
async def socket(websocket: WebSocket) -> None:
    """Run any operation over graphql-transport-ws."""
    await sockets.run(websocket)


async def _asked(request: Request) -> Asked:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise BadRequest("Send `Content-Type: application/json`.", code="NOT_JSON")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST:
            raise BadRequest(f"A request has no more than {_LARGEST} bytes.", code="TOO_LARGE")
    try:
        return msgspec.json.decode(body, type=Asked)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRequest(f'Send {{"query": "...", "variables": {{...}}}}: {error}.', code="NOT_JSON") from None


def _answer(result: ExecutionResult, wanted: bool) -> Response:
    """A request that could not be run has no `data`, and is a 400 for clients that know the newer media type."""
    errors = [error.formatted for error in result.errors or ()]
    failed = result.data is None and all(error.path is None for error in result.errors or ())
    body: dict[str, Any] = {"errors": errors} if errors else {}
    body |= {} if failed else {"data": result.data}
    body |= {"extensions": result.extensions} if result.extensions else {}
    status, media_type = (400 if failed else 200, _RESPONSE) if wanted else (200, "application/json")
    return Response(msgspec.json.encode(body), status, media_type=media_type)
