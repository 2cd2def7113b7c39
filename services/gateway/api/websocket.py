"""GraphQL over web sockets: graphql-transport-ws, with the token in `connection_init`, closed when it ends."""

import asyncio
from datetime import timedelta
from typing import Any

from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.types.unset import UNSET

from libs.kit.errors import Problem, Unauthenticated
from services.gateway.api.context import Connection, connect
from services.gateway.api.schema import schema

_CHECK_EVERY = 2.0
_FORBIDDEN = 4403


class _Handler(BaseGraphQLTransportWSHandler[Connection, None]):
    """The protocol, for as long as the token is good."""

    async def handle(self) -> None:
        watching = asyncio.create_task(self._close_when_token_ends())
        try:
            await super().handle()
        finally:
            watching.cancel()

    async def _close_when_token_ends(self) -> None:
        try:
            while True:
                await asyncio.sleep(_CHECK_EVERY)
                await self.context.identify(self.context.authorization)
        except Unauthenticated:
            for operation in list(self.operations):
                await self.cleanup_operation(operation)
            await self.websocket.close(_FORBIDDEN, "The token has ended")


class _Sockets(GraphQL[Connection, None]):
    graphql_transport_ws_handler_class = _Handler

    async def get_context(self, request: Any, response: Any) -> Connection:  # noqa: ARG002 - Strawberry's signature
        return connect(request)

    async def on_ws_connect(self, context: Connection) -> Any:
        """Learn who is calling. A token that is not valid closes the socket; without one, what is public is told."""
        given = (context.connection_params or {}).get("authorization")
        try:
            await context.identify(None if given is None else str(given))
        except Problem:
            raise ConnectionRejectionError from None
        return UNSET


sockets = _Sockets(
    schema,
    graphql_ide=None,
    subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
    connection_init_wait_timeout=timedelta(seconds=10),
    max_subscriptions_per_connection=20,
    allowed_origins=["*"],  # front-ends live elsewhere, and the token is in the payload, never in a cookie
)
