"""How fast an answer is given that is kept, beside one that is made, and beside the fastest of others.

Servers are those of `FILIERA_*`; the database `gateway_bench_kept` is made and kept. The server of others makes its
answer of a list in memory, and is measured if it is installed: `bench/peers/install`.
"""

import asyncio
import sys
import tempfile
from contextlib import AsyncExitStack

from rich.console import Console
from rich.table import Table

from bench._list import SIZES, resources
from bench._rounds import agree
from bench._servers import AT_A_TIME, UVICORN, Server, commands, served
from bench.engines import ROUNDS, asked, body
from libs.graphql.changes import Changes
from libs.kit.db import Database
from libs.kit.ids import new_id
from libs.kit.migrate import migrate
from libs.kit.settings import Settings
from services.gateway.handlers import project

DATABASE, PEER = "gateway_bench_kept", "mercurius-jit"
METHOD = (
    f"{AT_A_TIME} connections, {ROUNDS} rounds, the servers in turn within every round, one process each. The gateway "
    "is whole, with its jobs; `made` keeps no answers. Processor time is the process's own: of an answer that is "
    "kept PostgreSQL has none, and Valkey runs one script. The other server's list is in its memory."
)


async def main() -> None:
    """Measure and print."""
    await migrate("gateway", database=DATABASE)
    await _fill()
    with tempfile.TemporaryDirectory(prefix="filiera-kept-") as folder:
        async with AsyncExitStack() as stack:
            started = _commands(folder)
            servers = {name: await stack.enter_async_context(served(*one)) for name, one in started.items()}
            answers = {name: await one.answer(body(20)) for name, one in servers.items()}
            agree([answers["made"], answers["kept"]])  # the other's list is in another order
            table = await _measured(servers)
    Console(width=140).print(table, METHOD, sep="\n")


async def _fill() -> None:
    database = Database(Settings(service="gateway", database=DATABASE).url)
    async with database.work() as session:
        await project(session, resources(200), Changes())
    await database.close()


def _commands(folder: str) -> dict[str, tuple[list[str], str]]:
    lasting = [one for one in UVICORN if one not in ("--lifespan", "off")]
    prefix = f"FILIERA_TOPIC_PREFIX={new_id().hex}."
    found = {}
    for name, megabytes in (("made", 0), ("kept", 32)):
        socket = f"{folder}/{name}.sock"
        own = [f"FILIERA_DATABASE={DATABASE}", prefix, f"FILIERA_ANSWERS_MEGABYTES={megabytes}"]
        api = ["-P", "-m", "uvicorn", "services.gateway.app:api", "--uds", socket, *lasting]
        found[name] = (["env", *own, sys.executable, *api], socket)
    peers = commands(folder)
    return found | ({PEER: (list(peers[PEER][0]), peers[PEER][1])} if PEER in peers else {})


async def _measured(servers: dict[str, Server]) -> Table:
    table = Table("items", "server", "ms of processor", "requests a second", "kept: times as many requests")
    for size in SIZES:
        took = await asked(servers, size)
        for name, (cpu, rate) in took.items():
            table.add_row(str(size), name, f"{cpu:.2f}", f"{rate:.0f}", f"{took['kept'][1] / rate:.1f} x")
    return table


if __name__ == "__main__":
    asyncio.run(main())
