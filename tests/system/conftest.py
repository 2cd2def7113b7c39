"""One platform for all system tests of a worker; tests marked so run on the same worker."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from libs.demo.client import Platform as Client
from tests.system.otlp import Collector
from tests.system.running import Running, free_ports


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.system)
            item.add_marker(pytest.mark.xdist_group("system"))


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    """Receives the traces of every service."""
    with Collector() as started:
        yield started


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Running]:
    """The whole platform, started with `up --detach` and stopped with `down`."""
    instance = Running(tmp_path_factory.mktemp("home"), free_ports(), {"FILIERA_OTLP": collector.url})
    instance.up()
    yield instance
    instance.run("down")


@pytest.fixture
async def client(running: Running) -> AsyncIterator[Client]:
    """A client of the public API."""
    async with running.client() as made:
        yield made
