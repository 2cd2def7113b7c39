"""How fast a list query of the gateway is, against its limit and against Strawberry as it comes.

Servers are those of `FILIERA_*`; the database `gateway_bench` is made and kept.
"""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import strawberry
from msgspec.structs import replace
from rich.console import Console
from rich.table import Table
from starlette.types import ASGIApp, Message
from strawberry.asgi import GraphQL

from bench._list import QUERY, SIZES, answer, resources
from libs.graphql.operation import Connection
from libs.graphql.services import Services
from libs.graphql_transports.http import running
from libs.kit.clock import SystemClock
from libs.kit.ids import new_id
from libs.kit.migrate import migrate
from libs.kit.settings import Settings
from libs.service.runtime import Kit, build
from services.gateway import store
from services.gateway.api.context import Context
from services.gateway.api.mutation import Mutation
from services.gateway.api.query import Query
from services.gateway.api.subscription import Subscription
from services.gateway.app import api, changes
from services.gateway.handlers import project

DATABASE = "gateway_bench"
ROUNDS, AT_A_TIME = 30, 10
METHOD = (
    f"{ROUNDS} rounds of {AT_A_TIME} requests each, one after another, the three in turn within every round; medians. "
    "One process, no network: the ASGI applications are called directly; PostgreSQL is real. The limit runs the same "
    "statement in the same transaction, decodes the events, builds the dicts of the answer by hand and encodes them. "
    "Strawberry as it comes is strawberry.asgi.GraphQL over the same types and resolvers, without our document cache."
)
Ask = Callable[[int], Awaitable[bytes]]


async def main() -> None:
    """Measure and print."""
    await migrate("gateway", database=DATABASE)
    kit = api.state.kit = build(Settings(service="gateway", database=DATABASE), SystemClock())
    async with running(api):
        await _fill(kit)
        ways = {"limit": _limit(kit), "gateway": _over_asgi(api, "/graphql"), "strawberry": _strawberry(kit)}
        await _agree(ways)
        table = Table("items", "limit ms", "gateway ms", "strawberry ms", "gateway / limit", "strawberry / gateway")
        for size in SIZES:
            table.add_row(str(size), *_row(await _measure(ways, size)))
    await kit.close()
    console = Console()
    console.print(table)
    console.print(METHOD)


def _row(took: dict[str, float]) -> list[str]:
    times = [f"{took[name] * 1000:.2f}" for name in ("limit", "gateway", "strawberry")]
    return [*times, f"{took['gateway'] / took['limit']:.1f} x", f"{took['strawberry'] / took['gateway']:.1f} x"]


async def _measure(ways: dict[str, Ask], size: int) -> dict[str, float]:
    """Median seconds of one request, by way."""
    took: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, ask in ways.items():
            began = time.perf_counter()
            for _ in range(AT_A_TIME):
                await ask(size)
            took[name].append((time.perf_counter() - began) / AT_A_TIME)
    return {name: statistics.median(times) for name, times in took.items()}


async def _agree(ways: dict[str, Ask]) -> None:
    """All ways give the same answer, or the comparison would mean nothing."""
    answers = [msgspec.json.decode(await ask(20))["data"] for ask in ways.values()]
    assert all(answer == answers[0] for answer in answers)
    assert len(answers[0]["resources"]["edges"]) == 20


async def _fill(kit: Kit) -> None:
    made = [replace(one, id=new_id(), party_id=new_id(), site_id=new_id()) for one in resources(200)]
    async with kit.database.work() as session:
        await project(session, made, changes)


def _limit(kit: Kit) -> Ask:
    async def ask(first: int) -> bytes:
        async with kit.database.read() as session:
            found: Any = await store.page(session, store.RESOURCES, first + 1)
        return msgspec.json.encode(answer(found, first))

    return ask


def _strawberry(kit: Kit) -> Ask:
    class Plain(GraphQL[Context, None]):
        async def get_context(self, request: Any, response: Any) -> Context:  # noqa: ARG002 - Strawberry's signature
            context = Context(Connection(kit, changes, Services(api.state.http, {}), api.state.allowed))
            opened.append(context)
            return context

    opened: list[Context] = []
    schema = strawberry.Schema(Query, Mutation, Subscription)
    over_asgi = _over_asgi(Plain(schema, graphql_ide=None), "/")

    async def ask(first: int) -> bytes:
        try:
            return await over_asgi(first)
        finally:
            await opened.pop().release()

    return ask


def _over_asgi(app: ASGIApp, path: str) -> Ask:
    async def ask(first: int) -> bytes:
        body = msgspec.json.encode({"query": QUERY, "variables": {"first": first}})
        headers = [(b"host", b"bench"), (b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        scope: dict[str, Any] = {"type": "http", "http_version": "1.1", "method": "POST", "scheme": "http"}
        scope |= {"path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": headers}
        scope |= {"asgi": {"version": "3.0"}, "client": ("bench", 1), "server": ("bench", 80), "state": {}}
        answer = bytearray()

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            answer.extend(message.get("body", b""))

        await app(scope, receive, send)
        return bytes(answer)

    return ask


if __name__ == "__main__":
    asyncio.run(main())
