"""How fast a list query of the gateway is, against its limit and against Strawberry as it comes.

Servers are those of `FILIERA_*`; the database `gateway_bench` is made and kept.
"""

import asyncio
import time
from typing import Any

import msgspec
import strawberry
from msgspec.structs import replace
from rich.console import Console
from rich.table import Table
from starlette.types import ASGIApp, Message
from strawberry.asgi import GraphQL

from bench._list import IN_SQL, QUERY, SIZES, answer, resources
from bench._rounds import Ask, agree, medians
from libs.graphql.operation import Connection
from libs.graphql.services import Services
from libs.graphql_transports.http import running
from libs.kit.clock import SystemClock
from libs.kit.db import rows
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
    f"{ROUNDS} rounds of {AT_A_TIME} requests each, one after another, the four in turn within every round; medians. "
    "One process, no network: the ASGI applications are called directly; PostgreSQL is real. The limit runs the same "
    "statement in the same transaction, decodes the events, builds the dicts of the answer by hand and encodes them. "
    "For sql PostgreSQL builds the whole answer as JSON in one statement of such a transaction. "
    "Strawberry as it comes is strawberry.asgi.GraphQL over the same types and resolvers, without our document cache."
)


async def main() -> None:
    """Measure and print."""
    await migrate("gateway", database=DATABASE)
    kit = api.state.kit = build(Settings(service="gateway", database=DATABASE), SystemClock())
    async with running(api):
        await _fill(kit)
        ways = {
            "limit": _limit(kit),
            "sql": _in_sql(kit),
            "gateway": _over_asgi(api, "/graphql"),
            "strawberry": _strawberry(kit),
        }
        agree([await ask(20) for ask in ways.values()])
        table = Table("items", *ways, "/ limit", "/ sql", "/ strawberry", title="ms, and the gateway's against each")
        for size in SIZES:
            took = await medians(ways, size, rounds=ROUNDS, each=AT_A_TIME, clock=time.perf_counter)
            table.add_row(str(size), *_row(took))
    await kit.close()
    console = Console()
    console.print(table)
    console.print(METHOD)


def _row(took: dict[str, float]) -> list[str]:
    ratios = (f"{took['gateway'] / took[name]:.2f}" for name in ("limit", "sql", "strawberry"))
    return [*(f"{time * 1000:.2f}" for time in took.values()), *ratios]


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


def _in_sql(kit: Kit) -> Ask:
    async def ask(first: int) -> bytes:
        async with kit.database.read() as session:
            [(made,)] = await rows(session, IN_SQL, first)
        return str(made).encode()

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
