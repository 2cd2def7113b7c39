"""GraphQL servers as processes on unix sockets, connections that ask them, and what they take of the machine."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httptools
import msgspec

PEERS = Path(__file__).parent / "peers"
UVICORN = ("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning", "--lifespan", "off")
NAMES = ("mercurius", "mercurius-jit", "yoga", "yoga-jit", "apollo")
"""As `server.js` knows them."""
AT_A_TIME = 8
"""Connections that ask, each again as soon as it has its answer."""


class Server:
    """One that runs."""

    def __init__(self, process: subprocess.Popen[bytes], socket: str, seconds: float) -> None:
        self.started_in = seconds
        self._process = process
        self._socket = socket

    @property
    def cpu(self) -> float:
        """Seconds of processor that all its threads have had."""
        threads = Path(f"/proc/{self._process.pid}/task").glob("*/schedstat")
        return sum(int(one.read_text().split()[0]) for one in threads) / 1e9

    @property
    def megabytes(self) -> float:
        """Memory that is its own and resident."""
        pages = Path(f"/proc/{self._process.pid}/statm").read_text().split()
        return (int(pages[1]) - int(pages[2])) * os.sysconf("SC_PAGE_SIZE") / 2**20

    async def asked(self, body: bytes, times: int) -> float:
        """Ask so many times over several connections; returns the seconds it took."""
        left = iter(range(times))
        began = time.perf_counter()
        async with asyncio.timeout(120):
            await asyncio.gather(*(self._keep_asking(body, left) for _ in range(AT_A_TIME)))
        return time.perf_counter() - began

    async def _keep_asking(self, body: bytes, left: Iterator[int]) -> None:
        reader, writer = await asyncio.open_unix_connection(self._socket)
        for _ in left:  # all connections take from it
            await exchanged(reader, writer, body)
        writer.close()

    async def answer(self, body: bytes) -> bytes:
        """One answer."""
        reader, writer = await asyncio.open_unix_connection(self._socket)
        try:
            return await exchanged(reader, writer, body)
        finally:
            writer.close()


async def exchanged(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> bytes:
    """Send a request and read its answer."""
    lines = ("POST /graphql HTTP/1.1", "Host: bench", "Content-Type: application/json", f"Content-Length: {len(body)}")
    writer.write("\r\n".join((*lines, "", "")).encode() + body)
    told = _Told()
    parser = httptools.HttpResponseParser(told)
    while not told.complete:
        data = await reader.read(2**17)
        if not data:
            raise ConnectionError("the server hung up")
        parser.feed_data(data)
    if parser.get_status_code() != 200:
        raise RuntimeError(bytes(told.body).decode())
    return bytes(told.body)


class _Told:
    def __init__(self) -> None:
        self.body, self.complete = bytearray(), False

    def on_body(self, data: bytes) -> None:
        self.body += data

    def on_message_complete(self) -> None:
        self.complete = True


@asynccontextmanager
async def served(command: Sequence[str], socket: str) -> AsyncIterator[Server]:
    """A server while the block runs."""
    began = time.perf_counter()
    process = await asyncio.to_thread(subprocess.Popen, command, env=os.environ)
    try:
        await _there(socket)
        yield Server(process, socket, time.perf_counter() - began)
    finally:
        process.terminate()
        process.wait(20)


async def _there(socket: str) -> None:
    body = msgspec.json.encode({"query": "{ __typename }", "variables": {"first": 1}})
    async with asyncio.timeout(60):
        while True:
            with suppress(OSError):
                reader, writer = await asyncio.open_unix_connection(socket)
                await exchanged(reader, writer, body)
                writer.close()
                return
            await asyncio.sleep(0.02)


def commands(folder: str) -> dict[str, tuple[Sequence[str], str]]:
    """What starts each server, and its socket. The peers only if they are installed."""
    ours = {"limit": "limit", "gateway": "api", "strawberry": "as_it_comes"}
    found: dict[str, list[str]] = {}
    for name, app in ours.items():
        socket = f"{folder}/{name}.sock"
        found[name] = [sys.executable, "-P", "-m", "uvicorn", f"bench._memory:{app}", "--uds", socket, *UVICORN]
    if (PEERS / "node_modules").is_dir():
        script = str(PEERS / "server.js")
        found |= {name: ["node", script, name, f"{folder}/{name}.sock"] for name in NAMES}
    return {name: (command, f"{folder}/{name}.sock") for name, command in found.items()}
