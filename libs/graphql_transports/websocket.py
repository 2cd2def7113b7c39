"""GraphQL over web sockets: graphql-transport-ws, with the token in `connection_init`, closed when it ends."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any, cast

from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.subscriptions.protocols.graphql_transport_ws.types import ConnectionInitMessage, Message
from strawberry.types.unset import UNSET

from libs.graphql.changes import Changes
from libs.graphql.charges import LARGEST, charge_bytes
from libs.graphql.operation import Connection, connect
from libs.graphql.schema import Schema
from libs.graphql_limits.documents import Refusal
from libs.graphql_transports.messages import check_frame, value_of
from libs.kit.errors import Problem

_FORBIDDEN = 4403
_POLICY = 1008
"""RFC 6455, section 7.4.1: a rule that none of the protocol's own codes is about."""
_LONGEST_REASON = 120
"""Characters: RFC 6455 has room for 123 bytes."""
LARGEST_FRAME = LARGEST
"""Bytes of a message: imports go over HTTP. The server is told the same (`--ws-max-size`), so as to keep no more."""
_SMALL = 1024
"""Bytes of a message that is taken even of those who have no points left, if it asks for nothing: a ping, say."""
MOST_SOCKETS = 100
"""Open at once, of one payer in one process."""


class _Handler(BaseGraphQLTransportWSHandler[Connection, None]):
    """The protocol, for as long as the token is good."""

    async def handle(self) -> None:
        try:
            async with asyncio.timeout(None) as self._until:
                with ExitStack() as self._place:
                    if await self._takes_place():
                        await super().handle()
        except TimeoutError:
            if not self._until.expired():
                raise
            await self.websocket.close(_FORBIDDEN, "The token has ended")

    async def handle_message(self, message: Any) -> None:
        """A message is paid before it is read. Of any JSON, an object of the right shape alone is one."""
        raw = message.encode()
        refusal = await self._paid(len(raw))
        try:
            read = _read(raw)
            self._write_out(read)
        except Refusal as unknown:
            refusal = refusal or unknown
        except ValueError as error:
            await self.handle_invalid_message(f"This is no message of the protocol: {error}"[:_LONGEST_REASON])
            return
        if refusal is None or (read["type"] != "subscribe" and len(raw) < _SMALL):
            await super().handle_message(cast("Message", read))
        elif read["type"] == "subscribe":
            await self.send_message({"type": "error", "id": read["id"], "payload": [refusal.errors[0].formatted]})
        else:
            await self.websocket.close(_POLICY, refusal.errors[0].message)

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        await super().handle_connection_init(message)
        if self.context.caller and await self._takes_place():
            left = self.context.caller.expires_at - self.context.kit.clock.now()
            self._until.reschedule(asyncio.get_running_loop().time() + left.total_seconds())

    def _write_out(self, message: Any) -> None:
        """Put its document into what asks for one by its id. Raises Refusal."""
        if message["type"] == "subscribe":
            asked = message["payload"]
            asked["query"] = self.context.allowed.trusted.text(asked.get("query"), asked.get("documentId"))

    async def _paid(self, size: int) -> Refusal | None:
        try:
            await charge_bytes(self.context, size)
        except Refusal as refusal:
            return refusal
        return None

    async def _takes_place(self) -> bool:
        """Whether whoever pays now has room for one more web socket. If not, it is closed."""
        self._place.close()
        there_is = self._place.enter_context(cast("Sockets", self.view).place(self.context.payer))
        if not there_is:
            await self.websocket.close(_POLICY, f"No more than {MOST_SOCKETS} web sockets at once")
        return there_is


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
        self._open: Counter[str] = Counter()

    @contextmanager
    def place(self, payer: str) -> Iterator[bool]:
        """One more web socket of this payer while the block runs; whether there is room for it."""
        self._open[payer] += 1
        try:
            yield self._open[payer] <= MOST_SOCKETS
        finally:
            self._open[payer] -= 1
            if not self._open[payer]:
                del self._open[payer]

    def decode_json(self, data: str | bytes) -> object:
        """A message as it came: the handler reads it, once it is paid."""
        return data

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


def _read(raw: bytes) -> Any:
    if len(raw) > LARGEST_FRAME:
        raise ValueError(f"it has more than {LARGEST_FRAME} bytes")
    message = value_of(raw)
    check_frame(message)
    return message
