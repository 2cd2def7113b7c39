"""Apache Kafka, PostgreSQL and Valkey in containers, for a run of the tests where a Docker engine answers."""

import gc
import os
import warnings
from contextlib import ExitStack
from types import TracebackType
from typing import Self

import docker
import pytest
from docker.errors import DockerException
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import ExecWaitStrategy, LogMessageWaitStrategy

IMAGES = {
    "FILIERA_POSTGRES": "postgres:18",
    "FILIERA_KAFKA": "apache/kafka:4.1.1",
    "FILIERA_REDIS": "valkey/valkey:9",
}
"""As in docker-compose.yml."""
_START = 120
"""Seconds for a server to start. An image that is not here yet is pulled before."""


def available() -> bool:
    """Whether a Docker engine answers, and FILIERA_CONTAINERS=0 does not say that it is not for us."""
    if os.environ.get("FILIERA_CONTAINERS") == "0":
        return False
    try:
        docker.from_env(timeout=5).close()  # it asks for the engine's version
    except DockerException:
        _forget_its_sockets()
        return False
    return True


def _forget_its_sockets() -> None:
    """docker leaves a socket open that nobody answered; found later, it would be blamed on some test."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


class Postgres(DockerContainer):
    """Without passwords and without fsync: for data that nobody wants after the run."""

    def __init__(self) -> None:
        super().__init__(IMAGES["FILIERA_POSTGRES"], ports=[5432])
        self.with_env("POSTGRES_HOST_AUTH_METHOD", "trust")
        settings = ("fsync=off", "full_page_writes=off", "max_connections=200", "jit=off", "autovacuum_naptime=10s")
        self.with_command([part for setting in settings for part in ("-c", setting)])
        # Over TCP: while the server makes its data folder, it listens on a socket alone.
        self.waiting_for(ExecWaitStrategy(["pg_isready", "--host=127.0.0.1"]).with_startup_timeout(_START))

    def environment(self) -> dict[str, str]:
        return {"FILIERA_POSTGRES": f"postgresql://postgres@{_address(self, 5432)}/postgres"}


class Valkey(DockerContainer):
    """It carries signals: nothing is kept on disk."""

    def __init__(self) -> None:
        super().__init__(IMAGES["FILIERA_REDIS"], ports=[6379])
        self.with_command(["--save", ""])
        self.waiting_for(LogMessageWaitStrategy("Ready to accept connections").with_startup_timeout(_START))

    def environment(self) -> dict[str, str]:
        return {"FILIERA_REDIS": f"redis://{_address(self, 6379)}/0"}


class Kafka(DockerContainer):
    """One broker. It tells clients where to reach it, and that is known only when the engine has given it a port: so it
    waits for a file with its address before it starts."""

    _told = "/tmp/address"

    def __init__(self) -> None:
        super().__init__(IMAGES["FILIERA_KAFKA"], ports=[9092])
        wait = f"until [ -s {self._told} ]; do sleep 0.1; done"
        start = f"export KAFKA_ADVERTISED_LISTENERS=CLIENT://$(cat {self._told}),BROKER://localhost:9093"
        self.with_command(["bash", "-c", f"{wait}; {start}; exec /etc/kafka/docker/run"])
        self.with_envs(
            KAFKA_NODE_ID="1",
            KAFKA_PROCESS_ROLES="broker,controller",
            KAFKA_CONTROLLER_QUORUM_VOTERS="1@localhost:9094",
            KAFKA_LISTENERS="CLIENT://:9092,BROKER://:9093,CONTROLLER://:9094",
            KAFKA_LISTENER_SECURITY_PROTOCOL_MAP="CLIENT:PLAINTEXT,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
            KAFKA_INTER_BROKER_LISTENER_NAME="BROKER",
            KAFKA_CONTROLLER_LISTENER_NAMES="CONTROLLER",
            KAFKA_AUTO_CREATE_TOPICS_ENABLE="false",
            KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR="1",
            KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR="1",
            KAFKA_TRANSACTION_STATE_LOG_MIN_ISR="1",
            KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS="0",
            KAFKA_HEAP_OPTS="-Xmx512m",
        )

    def start(self) -> Self:
        super().start()
        self.copy_into_container(_address(self, 9092).encode(), self._told)
        LogMessageWaitStrategy("Kafka Server started").with_startup_timeout(_START).wait_until_ready(self)
        return self

    def environment(self) -> dict[str, str]:
        return {"FILIERA_KAFKA": _address(self, 9092)}


class Servers:
    """Those of the servers that are asked for by the names of their settings, running inside a `with`."""

    def __init__(self, *wanted: str) -> None:
        kinds = {"FILIERA_POSTGRES": Postgres, "FILIERA_KAFKA": Kafka, "FILIERA_REDIS": Valkey}
        self._servers = [kinds[name]() for name in wanted]
        self._running = ExitStack()

    def environment(self) -> dict[str, str]:
        """The settings by which they are found."""
        return {name: value for server in self._servers for name, value in server.environment().items()}

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            for server in self._servers:
                _start(starting, server)
            self._running = starting.pop_all()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._running.close()


def _start(stack: ExitStack, server: DockerContainer) -> None:
    try:
        stack.enter_context(server)
    except (DockerException, TimeoutError, RuntimeError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise pytest.UsageError(
            f"a Docker engine answers, but {server.image} does not start in it ({reason}):"
            " FILIERA_CONTAINERS=0 runs the tests on the embedded servers"
        ) from error


def _address(container: DockerContainer, port: int) -> str:
    return f"{container.get_container_host_ip()}:{container.get_exposed_port(port)}"
