"""The platform of docker-compose.yml, as a project of its own beside whatever else runs on this machine."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from libs.demo.client import Platform as Client

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "compose"
FILES = "docker-compose.yml:tests/deploy/published.yaml"


@dataclass
class Composed:
    """One project: its name and the gateway's port."""

    name: str
    port: int
    environment: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        listen = f"127.0.0.1:{self.port}"
        own = {"COMPOSE_PROJECT_NAME": self.name, "COMPOSE_FILE": FILES, "FILIERA_LISTEN": listen}
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("COMPOSE_", "FILIERA_"))}
        self.environment = clean | own | {"PYTHONPATH": str(ROOT)}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> Client:
        """A client of the public API with tokens of this project's Keycloak."""
        return Client(self.url, self.token)

    def token(self, party: UUID, role: str) -> str:
        return self.run(str(FOLDER / "token"), str(party), role).strip()

    def up(self) -> None:
        self.run(str(FOLDER / "make-secrets"))
        self.compose("up", "--build", "--wait", "--quiet-pull")

    def down(self) -> None:
        self.compose("down", "--volumes", "--remove-orphans")

    def demo(self) -> str:
        tokens = f"{FOLDER / 'token'} {{party}} {{role}}"
        command = [sys.executable, "-P", "-m", "libs.stack", "demo", "--gateway", self.url, "--token-command", tokens]
        return self.run(*command)

    def compose(self, *arguments: str) -> str:
        return self.run("docker", "compose", "--progress", "plain", *arguments)

    def state(self, service: str) -> dict[str, Any]:
        """How the container of a service is, or how it ended."""
        (line,) = self.compose("ps", "--all", "--format", "json", service).splitlines()
        return dict(json.loads(line))

    def audit(self) -> list[str]:
        """Where the ledger is not what its log tells: then the command fails, and this with it."""
        self.compose("exec", "-T", "capacity", "python", "-m", "services.capacity.audit")
        return []

    async def ask(self, service: str, sql: str, *values: object) -> list[asyncpg.Record]:
        """Look into a service's database, as an administrator."""
        host, _, port = self.compose("port", "postgres", "5432").strip().partition(":")
        secret = (FOLDER / "secrets" / "postgres_password").read_text().strip()
        login = {"host": host, "port": int(port), "user": "postgres", "password": secret, "database": service}
        connection = await asyncpg.connect(**login, timeout=10)
        try:
            return list(await connection.fetch(sql, *values, timeout=20))
        finally:
            await connection.close(timeout=5)

    def run(self, *command: str) -> str:
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=900, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        return done.stdout
