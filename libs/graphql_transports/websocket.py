"""GraphQL over web sockets: graphql-transport-ws, with the token in `connection_init`, closed when it ends, or when the
client does not read."""

import asyncio
from contextlib import ExitStack, suppress
from datetime import timedelta
from typing import Any, cast

from starlette.websockets import WebSocketDisconnect
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
from libs.graphql.charges import LARGEST, charge_bytes
from libs.graphql.operation import Connection, connect
from libs.graphql.schema import Schema
from libs.graphql_limits.documents import Refusal
from libs.graphql_streams.places import TOKEN_ENDED, TOO_SLOW, Places, in_time, no_room
from libs.graphql_streams.resume import LAST_EVENT, last_event
from libs.graphql_transports.messages import check_frame, value_of
from libs.kit.errors import Problem

_FORBIDDEN = 4403
_POLICY, _AGAIN_LATER = 1008, 1013
"""RFC 6455, section 7.4.1: a rule that none of the protocol's own codes is about. The registry that it began has the
latter, after which the protocol's reference client connects anew."""
_LONGEST_REASON = 120
"""Characters: RFC 6455 has room for 123 bytes."""
LARGEST_FRAME = LARGEST
"""Bytes of a message: imports go over HTTP. The server is told the same (`--ws-max-size`), so as to keep no more."""
_SMALL = 1024
"""Bytes of a message that is taken even of those who have no points left, if it asks for nothing: a ping, say."""


class _Handler(BaseGraphQLTransportWSHandler[Connection, None]):
    """The protocol, for as long as the token is good."""

    async def handle(self) -> None:
        self._why = _FORBIDDEN, TOKEN_ENDED
        with ExitStack() as self._place:
            try:
                async with asyncio.timeout(None) as self._until:
                    if await self._takes_place():
                        await super().handle()
            except TimeoutError:
                if not self._until.expired():
                    raise
                await self._close_once_read()

    async def send_message(self, message: Message) -> None:
        """Nothing more is told to whoever does not read."""
        if not await in_time(super().send_message(message)):
            self._why = _AGAIN_LATER, TOO_SLOW
            with suppress(RuntimeError):  # it is ending already
                self._until.reschedule(asyncio.get_running_loop().time())
            await asyncio.Event().wait()  # for the end, which cancels whoever sends

    async def _close_once_read(self) -> None:
        """Operations have ended. The place is kept until the client has read why, or is gone: whoever never reads has
        so many places and no more. The server may have closed the socket itself, if nobody answers its pings."""
        with suppress(WebSocketDisconnect, RuntimeError):
            await self.websocket.close(self._why[0], self.context.told(self._why[1]))

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
            told = self.context.told_of(refusal.errors)[0]
            await self.send_message({"type": "error", "id": read["id"], "payload": [told.formatted]})
        else:
            await self.websocket.close(_POLICY, self.context.told(refusal.errors[0].message))

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        await super().handle_connection_init(message)
        if self.context.caller and await self._takes_place():
            self._until.reschedule(self.context.ends_at())

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        LAST_EVENT.set(last_event(cast("Any", message["payload"]).get("extensions")))  # the operation's task begins so
        await super().handle_subscribe(message)

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
        self.context.cost, self.context.spent = 0, {}  # an operation tells its own
        return None

    async def _takes_place(self) -> bool:
        """Whether whoever pays now has room for one more. If not, it is closed."""
        self._place.close()
        there_is = self._place.enter_context(cast("Sockets", self.view).places.place(self.context.payer))
        if not there_is:
            await self.websocket.close(_POLICY, self.context.told(no_room()))
        return there_is


class Sockets(GraphQL[Connection, None]):
    """The web sockets of a schema: `run` serves one."""

    graphql_transport_ws_handler_class = _Handler

    def __init__(self, schema: Schema, changes: Changes, places: Places) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            connection_init_wait_timeout=timedelta(seconds=10),
            max_subscriptions_per_connection=20,
            allowed_origins=["*"],  # front-ends live elsewhere, and the token is in the payload, never in a cookie
        )
        self._changes, self.places = changes, places

    def decode_json(self, data: str | bytes) -> object:
        """A message as it came: the handler reads it, once it is paid."""
        return data

    async def get_context(self, request: Any, response: Any) -> Connection:  # noqa: ARG002 - Strawberry's signature
        return connect(request, self._changes)

    async def on_ws_connect(self, context: Connection) -> Any:
        """Learn who is calling. A token that is not valid closes the socket; without one, what is public is told."""
        payload = context.connection_params or {}
        context.speak(payload.get("accept-language"))
        given = payload.get("authorization")
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
