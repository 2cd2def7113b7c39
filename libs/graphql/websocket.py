"""GraphQL over web sockets: graphql-transport-ws, with the token in `connection_init`, closed when it ends."""

import asyncio
from datetime import timedelta
from json import JSONDecodeError
from typing import Any, cast

from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.subscriptions.protocols.graphql_transport_ws.types import ConnectionInitMessage, Message
from strawberry.types.unset import UNSET

from libs.graphql.asked import check_frame, json
from libs.graphql.changes import Changes
from libs.graphql.charges import LARGEST
from libs.graphql.operation import Connection, connect
from libs.graphql.schema import Schema
from libs.kit.errors import Problem

_FORBIDDEN = 4403
_LONGEST_REASON = 120
"""Characters: RFC 6455 has room for 123 bytes."""
LARGEST_FRAME = LARGEST
"""Characters of a message: imports go over HTTP."""


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
        """Of any JSON, an object of the right shape alone is a message of the protocol."""
        try:
            check_frame(message)
        except ValueError as error:
            await self.handle_invalid_message(f"This is no message of the protocol: {error}"[:_LONGEST_REASON])
        else:
            await super().handle_message(cast("Message", message))

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

    def decode_json(self, data: str | bytes) -> object:
        """The value of a message. Raises JSONDecodeError, and Strawberry closes the socket."""
        try:
            if len(data) > LARGEST_FRAME:
                raise ValueError("too large")
            return json(data)
        except ValueError as error:
            raise JSONDecodeError(str(error), "", 0) from None

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
