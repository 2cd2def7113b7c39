"""GraphQL over web sockets: graphql-transport-ws, with the token in `connection_init`, closed when it ends."""

import asyncio
from datetime import timedelta
from typing import Annotated, Any, cast

import msgspec
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.subscriptions.protocols.graphql_transport_ws.types import (
    ConnectionInitMessage,
    Message,
    SubscribeMessage,
)
from strawberry.types.unset import UNSET

from libs.graphql.changes import Changes
from libs.graphql.operation import Connection, connect
from libs.graphql.schema import Schema
from libs.kit.errors import Problem

_FORBIDDEN = 4403


class _Request(msgspec.Struct):
    query: str
    variables: dict[str, Any] | None = None
    operationName: str | None = None  # noqa: N815 - the protocol's name
    extensions: dict[str, Any] | None = None


class _Subscribe(msgspec.Struct):
    """As PROTOCOL.md of graphql-ws has it."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    payload: _Request


class _Handler(BaseGraphQLTransportWSHandler[Connection, None]):
    """The protocol, for as long as the token is good."""

    async def handle(self) -> None:
        try:
            async with asyncio.timeout(None) as self._until:
                await super().handle()
        except TimeoutError:
            if not self._until.expired():
                raise
            await self.websocket.close(_FORBIDDEN, "The token has ended")

    async def handle_message(self, message: Any) -> None:
        """Of any JSON, an object alone is a message of the protocol."""
        if isinstance(message, dict):
            await super().handle_message(cast("Message", message))
        else:
            await self.handle_invalid_message("A message is a JSON object with a `type`")

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        try:
            msgspec.convert(message, _Subscribe)
        except msgspec.ValidationError as error:
            await self.handle_invalid_message(str(error))
        else:
            await super().handle_subscribe(message)

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        await super().handle_connection_init(message)
        if self.context.caller:
            left = self.context.caller.expires_at - self.context.kit.clock.now()
            self._until.reschedule(asyncio.get_running_loop().time() + left.total_seconds())


class Sockets(GraphQL[Connection, None]):
    """The web sockets of a schema: `run` serves one."""

    graphql_transport_ws_handler_class = _Handler

    def __init__(self, schema: Schema, changes: Changes) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            connection_init_wait_timeout=timedelta(seconds=10),
            max_subscriptions_per_connection=20,
            allowed_origins=["*"],  # front-ends live elsewhere, and the token is in the payload, never in a cookie
        )
        self._changes = changes

    async def get_context(self, request: Any, response: Any) -> Connection:  # noqa: ARG002 - Strawberry's signature
        return connect(request, self._changes)

    async def on_ws_connect(self, context: Connection) -> Any:
        """Learn who is calling. A token that is not valid closes the socket; without one, what is public is told."""
        given = (context.connection_params or {}).get("authorization")
        try:
            await context.identify(None if given is None else str(given))
        except Problem:
            raise ConnectionRejectionError from None
        return UNSET
