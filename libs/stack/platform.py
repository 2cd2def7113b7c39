"""What runs on this machine, where, and with which settings."""

import json
import os
import re
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from libs.stack.brokers import EMBEDDED, PORTS
from libs.stack.child import Child, inherited
from libs.stack.errors import StackError
from libs.stack.health import is_ready
from libs.stack.home import Home
from libs.stack.issuer import Issuer
from libs.stack.postgres import dsn, postgres
from libs.stack.servers import brokers, redis, valkey

ROOT = Path(__file__).absolute().parents[2]
DEFAULT_PORT = 8000
BROKER_OFFSET = 9
# Of our caller's settings these alone reach the services: the rest would lead them to somebody else's servers.
PASSED_ON = ("FILIERA_LOG", "FILIERA_OTLP", "FILIERA_POINTS_", "FILIERA_TRUSTED_")

FIRST_QUERY = "{ parties(first: 5) { edges { node { name kind } } } }"


@dataclass(frozen=True)
class Wanted:
    """Which servers an instance is to run on: its own, or those at these addresses."""

    kafka: str = EMBEDDED
    """See `brokers.choice`."""
    postgres: str | None = None
    redis: str | None = None

    def passed_on(self) -> dict[str, str]:
        """Our caller's settings that say how to use the given servers: passwords, certificates, what topics get."""
        given = {
            "FILIERA_KAFKA_": self.kafka not in PORTS,
            "FILIERA_POSTGRES_": self.postgres,
            "FILIERA_REDIS_": self.redis,
        }
        known = tuple(prefix for prefix, is_given in given.items() if is_given)
        return {name: value for name, value in (_secrets() | os.environ).items() if known and _belongs(name, known)}


def _secrets() -> dict[str, str]:
    """What the folder FILIERA_SECRETS holds, by the names of the settings; not passed on whole, for it may hold the
    passwords of servers that are not used here."""
    folder = os.environ.get("FILIERA_SECRETS")
    if not folder:
        return {}
    if not Path(folder).is_dir():
        raise StackError(f"FILIERA_SECRETS names {folder}, which is no folder")
    files = (path for path in Path(folder).glob("filiera_*") if path.is_file())
    return {path.name.upper(): path.read_text().strip() for path in files}


def _belongs(name: str, known: tuple[str, ...]) -> bool:
    roles = [f"FILIERA_{service.upper()}_PASSWORD" for service in services()] if "FILIERA_POSTGRES_" in known else []
    return name.startswith(known) or name in roles


def services(root: Path = ROOT) -> list[str]:
    """Every folder of services/ with an app.py; the gateway first, for it gets the first port."""
    found = sorted(path.parent.name for path in (root / "services").glob("*/app.py"))
    return sorted(found, key=lambda name: name != "gateway")


