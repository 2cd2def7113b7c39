"""A platform of its own for system tests, driven as a script would drive it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from libs.demo.client import Platform as Client
from libs.kit.ids import new_id
from libs.stack.home import Home
from libs.stack.issuer import Issuer
from libs.stack.platform import services
from libs.stack.postgres import dsn
from tests.conftest import own_kafka

ROOT = Path(__file__).parent.parent.parent
SERVICES = services()
"""Found by their folders, so that a new one is covered by itself."""
_PORTS = range(20_000, 29_000, 20)


@dataclass
class Running:
    """One instance: its home and its ports."""

    home: Path
    port: int
    environment: dict[str, str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> Client:
        """A client of the public API with tokens of this instance's own issuer."""
        return Client(self.url, self.token)

    def token(self, party: UUID, role: str) -> str:
        return Issuer(Home(self.home)).token(party, role, "system-test", 3600)

    def status(self) -> dict[str, Any]:
        return dict(json.loads(self.run("status", "--json", check=False).stdout))

    def pid(self, name: str) -> int:
        return int(self.status()[name]["pid"])

    def kill(self, name: str) -> int:
        """Kill -9 a process; returns the pid it had."""
        pid = self.pid(name)
        os.kill(pid, signal.SIGKILL)
        return pid

    def wipe_kafka(self) -> dict[str, int]:
        """Kill -9 every broker and lose its log, which the embedded one has in memory alone; the pids they had."""
        pids = {name: process["pid"] for name, process in self.status().items() if name.startswith("broker")}
        for log in self.home.glob("kafka/*"):
            log.rename(self.home / f"lost-{new_id()}")  # before the kill, or what comes back would still find it
        for pid in pids.values():
            os.kill(pid, signal.SIGKILL)
        return pids

    @contextmanager
    def paused(self, name: str) -> Iterator[None]:
        """Stop a process in its tracks while the block runs: it keeps its connections and answers nothing."""
        pid = self.pid(name)
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def back(self, name: str, old: int) -> bool:
        """Whether another process has taken the place of the old one, and all are ready."""
        status = self.status()
        return status[name]["pid"] not in (old, None) and all(part["state"] == "ready" for part in status.values())

    def up(self) -> None:
        self.run("up", "--detach", "--port", str(self.port), "--kafka", own_kafka())

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "libs.stack", arguments[0], "--home", str(self.home), *arguments[1:]]
        done = subprocess.run(
            command,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            env=os.environ | self.environment,
            check=False,
        )
        assert not check or done.returncode == 0, f"{arguments}: {done.stdout}\n{done.stderr}"
        return done

    def audit(self) -> list[str]:
        """Where the ledger is not what its log tells."""
        done = self.run("capacity", "audit", check=False)
        return (done.stdout + done.stderr).splitlines() * (done.returncode != 0)

    async def ask(self, service: str, sql: str, *values: object) -> list[asyncpg.Record]:
        """Look into a service's database, as an administrator."""
        connection = await asyncpg.connect(dsn(Home(self.home)).replace("/postgres?", f"/{service}?"), timeout=10)
        try:
            return list(await connection.fetch(sql, *values, timeout=20))
        finally:
            await connection.close(timeout=5)


def free_ports() -> int:
    """A port with nineteen free ones behind it, chosen so that parallel test workers seldom meet."""
    start = os.getpid() * 7 + int(time.monotonic() * 1000)
    for step in range(len(_PORTS)):
        port = _PORTS[(start + step) % len(_PORTS)]
        if all(_free(port + offset) for offset in range(20)):
            return port
    raise AssertionError("no twenty free ports in a row")


def _free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
