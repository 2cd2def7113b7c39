"""Settings of the probe with topics of its own, tasks that end with the test, and a broker that may be killed."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from libs.kit.db import Database
from libs.kit.ids import new_id
from libs.kit.settings import Settings
from libs.stack.child import free_port, start_and_wait
from libs.stack.home import Home
from libs.stack.servers import broker

Spawn = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]


class OwnBroker:
    """An embedded broker of one test."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self.port = free_port()
        self.child = broker(home, self.port)
        self.address = f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start with an empty log and a new cluster id."""
        start_and_wait([self.child], self._home.log, seconds=30)

    def wipe(self) -> None:
        self.child.kill()
        self.start()

    def advertise(self, port: int) -> None:
        """From now on clients are told that it is there."""
        command = self.child.command()
        command[command.index("--advertised-listener-url") + 1] = f"tcp://127.0.0.1:{port}"
        self.child.command = lambda: command
        self.address = f"127.0.0.1:{port}"

    def keep_its_id(self) -> None:
        """From now on it is wiped without its id telling so."""
        command = self.child.command()
        self.child.command = lambda: command


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[OwnBroker]:
    home = Home(tmp_path / "home")
    home.make()
    made = OwnBroker(home)
    made.start()
    yield made
    made.child.kill()


class Cable:
    """What lies between clients and a broker. Cut, it carries nothing on the connections there are, and closes none."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._carrying: list[asyncio.Task[None]] = []
        self._ends: list[asyncio.StreamWriter] = []

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_broker = await asyncio.open_connection("127.0.0.1", self._port)
        self._ends += [writer, to_broker[1]]
        for source, end in ((reader, to_broker[1]), (to_broker[0], writer)):
            self._carrying.append(asyncio.create_task(_carry(source, end)))

    def cut(self) -> None:
        for task in self._carrying:
            task.cancel()

    async def take_away(self) -> None:
        self.cut()
        await asyncio.gather(*self._carrying, return_exceptions=True)
        for end in self._ends:
            end.transport.abort()
        await asyncio.sleep(0.1)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


@pytest.fixture
async def cable(own_broker: OwnBroker) -> AsyncIterator[Cable]:
    """Clients of `own_broker` reach it through this."""
    made = Cable(own_broker.port)
    server = await asyncio.start_server(made.connect, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    own_broker.advertise(port)
    own_broker.wipe()
    yield made
    server.close()
    await made.take_away()


@pytest.fixture
def settings(kit_database: Database) -> Settings:
    """Of the probe, on the run's servers."""
    return Settings(service="probe", database=kit_database.url.database, topic_prefix=f"{new_id().hex}.")


@pytest.fixture
async def spawn() -> AsyncIterator[Spawn]:
    """Run something until the test ends. It must not have ended by itself."""
    tasks: list[asyncio.Task[None]] = []

    def begin(work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        tasks.append(asyncio.create_task(work))
        return tasks[-1]

    yield begin
    ended = [task for task in tasks if task.done() and not task.cancelled()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert not ended, ended
