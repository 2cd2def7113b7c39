"""Settings come from the environment and from files; no secret is shown; what cannot be is told in a sentence."""

from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr
from pydantic_settings import SettingsError

from libs.kit.db import connect
from libs.kit.ids import new_id
from libs.kit.migrate import _create_roles
from libs.kit.settings import RolePassword, Settings, read


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of secrets, as a cluster mounts it: each file a link into a folder that is changed whole."""
    (tmp_path / "..data").mkdir()
    monkeypatch.setenv("FILIERA_SECRETS", str(tmp_path))
    return tmp_path


def put(secrets: Path, name: str, content: str) -> None:
    (secrets / "..data" / name).write_text(content)
    (secrets / name).symlink_to(Path("..data") / name)


def test_a_file_gives_what_the_environment_does_not(secrets: Path) -> None:
    put(secrets, "filiera_postgres_password", "sesame\n")
    put(secrets, "filiera_kafka_password", "street\n")
    settings = Settings(service="catalog")
    assert settings.url.password == "sesame"
    assert settings.kafka_password
    assert settings.kafka_password.get_secret_value() == "street"


def test_the_environment_wins(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(secrets, "filiera_redis", "redis://of-the-file:6379/0")
    monkeypatch.setenv("FILIERA_REDIS", "redis://of-the-environment:6379/0")
    assert Settings(service="catalog").redis == "redis://of-the-environment:6379/0"


def test_each_service_has_a_password_of_its_own(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(secrets, "filiera_catalog_password", "of the catalog")
    monkeypatch.setenv("FILIERA_ORDERS_PASSWORD", "of the orders")
    given = [RolePassword.of(name) for name in ("catalog", "orders", "gateway")]
    assert [each and each.get_secret_value() for each in given] == ["of the catalog", "of the orders", None]


def test_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("POSTGRES_PASSWORD", "KAFKA_PASSWORD", "REDIS_PASSWORD"):
        monkeypatch.setenv(f"FILIERA_{name}", "sesame")
    monkeypatch.setenv("FILIERA_POSTGRES", "postgresql://admin:sesame@localhost:5432/postgres")
    monkeypatch.setenv("FILIERA_REDIS", "redis://catalog:sesame@localhost:6379/0")
    settings = Settings(service="catalog")
    assert "sesame" not in f"{settings!r} {settings} {settings.url!r} {settings.url}"


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("POOL_SIZE", "sesame", "FILIERA_POOL_SIZE cannot be used: Input should be a valid integer"),
        ("KAFKA_PROTOCOL", "TLS", "FILIERA_KAFKA_PROTOCOL cannot be used: Input should be 'PLAINTEXT', 'SSL'"),
        ("POSTGRES", "sesame", "FILIERA_POSTGRES is no address: write postgresql://user@host:5432/postgres."),
        ("SECRETS", "/nowhere", "FILIERA_SECRETS names /nowhere, which is no folder: mount the secrets there."),
    ],
)
def test_what_cannot_be_ends_the_process_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(f"FILIERA_{name}", value)
    with pytest.raises(SystemExit) as told:
        read("catalog")
    assert str(told.value).startswith(sentence)
    assert "sesame" not in str(told.value)


def test_secrets_that_are_not_there_are_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILIERA_SECRETS", "/nowhere")
    with pytest.raises(SettingsError):
        Settings(service="catalog")


async def test_migrations_set_the_password_and_change_it() -> None:
    """As PostgreSQL keeps it: a verifier of SCRAM-SHA-256, made before it leaves us."""
    name = f"locksmith_{new_id().hex[-8:]}"
    admin: asyncpg.Connection = await connect(Settings(service="postgres").server, timeout=10)
    known = set()
    try:
        for password in ("first", "second"):
            await _create_roles(admin, name, SecretStr(password))
            known.add(await admin.fetchval("SELECT rolpassword FROM pg_authid WHERE rolname = $1", name))
        await _create_roles(admin, name, None)
        assert await admin.fetchval("SELECT rolpassword FROM pg_authid WHERE rolname = $1", name) in known
    finally:
        await admin.execute(f"DROP ROLE IF EXISTS {name}, {name}_owner, {name}_worker")
        await admin.close()
    assert len(known) == 2
    assert all(each.startswith("SCRAM-SHA-256$4096:") for each in known)
