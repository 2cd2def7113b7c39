"""A client of event streams over real HTTP, event by event."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import msgspec

from libs.kit.testing import token

EVENTS = "text/event-stream"


class Events:
    """An answer that goes on."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def event(self, seconds: float = 8) -> dict[str, str]:
        """The fields of the next event; of a comment, its text under an empty name."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(seconds):
            async for line in self._lines:
                if not line:
                    return fields
                name, _, value = line.partition(":")
                fields[name] = value.removeprefix(" ")
        return {"event": "the end of the answer"}

    async def beyond_comments(self, seconds: float = 8) -> dict[str, str]:
        async with asyncio.timeout(seconds):
            while (event := await self.event(seconds)) == {"": ""}:
                pass
        return event

    async def event_named(self, name: str) -> dict[str, str]:
        """The fields of the next event, which has this name."""
        event = await self.beyond_comments()
        assert event["event"] == name, event
        return event

    async def told(self, seconds: float = 8) -> tuple[str, Any]:
        """The next event's name and value."""
        event = await self.beyond_comments(seconds)
        return event["event"], msgspec.json.decode(event["data"]) if event.get("data") else None

    async def next(self, field: str, seconds: float = 8) -> Any:
        name, value = await self.told(seconds)
        assert (name, "errors" in value) == ("next", False), value
        return value["data"][field]

    async def error(self) -> dict[str, Any]:
        """The code of the one error that is left to tell, or its `extensions` if they say more."""
        name, value = await self.told()
        assert (name, "data" in value) == ("next", False), value
        assert await self.told() == ("complete", None)
        [error] = value["errors"]
        return {"message": error["message"], **error["extensions"]}


def whose(party: UUID | None, role: str = "retailer", **claims: Any) -> dict[str, str]:
    return {"accept": EVENTS} | ({"authorization": f"Bearer {token(party, role, **claims)}"} if party else {})


@asynccontextmanager
async def events(
    address: str, query: str, party: UUID | None = None, *, method: str = "POST", role: str = "retailer", **more: Any
) -> AsyncIterator[Events]:
    """The events of an operation. Leaving the block ends the connection."""
    headers = whose(party, role, **more.pop("claims", {}))
    headers |= {"last-event-id": more.pop("last")} if "last" in more else {}
    asked = {"query": query} | more
    if method == "GET":
        plain = {
            name: one if isinstance(one, str) else msgspec.json.encode(one).decode() for name, one in asked.items()
        }
        sent: dict[str, Any] = {"params": plain}
    else:
        sent = {"json": asked}
    async with (
        httpx.AsyncClient(timeout=10, trust_env=False) as http,
        http.stream(method, f"http://{address}/graphql", headers=headers, **sent) as response,
    ):
        yield Events(response)
