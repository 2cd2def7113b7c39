"""Servers with passwords and TLS, started once; and what a service says when it is started on them."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from libs.stack.child import bound, free_ports
from tests.conftest import Databases
from tests.security.certificates import Authority
from tests.security.servers import Kafka, Postgres, Valkey, postgres_binaries

ROOT = Path(__file__).parents[2]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file's tests share its server: one worker."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group(f"security-{item.path.stem}"))


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("security")


@pytest.fixture(scope="session")
def authority(folder: Path) -> Authority:
    """Who signs the servers' certificates."""
    return Authority(folder / "ours")


@pytest.fixture(scope="session")
def stranger(folder: Path) -> Authority:
    """An authority that signed nobody's."""
    return Authority(folder / "strangers")


@pytest.fixture(scope="session")
def binaries(folder: Path) -> Path:
    return postgres_binaries(folder / "postgres-18")


@pytest.fixture(scope="session")
def postgres(folder: Path, binaries: Path, authority: Authority) -> Iterator[Postgres]:
    server = Postgres(folder / "postgres", binaries, authority.issue("postgres", host="localhost"))
    yield server
    server.child.kill()


@pytest.fixture(scope="session")
def valkey(folder: Path, authority: Authority) -> Iterator[Valkey]:
    server = Valkey(folder / "valkey", authority.issue("valkey", host="localhost"), authority)
    yield server
    server.child.kill()


@pytest.fixture(scope="session")
def kafka(folder: Path, authority: Authority) -> Iterator[Kafka]:
    server = Kafka(folder / "kafka", authority)
    yield server
    server.child.kill()


@pytest.fixture
async def catalog(database: Databases, worker: str) -> dict[str, str]:
    """The setting by which the catalog finds its database on the run's own server."""
    await database("catalog")
    return {"FILIERA_DATABASE": f"catalog_{worker}"}


@dataclass
class Service:
    """The catalog's process, as `uvicorn` starts it."""

    process: "subprocess.Popen[str]"
    port: int

    async def is_live(self) -> bool:
        try:
            async with httpx.AsyncClient(timeout=5) as client:
                return (await client.get(f"http://127.0.0.1:{self.port}/health/live")).is_success
        except httpx.HTTPError:
            return False

    async def ending(self) -> tuple[int, list[str]]:
        """Its exit code and what it said; it must end by itself."""
        output, _ = await asyncio.to_thread(self.process.communicate, timeout=60)
        return self.process.returncode, [_message(line) for line in output.splitlines()]


Start = Callable[[Mapping[str, str]], Service]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a service whose settings are the run's but for these."""
    started: list[Service] = []

    def begin(settings: Mapping[str, str]) -> Service:
        (port,) = free_ports(1)
        command = [sys.executable, "-m", "uvicorn", "services.catalog.app:api", "--port", str(port)]
        process = subprocess.Popen(
            [*bound(signal.SIGKILL, []), *command, "--no-access-log", "--log-level", "warning"],
            env=os.environ | {"PYTHONPATH": str(ROOT)} | settings,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(Service(process, port))
        return started[-1]

    yield begin
    for service in started:
        service.process.kill()
        service.process.communicate()


def _message(line: str) -> str:
    try:
        return str(json.loads(line)["message"])
    except ValueError:
        return line
