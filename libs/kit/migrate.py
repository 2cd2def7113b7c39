"""`python -m libs.kit.migrate SERVICE... | --all`: make roles and databases, and bring their tables up to date.

Per service S: `S_owner` owns the database and runs the migrations, `S` is what the service logs in as, `S_worker` is
what its background jobs become for a transaction. Only `S` can log in, and it owns nothing.

`FILIERA_POSTGRES` is the admin here, password and all. `FILIERA_<S>_PASSWORD` is the password that `S` gets, at every
run; where one service is named, `FILIERA_POSTGRES_PASSWORD` does too.
"""

import argparse
import asyncio
import hashlib
import hmac
import os
import unicodedata
from base64 import b64encode
from pathlib import Path

import asyncpg
from alembic import command, context
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from pydantic import SecretStr
from sqlalchemy import Connection, text
from sqlalchemy.pool import NullPool

from libs.kit.db import check, connect, engine
from libs.kit.refusal import RefusedError
from libs.kit.settings import RolePassword, Settings, read

SERVICES = Path(__file__).resolve().parents[2] / "services"
_ONE_AT_A_TIME = 7_351_002
"""Advisory lock, taken in the maintenance database: roles belong to the whole server."""


def services() -> list[str]:
    """Every service that has migrations."""
    return sorted(path.parent.name for path in SERVICES.glob("*/migrations") if path.is_dir())


async def migrate(*names: str, database: str | None = None, scripts: Path = SERVICES) -> None:
    """Bring the databases of these services up to date; `database` names it if it is not the service's name.

    The migrations of a service are in `<scripts>/<service>/migrations`.
    """
    admin = await connect(Settings(service="postgres").server, timeout=10)
    try:
        await admin.execute("SELECT pg_advisory_lock($1)", _ONE_AT_A_TIME, timeout=120)
        for name in names:
            await _create_roles(admin, name, _password(name, alone=len(names) == 1))
            await _create_database(admin, name, database or name)
            await _upgrade(name, database or name, scripts / name / "migrations")
    finally:
        await admin.close(timeout=5)


def _password(name: str, *, alone: bool) -> SecretStr | None:
    return RolePassword.of(name) or (Settings(service=name).postgres_password if alone else None)


async def _create_roles(admin: asyncpg.Connection, name: str, password: SecretStr | None) -> None:
    known = {row["rolname"] for row in await admin.fetch("SELECT rolname FROM pg_roles")}
    for role, options in ((f"{name}_owner", "NOLOGIN CREATEROLE"), (name, "LOGIN"), (f"{name}_worker", "NOLOGIN")):
        if role not in known:
            await admin.execute(f"CREATE ROLE {role} {options}")
    await admin.execute(f"GRANT {name}_owner TO CURRENT_USER")
    await admin.execute(f"GRANT {name}_worker TO {name} WITH INHERIT FALSE, SET TRUE")
    if password:
        await admin.execute(f"ALTER ROLE {name} PASSWORD '{_verifier(password.get_secret_value())}'")


def _verifier(password: str) -> str:
    """What PostgreSQL keeps of a password (RFC 5803), made here: so no log of its statements ever has the password."""
    salt, rounds = os.urandom(16), 4096
    salted = hashlib.pbkdf2_hmac("sha256", unicodedata.normalize("NFKC", password).encode(), salt, rounds)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    parts = [b64encode(part).decode() for part in (salt, stored, hmac.digest(salted, b"Server Key", "sha256"))]
    return f"SCRAM-SHA-256${rounds}:{parts[0]}${parts[1]}:{parts[2]}"


async def _create_database(admin: asyncpg.Connection, name: str, database: str) -> None:
    if not await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", database):
        await admin.execute(f'CREATE DATABASE "{database}" OWNER {name}_owner')
        await admin.execute(f'REVOKE ALL ON DATABASE "{database}" FROM PUBLIC')
        await admin.execute(f'GRANT CONNECT ON DATABASE "{database}" TO {name}')


async def _upgrade(name: str, database: str, scripts: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(scripts))
    url = Settings(service="postgres").server.set(database=database)
    made = engine(url, {"timeout": 10}, poolclass=NullPool)
    async with made.begin() as connection:
        await connection.run_sync(_up_to_head, config, name)
    await made.dispose()


def _up_to_head(connection: Connection, config: Config, name: str) -> None:
    connection.execute(text(f"SET ROLE {name}_owner"))
    connection.execute(text(f"GRANT USAGE ON SCHEMA public TO {name}, {name}_worker"))
    now = MigrationContext.configure(connection).get_current_revision()
    if now != ScriptDirectory.from_config(config).get_current_head():
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def run_migrations() -> None:
    """All that a service's `migrations/env.py` has to call."""
    context.configure(connection=context.config.attributes["connection"])
    with context.begin_transaction():
        context.run_migrations()


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m libs.kit.migrate", description=__doc__)
    parser.add_argument("services", nargs="*", choices=[*services(), []])
    parser.add_argument("--all", action="store_true", help="every service that has migrations")
    given = parser.parse_args()
    asyncio.run(_run(services() if given.all else given.services))


async def _run(names: list[str]) -> None:
    try:
        await check(read("postgres").server, 10, "the password in FILIERA_POSTGRES")
    except (OSError, TimeoutError, asyncpg.PostgresError, RefusedError) as error:
        away = f"PostgreSQL cannot be asked ({type(error).__name__}: {error}): look at FILIERA_POSTGRES."
        raise SystemExit(str(error) if isinstance(error, RefusedError) else away) from None
    await migrate(*names)


if __name__ == "__main__":
    main()
