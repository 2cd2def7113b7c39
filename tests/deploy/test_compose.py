"""What docker-compose.yml promises, read from the file itself."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from libs.graphql_transports.websocket import LARGEST_FRAME
from libs.stack.home import Home
from libs.stack.platform import Platform
from tests.containers import IMAGES

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
JOBS = {"migrate", "topics"}
OURS = JOBS | {path.parent.name for path in ROOT.glob("services/*/app.py")}
UNASKABLE = {"collector"}
"""Its image holds one program that cannot ask itself how it is; it is restarted when it ends."""
PUBLISHERS = ("postgres", "valkey/", "apache/", "quay.io/keycloak/", "otel/", "jaegertracing/", "prom/", "grafana/")

every_service = pytest.mark.parametrize("name", SERVICES)


@pytest.mark.parametrize("profiles", ["", "observe"])
def test_compose_understands_the_file(profiles: str) -> None:
    if not compose_is_installed():
        pytest.skip("docker compose is not installed here")
    command = ["docker", "compose", "--project-directory", ROOT, "--profile", profiles or "none", "config", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_server_keeps_no_message_that_the_protocol_would_refuse(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.make()
    started = Platform(home).child("gateway").command()
    assert f"--ws-max-size {LARGEST_FRAME}" in " ".join(started)
    assert f"UVICORN_WS_MAX_SIZE={LARGEST_FRAME} " in (ROOT / "Dockerfile").read_text()


def test_the_schema_is_told_to_nobody_and_no_proxy_is_believed() -> None:
    assert not {"FILIERA_INTROSPECTION", "FORWARDED_ALLOW_IPS"} & SERVICES["gateway"]["environment"].keys()


def test_every_service_of_ours_is_there() -> None:
    assert SERVICES.keys() >= OURS


@every_service
def test_it_has_a_health_check_a_restart_policy_and_limits(name: str) -> None:
    service = SERVICES[name]
    assert ("test" in service.get("healthcheck", {})) == (name not in JOBS | UNASKABLE)
    assert service["restart"] == ("on-failure:5" if name in JOBS else "unless-stopped")
    assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory"}


@every_service
def test_its_image_is_ours_or_an_official_one_of_a_fixed_version(name: str) -> None:
    image = SERVICES[name]["image"]
    if name in OURS:
        assert (image, SERVICES[name]["build"]) == ("filiera:local", ".")
    else:
        assert image.startswith(PUBLISHERS)
        assert image.rpartition(":")[2] not in ("", "latest", image)


@pytest.mark.parametrize("name", sorted(OURS))
def test_what_is_ours_can_write_nothing_and_gain_no_rights(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_only_the_gateway_is_published_and_consoles_on_loopback_alone() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published.pop("gateway") == ["${FILIERA_LISTEN:-127.0.0.1:8000}:8000"]
    for name, ports in published.items():
        assert SERVICES[name]["profiles"] == ["observe"]
        assert all(port.startswith("127.0.0.1:") for port in ports)
    for name in SERVICES.keys() - published.keys() - {"gateway"}:
        assert SERVICES[name]["networks"] == ["back"], f"{name} has no business outside"
    assert COMPOSE["networks"]["back"] == {"internal": True}


@every_service
def test_it_starts_when_what_it_needs_is_ready(name: str) -> None:
    for needed, how in SERVICES[name].get("depends_on", {}).items():
        assert how["condition"] == ("service_completed_successfully" if needed in JOBS else "service_healthy")


def test_what_is_to_be_kept_is_in_named_volumes() -> None:
    mounts = {mount.partition(":")[0] for service in SERVICES.values() for mount in service.get("volumes", ())}
    assert {mount for mount in mounts if not mount.startswith("./")} == COMPOSE["volumes"].keys()
    assert all((ROOT / mount).exists() for mount in mounts if mount.startswith("./"))


def test_every_secret_is_a_file_that_git_ignores_and_one_command_makes(tmp_path: Path) -> None:
    made = Path(shutil.copy(ROOT / "deploy/compose/make-secrets", tmp_path)).parent / "secrets"
    subprocess.run([tmp_path / "make-secrets"], check=True, timeout=30)
    named = {secret["file"] for secret in COMPOSE["secrets"].values()}
    assert named == {f"deploy/compose/secrets/{path.name}" for path in made.iterdir()}
    assert made.stat().st_mode & 0o077 == 0
    ignored = subprocess.run(["git", "check-ignore", *named], cwd=ROOT, capture_output=True, text=True, check=False)
    assert set(ignored.stdout.split()) == named


def test_secrets_that_are_there_are_kept(tmp_path: Path) -> None:
    script = shutil.copy(ROOT / "deploy/compose/make-secrets", tmp_path)
    contents = []
    for _ in range(2):
        subprocess.run([script], check=True, timeout=30)
        contents.append({path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()})
    assert contents[0] == contents[1]
    assert len({text.strip() for text in contents[0].values()}) == len(contents[0])


@every_service
def test_no_password_stands_in_its_environment(name: str) -> None:
    for variable, value in SERVICES[name].get("environment", {}).items():
        if "PASSWORD" in variable or "SECRET" in variable:
            assert str(value).startswith("/run/secrets")
        assert not re.search("://[^/@]*:[^/@]*@", str(value)), f"{variable} is a URL with a password"


def test_the_realm_has_the_roles_and_no_password() -> None:
    realm = json.loads((ROOT / "deploy/compose/keycloak/realm.json").read_text())
    assert {role["name"] for role in realm["roles"]["realm"]} == {"brand", "workshop", "retailer", "lab", "hub"}
    assert {client["secret"] for client in realm["clients"]} == {"${DEMO_CLIENT_SECRET}"}
    assert not any("credentials" in user for user in realm["users"])


def test_tests_run_on_the_same_images() -> None:
    assert set(IMAGES.values()) <= {service["image"] for service in SERVICES.values()}


@pytest.mark.parametrize("path", sorted((ROOT / "deploy/dashboards").glob("*.json")), ids=lambda path: path.stem)
def test_a_dashboard_asks_for_metrics_that_there_are(path: Path) -> None:
    sources = [file.read_text() for file in (ROOT / "libs").rglob("*.py")]
    for panel in json.loads(path.read_text())["panels"]:
        for target in panel["targets"]:
            names = {word for word in _words(target["expr"]) if word.startswith("filiera_")}
            assert names or "up{" in target["expr"], panel["title"]
            for name in names:
                base = name.removesuffix("_total").removesuffix("_bucket")
                assert any(f'"{base}"' in source for source in sources), f"{panel['title']}: {name}"


def compose_is_installed() -> bool:
    if not shutil.which("docker"):
        return False
    return not subprocess.run(["docker", "compose", "version"], capture_output=True, check=False, timeout=30).returncode


def _words(expression: str) -> list[str]:
    return "".join(letter if letter.isalnum() or letter == "_" else " " for letter in expression).split()
