"""An operation as server-sent events, one on a connection: "distinct connections mode" of
https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from strawberry.types.execution import ExecutionResult

from libs.graphql.operation import Connection
from libs.graphql.schema import body_of
from libs.graphql_streams.places import FULL, SLOW, TOKEN_ENDED, TOO_SLOW, Places, in_time, no_room
from libs.service.timing import STAYS_OPEN

EVENTS = "text/event-stream"
KEEP_ALIVE = 12.0
"""Seconds between comments: nobody in between may take a quiet stream for a dead one."""
_COMMENT = b":\n\n"
_COMPLETE = b"event: complete\ndata: \n\n"  # with `data`: browsers hand on no event without


class EventStream(Response):
    """Each result as an event `next`, then `complete`. What ends it before its time is told as a last `next`.

    The operation ends with the connection, with the token, and when the client does not read; then it keeps its place
    until it has read why, or is gone: whoever never reads has so many places and no more.
    """

    media_type = EVENTS

    def __init__(self, connection: Connection, places: Places, results: AsyncGenerator[ExecutionResult, None]) -> None:
        super().__init__(headers={"X-Accel-Buffering": "no"})  # or nginx keeps events until they fill a page
        del self.headers["content-length"]
        self._connection, self._places, self._results = connection, places, results

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[STAYS_OPEN] = True
        with self._places.place(self._connection.payer) as there_is:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            try:
                last = await self._tell_all(receive, send) if there_is else self._error(no_room(), FULL)
                await send({"type": "http.response.body", "body": last + _COMPLETE})
            except asyncio.CancelledError:  # the server stops; it is not complete, so the client goes on with another
                await send({"type": "http.response.body"})

    async def _tell_all(self, receive: Receive, send: Send) -> bytes:
        """Tell what comes, until it ends; what is to be told of its end."""
        try:
            async with asyncio.timeout_at(self._connection.ends_at()), asyncio.TaskGroup() as group:
                ways_to_end = self._keep_alive(send), self._tell(send), _gone(receive)
                tasks = [group.create_task(way) for way in ways_to_end]
                ended, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in others:
                    task.cancel()
        except TimeoutError:
            return self._error(TOKEN_ENDED, "UNAUTHENTICATED")
        return ended.pop().result()

    async def _tell(self, send: Send) -> bytes:
        async with aclosing(self._results) as results:
            async for result in results:
                if not await in_time(_send(send, _next(body_of(result)))):
                    return self._error(TOO_SLOW, SLOW)
        return b""

    async def _keep_alive(self, send: Send) -> bytes:
        while True:
            if not await in_time(_send(send, _COMMENT)):
                return self._error(TOO_SLOW, SLOW)
            await asyncio.sleep(KEEP_ALIVE)

    def _error(self, said: str, code: str) -> bytes:
        return _next({"errors": [{"message": self._connection.told(said), "extensions": {"code": code}}]})


async def _gone(receive: Receive) -> bytes:
    while (await receive())["type"] != "http.disconnect":
        pass
    return b""


async def _send(send: Send, event: bytes) -> None:
    await send({"type": "http.response.body", "body": event, "more_body": True})


def _next(body: Mapping[str, Any]) -> bytes:
    event = body.get("extensions", {}).get("eventId")
    named = f"event: next\nid: {event}\n" if event else "event: next\n"
    return named.encode() + b"data: %b\n\n" % msgspec.json.encode(body)
