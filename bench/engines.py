"""How fast operations are executed, compiled and otherwise, in process and behind HTTP, ours and those of others.

The list is in memory. The servers of others are measured if they are installed: `bench/peers/install`.
"""

import asyncio
import statistics
import tempfile
import time
from collections import defaultdict
from contextlib import AsyncExitStack
from typing import Any

import msgspec
from graphql import execute, parse
from rich.console import Console
from rich.table import Table
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from bench import _memory
from bench._list import QUERY, SIZES, answer
from bench._rounds import agree, medians
from bench._servers import AT_A_TIME, Server, commands, served

ROUNDS, IN_PROCESS, OVER_HTTP = 10, 20, 80
WARM_UP = 800
"""Requests before the first that counts: what others compile at run time takes a while."""
IN_PROCESS_METHOD = (
    f"In process: {ROUNDS} rounds of {IN_PROCESS} operations each, the four in turn within every round; medians of "
    "processor time. Each ends with JSON. The limit builds the dicts by hand; compiled and graphql-core execute the "
    "same document of the same schema, parsed and validated before; Strawberry parses and validates, as it comes."
)
HTTP_METHOD = (
    f"Over HTTP: one process each, on a unix socket, {AT_A_TIME} connections, {ROUNDS} rounds of {OVER_HTTP} requests, "
    f"the servers in turn within every round, after {WARM_UP} to warm up. Processor time is that of all threads of a "
    "server; the machine's other work is not in it. gateway is the whole application but PostgreSQL: limits, metrics, "
    "errors, hidden parts. limit is the answer built by hand behind uvicorn. Memory is resident and own."
)


async def main() -> None:
    """Measure and print."""
    console = Console(width=140)
    console.print(await _in_process(), IN_PROCESS_METHOD, sep="\n")
    console.print(await _over_http(), HTTP_METHOD, sep="\n")


async def _in_process() -> Table:
    ways = {"limit": _limit, "compiled": _compiled, "graphql-core": _graphql_core, "strawberry": _strawberry}
    agree([await ask(20) for ask in ways.values()])
    table = Table(
        "items", *(f"{name} ms" for name in ways), "compiled / limit", "core / compiled", "strawberry / compiled"
    )
    for size in SIZES:
        took = await medians(ways, size, rounds=ROUNDS, each=IN_PROCESS, clock=time.process_time)
        ratios = (("compiled", "limit"), ("graphql-core", "compiled"), ("strawberry", "compiled"))
        shown = [f"{took[name] * 1000:.3f}" for name in ways]
        table.add_row(str(size), *shown, *(f"{took[one] / took[other]:.1f} x" for one, other in ratios))
    return table


async def _limit(first: int) -> bytes:
    return msgspec.json.encode(answer(_memory.RESOURCES[: first + 1], first))


async def _compiled(first: int) -> bytes:
    return await _executed(first, _memory.schema.execution_context_class)


async def _graphql_core(first: int) -> bytes:
    return await _executed(first, StrawberryGraphQLCoreExecutionContext)


async def _executed(first: int, executor: Any) -> bytes:
    result: Any = execute(
        _memory.schema.graphql,
        _DOCUMENT,
        context_value=_memory.Memory(_memory.connection()),
        variable_values={"first": first},
        executor_class=executor,
        is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]  # it says bool where a TypeGuard is meant
    )
    return msgspec.json.encode({"data": (await result).data})


_DOCUMENT = parse(QUERY)


async def _strawberry(first: int) -> bytes:
    context = _memory.Memory(_memory.connection())
    result = await _memory.plain.execute(QUERY, {"first": first}, context)
    return msgspec.json.encode({"data": result.data})


async def _over_http() -> Table:
    with tempfile.TemporaryDirectory(prefix="filiera-engines-") as folder:
        async with AsyncExitStack() as stack:
            servers = {
                name: await stack.enter_async_context(served(*command)) for name, command in commands(folder).items()
            }
            agree([await one.answer(body(20)) for one in servers.values()])
            took = {size: await asked(servers, size) for size in SIZES}
            return _table(servers, took)


async def asked(servers: dict[str, Server], size: int) -> dict[str, tuple[float, float]]:
    """Milliseconds of processor for one request, and requests a second, by server."""
    sent = body(size)
    cpu, took = defaultdict(list), defaultdict(list)
    for server in servers.values():
        await server.asked(sent, WARM_UP)
    for _ in range(ROUNDS):
        for name, server in servers.items():
            before = server.cpu
            seconds = await server.asked(sent, OVER_HTTP)
            cpu[name].append((server.cpu - before) / OVER_HTTP * 1000)
            took[name].append(OVER_HTTP / seconds)
    return {name: (statistics.median(cpu[name]), statistics.median(took[name])) for name in servers}


def body(first: int) -> bytes:
    return msgspec.json.encode({"query": QUERY, "variables": {"first": first}})


def _table(servers: dict[str, Server], took: dict[int, dict[str, tuple[float, float]]]) -> Table:
    columns = [f"{size}: {what}" for size in SIZES for what in ("ms of processor", "requests a second", "/ gateway")]
    table = Table("server", *columns, "memory MB", "start s")
    for name, server in servers.items():
        row = []
        for size in SIZES:
            cpu, rate = took[size][name]
            row += [f"{cpu:.2f}", f"{rate:.0f}", f"{cpu / took[size]['gateway'][0]:.2f} x"]
        table.add_row(name, *row, f"{server.megabytes:.0f}", f"{server.started_in:.1f}")
    return table


if __name__ == "__main__":
    asyncio.run(main())
