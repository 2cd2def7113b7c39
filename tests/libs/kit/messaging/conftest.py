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
        self._port = free_port()
        self.child = broker(home, self._port)
        self.address = f"127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start with an empty log and a new cluster id."""
        start_and_wait([self.child], self._home.log, seconds=30)

    def wipe(self) -> None:
        self.child.kill()
        self.start()

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


@pytest.fixture
def settings(kit_database: Database) -> Settings:
    """Of the probe, on the run's servers."""
    return Settings(service="probe", database=kit_database._engine.url.database, topic_prefix=f"{new_id().hex}.")


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