class Platform:
    """One instance: its home, its ports, its programs."""

    def __init__(
        self,
        home: Home,
        port: int = DEFAULT_PORT,
        wanted: Wanted | None = None,
        root: Path = ROOT,
    ) -> None:
        self.home = home
        self.port = port
        self.wanted = wanted = wanted or Wanted()
        self.root = root
        self.services = services(root)
        first = port + BROKER_OFFSET
        self.last_port = max(first, first + PORTS.get(wanted.kafka, 0) - 1)
        if len(self.services) > BROKER_OFFSET:
            raise StackError(f"there are ports for {BROKER_OFFSET} services and services/ has {len(self.services)}")
        if port < 1 or self.last_port > 65535:
            raise StackError(f"--port must be between 1 and {65535 - self.last_port + port}, and it is {port}")
        self.ports = {name: port + offset for offset, name in enumerate(self.services)}
        self.brokers = brokers(home, wanted.kafka, range(first, first + PORTS.get(wanted.kafka, 0)))
        self._servers = {child.name: child for child in self._own_servers()}

    def _own_servers(self) -> list[Child]:
        own = [] if self.wanted.postgres else [postgres(self.home)]
        return [*own, *([] if self.wanted.redis else [valkey(self.home)]), *self.brokers.children]

    @property
    def servers(self) -> list[str]:
        """The servers that are ours, in the order of starting."""
        return list(self._servers)

    @property
    def given(self) -> dict[str, str]:
        """The servers that are somebody else's, each with its address, without passwords."""
        kafka = None if self.brokers.children else self.brokers.address
        found = {"postgres": self.wanted.postgres, "valkey": self.wanted.redis, "broker": kafka}
        return {name: _without_password(address) for name, address in found.items() if address}

    @property
    def names(self) -> list[str]:
        """Every process, in the order of starting."""
        return [*self.servers, *self.services]

    def environment(self) -> dict[str, str]:
        """The settings that all services share. Makes the issuer's key if there is none."""
        servers = {
            "FILIERA_POSTGRES": self.wanted.postgres or dsn(self.home),
            "FILIERA_REDIS": self.wanted.redis or redis(self.home),
            **self.brokers.environment(),
        }
        urls = {name: self.url(name) for name in self.services}
        ours = {"FILIERA_SERVICES": json.dumps(urls), "FILIERA_INTROSPECTION": "true"}
        return servers | Issuer(self.home).environment() | ours

    def url(self, name: str) -> str:
        """Where a process listens."""
        if name in self.services:
            return f"http://127.0.0.1:{self.ports[name]}"
        if name in self.given:
            return self.given[name]
        if name in ("postgres", "valkey"):
            return dsn(self.home) if name == "postgres" else redis(self.home)
        return f"127.0.0.1:{self.brokers.ports[self._broker_names.index(name)]}"

    @property
    def _broker_names(self) -> list[str]:
        return [child.name for child in self.brokers.children]

    def is_broker(self, name: str) -> bool:
        return name in self._broker_names

    def child(self, name: str) -> Child:
        """The program of that name, not started."""
        return self._servers.get(name) or self._service(name)

    def _service(self, name: str) -> Child:
        """It logs in as its own role: who administers the server, and with which password, is not for it to know."""
        port = self.ports[name]
        listen = ["--host", "127.0.0.1", "--port", str(port)]
        server = ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
        limits = ["--ws-max-size", str(128 * 1024), "--timeout-graceful-shutdown", "5"]
        command = ["uvicorn", f"services.{name}.app:api", *listen, *server, *limits]
        child = self._python(name, command, lambda _: is_ready(port))
        database = _without_user(child.environment["FILIERA_POSTGRES"])
        child.environment = {**child.environment, "FILIERA_POSTGRES": database}
        return child

    def migration(self) -> Child | None:
        """The program that brings every database up to date; None if no service has a database."""
        if not any((self.root / "services").glob("*/migrations")):
            return None
        child = self._python("migrate", ["libs.kit.migrate", "--all"], lambda _: False)
        if shared := child.environment.get("FILIERA_POSTGRES_PASSWORD"):  # what every service here logs in with
            roles = {f"FILIERA_{name.upper()}_PASSWORD": shared for name in self.services}
            child.environment = {**roles, **child.environment}
        return child

    def topics(self) -> Child | None:
        """The program that creates the declared topics; None where services create them, or none are declared."""
        forgetful = "FILIERA_KAFKA_CREATE_TOPICS" in self.brokers.environment()
        if forgetful or not (self.root / "libs" / "contracts").exists():
            return None
        return self._python("topics", ["libs.messaging.topics"], lambda _: False)

    def _python(self, name: str, module: list[str], ready: Callable[[Child], bool]) -> Child:
        passed = {key: value for key, value in os.environ.items() if key.startswith(PASSED_ON)}
        clean = inherited(without=("FILIERA_", "PG", "PYTHON")) | {"FILIERA_LOG": "text"} | passed
        return Child(
            name=name,
            command=lambda: [sys.executable, "-m", *module],
            is_ready=ready,
            environment=clean | self.wanted.passed_on() | self.environment() | {"PYTHONUNBUFFERED": "1"},
            folder=self.root,
        )

    def check_ports(self) -> None:
        """Raise StackError if somebody listens on a port of ours."""
        kafka = range(self.port + BROKER_OFFSET, self.last_port + 1) if self.brokers.children else ()
        for name, port in [*self.ports.items(), *(("broker", port) for port in kafka)]:
            with socket.socket() as server:
                server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # an instance that has just stopped
                try:
                    server.bind(("127.0.0.1", port))
                except OSError as error:
                    raise StackError(
                        f"port {port}, for {name}, cannot be used ({error.strerror}): stop the program that has it, or"
                        f" choose others with --port N (N to N+{self.last_port - self.port} are used; now N is"
                        f" {self.port})"
                    ) from error


def _without_user(address: str) -> str:
    return re.sub(r"(?<=://)[^@/?]*@", "", re.sub(r"(?<=[?&])(user|password)=[^&]*&?", "", address)).rstrip("?&")


def _without_password(address: str) -> str:
    return re.sub(r"(?<=password=)[^&]*", "***", re.sub(r"(://[^:@/]*):[^@]*@", r"\1:***@", address))
