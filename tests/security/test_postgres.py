"""PostgreSQL by TLS and password: the right ones work, each wrong one is told at the start in one sentence."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import text

from libs.kit.db import Database, check
from libs.kit.refusal import RefusedError
from libs.kit.settings import Settings
from libs.kit.testing import eventually
from tests.security.certificates import Authority
from tests.security.conftest import ROOT, Start
from tests.security.servers import Postgres

PASSWORD = "the catalog's 'own' $1"

_ENCRYPTED = text("SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()")


def address(port: int, query: str, *, host: str = "localhost", user: str = "catalog") -> str:
    return f"postgresql://{user}@{host}:{port}/postgres?{query}"


def verified(authority: Authority, mode: str = "verify-full") -> str:
    return f"sslmode={mode}&sslrootcert={authority.file}"


@pytest.fixture(scope="module")
def migrated(postgres: Postgres, authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Postgres:
    """The catalog's database, made by the migrations, whose passwords come from files."""
    secrets = tmp_path_factory.mktemp("secrets")
    admin = f"admin:{quote(postgres.PASSWORD)}"
    (secrets / "filiera_postgres").write_text(address(postgres.port, verified(authority), user=admin) + "\n")
    (secrets / "filiera_catalog_password").write_text(PASSWORD + "\n")
    others = {name: value for name, value in os.environ.items() if name != "FILIERA_POSTGRES"}
    command = [sys.executable, "-m", "libs.kit.migrate", "--all"]
    subprocess.run(command, cwd=ROOT, env=others | {"FILIERA_SECRETS": str(secrets)}, check=True, timeout=120)
    return postgres


@pytest.fixture(scope="module")
def plain(folder: Path, binaries: Path) -> Iterator[Postgres]:
    """A server without TLS."""
    server = Postgres(folder / "postgres-plain", binaries, None)
    yield server
    server.child.kill()


def settings_for(server: Postgres, query: str, *, password: str = PASSWORD, host: str = "localhost") -> dict[str, str]:
    return {
        "FILIERA_POSTGRES": address(server.port, query, host=host),
        "FILIERA_POSTGRES_PASSWORD": password,
    }


def url_of(given: dict[str, str]) -> Settings:
    return Settings(
        service="catalog", postgres=given["FILIERA_POSTGRES"], postgres_password=given["FILIERA_POSTGRES_PASSWORD"]
    )


@pytest.mark.parametrize("mode", ["verify-full", "verify-ca", "require", "prefer"])
async def test_a_session_is_encrypted(migrated: Postgres, authority: Authority, mode: str) -> None:
    database = Database(url_of(settings_for(migrated, verified(authority, mode))).url)
    try:
        async with database.read() as session:
            row = (await session.execute(_ENCRYPTED)).one()
        assert tuple(row) == (True, "TLSv1.3")
    finally:
        await database.close()


async def test_a_service_starts_on_it(migrated: Postgres, authority: Authority, start: Start) -> None:
    service = start(settings_for(migrated, verified(authority)))
    assert await eventually(service.is_live, 30)


async def refusal(given: dict[str, str]) -> str:
    with pytest.raises(RefusedError) as told:
        await check(url_of(given).url, 5, "FILIERA_POSTGRES_PASSWORD")
    return str(told.value)


async def test_a_wrong_password_is_told(migrated: Postgres, authority: Authority) -> None:
    for wrong in ("guess", ""):
        told = await refusal(settings_for(migrated, verified(authority), password=wrong))
        where = f"PostgreSQL at localhost:{migrated.port}"
        assert told == f"{where} refuses the password of role catalog: set FILIERA_POSTGRES_PASSWORD."


async def test_an_untrusted_certificate_is_told(migrated: Postgres, stranger: Authority) -> None:
    for mode in ("verify-full", "verify-ca"):
        told = await refusal(settings_for(migrated, verified(stranger, mode)))
        assert "shows a certificate that is not trusted" in told
        assert told.endswith("name its CA's file by sslrootcert in FILIERA_POSTGRES.")


async def test_another_name_is_told(migrated: Postgres, authority: Authority) -> None:
    given = settings_for(migrated, verified(authority), host="127.0.0.1")
    assert "shows a certificate for another name (IP address mismatch" in await refusal(given)


async def test_a_certificate_that_has_expired_is_told(
    folder: Path, binaries: Path, authority: Authority, migrated: Postgres
) -> None:
    expired = authority.issue("postgres-expired", host="localhost", expired=True)
    server = Postgres(folder / "postgres-expired", binaries, expired)
    try:
        told = await refusal(settings_for(server, verified(authority)))
    finally:
        server.child.kill()
    assert told.endswith("shows a certificate that has expired: renew it.")


async def test_a_client_without_tls_is_told(migrated: Postgres) -> None:
    told = await refusal(settings_for(migrated, "sslmode=disable"))
    assert "no encryption" in told
    assert told.endswith("see sslmode in FILIERA_POSTGRES.")


async def test_a_server_without_tls_is_told(plain: Postgres, authority: Authority) -> None:
    told = await refusal(settings_for(plain, verified(authority)))
    assert told.endswith("does not speak TLS, and sslmode in FILIERA_POSTGRES asks for it.")


async def test_a_file_that_is_not_there_is_told(migrated: Postgres) -> None:
    told = await refusal(settings_for(migrated, "sslmode=verify-full&sslrootcert=/nowhere/ca.pem"))
    named = "sslrootcert in FILIERA_POSTGRES names /nowhere/ca.pem"
    assert told == f"{named}, which cannot be used (No such file or directory)."


async def test_a_mode_that_there_is_not_is_told(migrated: Postgres) -> None:
    assert "`sslmode` parameter must be one of" in await refusal(settings_for(migrated, "sslmode=sure"))


async def test_the_process_ends_with_that_sentence_alone(
    migrated: Postgres, authority: Authority, start: Start
) -> None:
    code, said = await start(settings_for(migrated, verified(authority), password="guess")).ending()
    assert code != 0
    assert said == [
        f"PostgreSQL at localhost:{migrated.port} refuses the password of role catalog: set FILIERA_POSTGRES_PASSWORD.",
        "Application startup failed. Exiting.",
    ]
