"""A platform of one tiny service, driven by its command line as a user drives it."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from libs.stack.state import birth

ROOT = Path(__file__).resolve().parents[3]

APP = """
import json

READY = {"service": "hello", "ready": True, "outbox_oldest_seconds": 0.0, "consumer_lag": 0, "parked": 0, "checks": {}}


async def api(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(READY).encode()})
"""


class Clone:
    """A clone of the repository with one service, `hello`; commands run in it as they would from a shell."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "clone"
        self.home = self.root / ".filiera"
        self.port = _free_ports()
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "libs" / "stack", self.root / "libs" / "stack", ignore=ignored)
        shutil.copy(ROOT / "libs" / "__init__.py", self.root / "libs")
        shutil.copy(ROOT / "jgo.lock.toml", self.root)
        self.write_service("hello", APP)

    def write_service(self, name: str, source: str) -> None:
        folder = self.root / "services" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "app.py").write_text(source)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return subprocess.Popen(
            [sys.executable, "-m", "libs.stack", *arguments],
            cwd=self.root,
            env=clean,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=150)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def up(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run("up", "--detach", "--port", str(self.port), *arguments)

    def status(self) -> dict[str, Any]:
        return dict(json.loads(self.run("status", "--json").stdout))

    def state(self) -> dict[str, Any]:
        return dict(json.loads((self.home / "run" / "state.json").read_text()))

    def pids(self) -> dict[str, int]:
        return {name: process["pid"] for name, process in self.state()["processes"].items()}


def wait_until(condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not so after {seconds} s"
        time.sleep(0.05)


def gone(pid: int) -> bool:
    return birth(pid) is None


def _free_ports() -> int:
    """The first of twenty in a row: Apache Kafka on three brokers takes more than ten."""
    for start in range(29_000 + os.getpid() % 150 * 20, 32_700, 20):  # below those that the kernel hands out
        if all(_free(start + offset) for offset in range(20)):
            return start
    raise AssertionError("no twenty free ports in a row")


def _free(port: int) -> bool:
    with socket.socket() as server:
        try:
            server.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
