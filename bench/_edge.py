"""The capacity service as it runs, one process of uvicorn, and clients that ask it over connections that stay open."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random

import msgspec

from libs.kit.ids import new_id
from libs.kit.testing import make_issuer, token
from services.capacity.domain.offer import Allocation

_SERVER = (
    "--loop",
    "uvloop",
    "--http",
    "httptools",
    "--no-access-log",
    "--log-level",
    "warning",
    "--timeout-keep-alive",
    "300",
)
_PARTIES = 2000
"""Each signs in once: what is measured is the service, not the issuer."""

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def served(database: str, clients: int) -> AsyncIterator[Callable[[Allocation], Awaitable[None]]]:
    """What holds one unit of a day over HTTP, for so many clients at once."""
    with tempfile.TemporaryDirectory(prefix="filiera-edge-") as folder:
        make_issuer(Path(folder))
        socket, log = f"{folder}/capacity.sock", Path(folder) / "log"
        command = [sys.executable, "-P", "-m", "uvicorn", "services.capacity.app:api", "--uds", socket, *_SERVER]
        own = {"FILIERA_DATABASE": database, "FILIERA_TOPIC_PREFIX": f"{new_id().hex}."}
        with log.open("wb") as told:
            server = await asyncio.to_thread(subprocess.Popen, command, env=os.environ | own, stderr=told)
        try:
            free: asyncio.Queue[Connection] = asyncio.Queue(clients)
            for _ in range(clients):
                free.put_nowait(await _connected(socket))
            tokens, dice = [token(new_id(), "brand") for _ in range(_PARTIES)], Random(1)

            async def place(part: Allocation) -> None:
                if free.full():
                    server.send_signal(signal.SIGCONT)
                connection = await free.get()
                async with asyncio.timeout(30):
                    await _hold(connection, dice.choice(tokens), part)
                free.put_nowait(connection)
                if free.full():  # what it has yet to send is not to slow down whatever is measured next
                    server.send_signal(signal.SIGSTOP)

            yield place
        except BaseException:  # else nobody wants it: it tells of nothing but that the service was stopped and woken
            sys.stderr.write(log.read_text())
            raise
        finally:
            server.terminate()
            server.send_signal(signal.SIGCONT)
            server.wait(20)


async def _connected(socket: str) -> Connection:
    async with asyncio.timeout(60):
        while True:
            with suppress(OSError):
                return await asyncio.open_unix_connection(socket)
            await asyncio.sleep(0.1)


async def _hold(connection: Connection, bearer: str, part: Allocation) -> None:
    reader, writer = connection
    asked = [{"resource_id": part.resource_id, "day": part.day, "quantity": 1}]
    body = msgspec.json.encode({"allocations": asked})
    lines = [
        "POST /holds HTTP/1.1",
        "Host: capacity",
        f"Authorization: Bearer {bearer}",
        f"Idempotency-Key: {new_id()}",
    ]
    lines += ["Content-Type: application/json", f"Content-Length: {len(body)}", "", ""]
    writer.write("\r\n".join(lines).encode() + body)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    told = await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
    if not head.startswith(b"http/1.1 201"):
        raise RuntimeError(told.decode())
