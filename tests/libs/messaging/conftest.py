"""Settings of the probe with topics of its own, tasks that end with the test, and a broker that may be killed."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from libs.kit.db import Database
from libs.kit.ids import new_id
from libs.kit.settings import Settings
from libs.stack.brokers import PORTS, new_cluster_id
from libs.stack.child import free_ports
from libs.stack.home import Home
from libs.stack.servers import brokers
from tests.conftest import KAFKA, own_kafka

Spawn = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]


class OwnBroker:
    """Kafka of one test, of the kind that the run is on: the embedded broker, or one or three of Apache Kafka."""

    def __init__(self, home: Home, kind: str) -> None:
        self.brokers = brokers(home, kind, free_ports(PORTS[kind]))

    def settings(self, settings: Settings) -> Settings:
        """These, for this Kafka."""
        own = {name.removeprefix("FILIERA_").lower(): value for name, value in self.brokers.environment().items()}
        return Settings(**(settings.model_dump() | own))

    async def start(self) -> None:
        await asyncio.to_thread(self.brokers.start)

    async def wipe(self) -> None:
        """All brokers are killed and come back with an empty log: another cluster."""
        self.brokers.wipe()
        await self.start()

    def send(self, number: signal.Signals) -> None:
        for child in self.brokers.children:
            child.send(number)

    def keep_its_id(self) -> None:
        """From now on it is wiped without its id telling so."""
        self.brokers.cluster_id = new_cluster_id()


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[OwnBroker]:
    """Not started yet: there may be something to set before."""
    home = Home(tmp_path / "home")
    home.make()
    made = OwnBroker(home, own_kafka())
    yield made
    made.brokers.kill()


class Cable:
    """What lies between clients and a broker. Cut, it carries nothing on the connections there are, and closes none."""

    def __init__(self) -> None:
        self._carrying: list[asyncio.Task[None]] = []
        self._ends: list[asyncio.StreamWriter] = []

    async def connect(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_broker = await asyncio.open_connection("127.0.0.1", port)
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
    """Clients of `own_broker` will reach it through this."""
    made, ports = Cable(), own_broker.brokers.ports
    servers = [await asyncio.start_server(partial(made.connect, port), "127.0.0.1", 0) for port in ports]
    own_broker.brokers.advertised = [server.sockets[0].getsockname()[1] for server in servers]
    yield made
    for server in servers:
        server.close()
    await made.take_away()


@pytest.fixture
def settings(kit_database: Database) -> Settings:
    """Of the probe, on the run's servers."""
    # What was killed is gone from its group after a session: those of Apache Kafka in the stack may be as short as the
    # embedded broker's; a cluster that was given has its own least.
    session = {"kafka_session_timeout_ms": 2000} if KAFKA in os.environ else {}
    return Settings(service="probe", database=kit_database.url.database, topic_prefix=f"{new_id().hex}.", **session)


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
