"""The gateway over resources that are in memory: all of it but PostgreSQL. `uvicorn bench._memory:api` serves it,
`bench._memory:as_it_comes` serves the same types by Strawberry as it comes."""

from typing import Any

import msgspec
import strawberry
from starlette.types import Receive, Scope, Send
from strawberry.asgi import GraphQL

from bench._list import answer, resources
from libs.graphql.operation import Connection
from libs.graphql.schema import Schema
from libs.graphql.services import Services
from libs.graphql_limits.rules import Rules, allowed
from libs.graphql_transports.http import endpoint
from libs.kit.clock import SystemClock
from libs.kit.settings import Settings
from libs.service.app import service
from libs.service.runtime import build
from services.gateway.api import types
from services.gateway.api.context import Context
from services.gateway.api.mutation import Mutation
from services.gateway.api.query import Query
from services.gateway.api.subscription import Subscription
from services.gateway.app import changes


class Memory(Context):
    """An operation whose list of resources is in memory."""

    async def read(self, _query: Any, *given: Any, **_named: Any) -> Any:
        """The first so many."""
        return RESOURCES[: given[1]]


class Plain(GraphQL[Context, None]):
    """Strawberry's own way over HTTP."""

    async def get_context(self, request: Any, response: Any) -> Context:  # noqa: ARG002 - Strawberry's signature
        """The same as the gateway's."""
        return Memory(connection())


def connection() -> Connection:
    """Of nobody in particular."""
    return Connection(KIT, changes, Services(None, {}), ALLOWED)  # type: ignore[arg-type]  # nothing is sent


RESOURCES = resources(200)
KIT = build(Settings(service="gateway"), SystemClock())
ALLOWED = allowed(KIT, Rules(points_anonymous=10**12))
schema = Schema(
    Memory, Query, Mutation, Subscription, types=[types.Bucket, *(getattr(types, one) for one in types.TOPICS)]
)
plain = strawberry.Schema(Query, Mutation, Subscription)
as_it_comes = Plain(plain, graphql_ide=None)
api = service("gateway", routers=[endpoint(schema, changes, "")])
api.state.kit, api.state.http, api.state.allowed = KIT, None, ALLOWED


async def limit(scope: Scope, receive: Receive, send: Send) -> None:
    """The limit of Python over HTTP: what is asked decoded, the answer built by hand, and nothing else."""
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    first = msgspec.json.decode(body)["variables"]["first"]
    told = msgspec.json.encode(answer(RESOURCES[: first + 1], first))
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(told))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": told})
