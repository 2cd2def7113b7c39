"""One program that we start, watch and stop. It dies with us, whatever way we die."""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from libs.stack.errors import StackError


@dataclass
class Child:
    """A program of the platform: how to start it, how to tell that it is ready, how to stop it."""

    name: str
    command: Callable[[], list[str]]
    """Called at every start: what must be new each time (a cluster id) or made first (a data folder) is done here."""
    is_ready: Callable[["Child"], bool]
    environment: Mapping[str, str]
    folder: Path
    user: list[str] = field(default_factory=list)
    """Options of setpriv for running as somebody else."""
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    """What the kernel sends it when we die without stopping it."""
    process: "subprocess.Popen[bytes] | None" = None

    def start(self, output: int | IO[bytes]) -> None:
        """Start it, its output going to a file or subprocess.PIPE. Call from the main thread: the kernel takes the end
        of the starting thread for the parent's death."""
        self.process = subprocess.Popen(
            [*bound(self.death_signal, self.user), *self.command()],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=self.environment,
            cwd=self.folder,
            start_new_session=True,  # Ctrl-C reaches us alone: we stop the others in order
        )

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process and self.process.poll() is None else None

    @property
    def ready(self) -> bool:
        return self.pid is not None and self.is_ready(self)

    def ending(self) -> str:
        """How it ended, for a sentence: "with signal SIGKILL" or "with exit code 1"."""
        code = self.process.returncode if self.process else 0
        return f"with signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"

    def send(self, number: signal.Signals) -> None:
        if self.process and self.pid:
            self.process.send_signal(number)

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self.send(signal.SIGKILL)
        if self.process:
            self.process.wait()


def bound(death_signal: signal.Signals, user: list[str]) -> list[str]:
    """What to put before a command so that it gets this signal when we die, and runs as that user."""
    if shutil.which("setpriv") is None:
        raise StackError("the program setpriv is missing: install the package util-linux (every Debian has it)")
    return ["setpriv", f"--pdeathsig={death_signal.name[3:]}", *user, "--"]


def stop_all(children: Iterable[Child], seconds: float) -> None:
    """Ask all to stop, wait for them together that long, kill what is left."""
    running = [child for child in children if child.pid]
    for child in running:
        child.send(child.stop_signal)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and any(child.pid for child in running):
        time.sleep(0.01)
    for child in running:
        child.kill()


def free_ports(count: int) -> list[int]:
    """So many ports of the loopback that nobody uses now."""
    with ExitStack() as stack:
        servers = [stack.enter_context(socket.socket()) for _ in range(count)]
        for server in servers:
            server.bind(("127.0.0.1", 0))
        return [int(server.getsockname()[1]) for server in servers]


_ENDING = "Application startup failed. Exiting."


def last_line(log: Path) -> str:
    """The last thing a program said, but for the server's own word that it ends: what a sentence about its end should
    quote."""
    lines = log.read_text(errors="replace").split("\n") if log.exists() else []
    said = (line.strip().removeprefix("error").lstrip() for line in reversed(lines) if not line.endswith(_ENDING))
    return next(filter(None, said), "it said nothing")


def start_and_wait(children: list[Child], log: Callable[[str], Path], seconds: float) -> None:
    """Start all together, each with its own log file. Raises StackError when one stops or is not ready in time."""
    for child in children:
        with log(child.name).open("ab") as output:
            child.start(output)
    deadline = time.monotonic() + seconds
    while waiting := [child for child in children if not child.ready]:
        ended = next((child for child in waiting if child.pid is None), None)
        if ended or time.monotonic() > deadline:
            child = ended or waiting[0]
            why = f"stopped {child.ending()}" if ended else f"was not ready after {seconds:.0f} s"
            raise StackError(f"{child.name} {why}: {last_line(log(child.name))} (log: {log(child.name)})")
        time.sleep(0.01)


def installed(package: str, *parts: str) -> Path:
    """A file of an installed package, without importing it: these packages do things of their own when imported."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise StackError(f"the package {package} is missing: run ./filiera, which installs it")
    return Path(found.submodule_search_locations[0], *parts)


def executable(binary: Path, folder: Path) -> str:
    """The binary itself; or a copy in that folder that may run, where an installer has lost the mode of the file."""
    if os.access(binary, os.X_OK):
        return str(binary)
    copy = folder / binary.name
    shutil.copyfile(binary, copy)
    copy.chmod(0o700)
    return str(copy)


def inherited(without: tuple[str, ...]) -> dict[str, str]:
    """Our environment but for names that begin so: a stray PGPORT or FILIERA_KAFKA must not reach our programs."""
    return {name: value for name, value in os.environ.items() if not name.startswith(without)}
