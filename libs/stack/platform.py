"""What runs on this machine, where, and with which settings."""

import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from libs.stack.child import Child, inherited
from libs.stack.errors import StackError
from libs.stack.health import is_ready
from libs.stack.home import Home
from libs.stack.issuer import Issuer
from libs.stack.postgres import postgres
from libs.stack.servers import broker, environment, valkey

ROOT = Path(__file__).absolute().parents[2]
DEFAULT_PORT = 8000
BROKER_OFFSET = 9
SERVERS = ("postgres", "valkey", "broker")
# Of our caller's settings these alone reach the services: the rest would lead them to somebody else's servers.
PASSED_ON = ("FILIERA_LOG", "FILIERA_OTLP")

FIRST_QUERY = "{ parties(first: 5) { edges { node { name kind } } } }"


def services(root: Path = ROOT) -> list[str]:
    """Every folder of services/ with an app.py; the gateway first, for it gets the first port."""
    found = sorted(path.parent.name for path in (root / "services").glob("*/app.py"))
    return sorted(found, key=lambda name: name != "gateway")


class Platform:
    """One instance: its home, its ports, its programs."""

    def __init__(self, home: Home, port: int = DEFAULT_PORT, root: Path = ROOT) -> None:
        self.home = home
        self.port = port
        self.root = root
        self.services = services(root)
        if len(self.services) > BROKER_OFFSET:
            raise StackError(f"there are ports for {BROKER_OFFSET} services and services/ has {len(self.services)}")
        if not 1 <= port <= 65535 - BROKER_OFFSET:
            raise StackError(f"--port must be between 1 and {65535 - BROKER_OFFSET}, and it is {port}")
        self.ports = {name: port + offset for offset, name in enumerate(self.services)}
        self.ports["broker"] = port + BROKER_OFFSET

    @property
    def names(self) -> list[str]:
        """Every process, in the order of starting."""
        return [*SERVERS, *self.services]

    def environment(self) -> dict[str, str]:
        """The settings that all services share. Makes the issuer's key if there is none."""
        servers = environment(self.home, self.ports["broker"])
        urls = {name: self.url(name) for name in self.services}
        return servers | Issuer(self.home).environment() | {"FILIERA_SERVICES": json.dumps(urls)}

    def url(self, name: str) -> str:
        """Where a process listens."""
        servers = environment(self.home, self.ports["broker"])
        known = {"postgres": "FILIERA_POSTGRES", "valkey": "FILIERA_REDIS", "broker": "FILIERA_KAFKA"}
        return servers[known[name]] if name in known else f"http://127.0.0.1:{self.ports[name]}"

    def child(self, name: str) -> Child:
        """The program of that name, not started."""
        if name == "postgres":
            return postgres(self.home)
        if name == "valkey":
            return valkey(self.home)
        if name == "broker":
            return broker(self.home, self.ports["broker"])
        return self._service(name)

    def _service(self, name: str) -> Child:
        port = self.ports[name]
        listen = ["--host", "127.0.0.1", "--port", str(port)]
        server = ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
        command = ["uvicorn", f"services.{name}.app:api", *listen, *server, "--timeout-graceful-shutdown", "5"]
        return self._python(name, command, lambda _: is_ready(port))

    def migration(self) -> Child | None:
        """The program that brings every database up to date; None if no service has a database."""
        if not any((self.root / "services").glob("*/migrations")):
            return None
        return self._python("migrate", ["libs.kit.migrate", "--all"], lambda _: False)

    def _python(self, name: str, module: list[str], ready: Callable[[Child], bool]) -> Child:
        passed = {key: value for key, value in os.environ.items() if key in PASSED_ON}
        clean = inherited(without=("FILIERA_", "PG", "PYTHON")) | {"FILIERA_LOG": "text"} | passed
        return Child(
            name=name,
            command=lambda: [sys.executable, "-m", *module],
            is_ready=ready,
            environment=clean | self.environment() | {"PYTHONUNBUFFERED": "1"},
            folder=self.root,
        )

    def check_ports(self) -> None:
        """Raise StackError if somebody listens on a port of ours."""
        for name, port in self.ports.items():
            with socket.socket() as server:
                server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # an instance that has just stopped
                try:
                    server.bind(("127.0.0.1", port))
                except OSError as error:
                    raise StackError(
                        f"port {port}, for {name}, cannot be used ({error.strerror}): stop the program that has it, or"
                        f" choose others with --port N (N to N+{BROKER_OFFSET} are used; now N is {self.port})"
                    ) from error
