"""The job `migrate` as the administrator of the manifests, who is no superuser, on an empty PostgreSQL of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from libs.kit.db import Database, connect
from libs.kit.migrate import services
from libs.kit.settings import Settings
from libs.stack.child import start_and_wait
from libs.stack.home import Home
from libs.stack.postgres import dsn, postgres
from tests.deploy.manifests import ROOT, of_kind

OPTIONS = {"login": "LOGIN", "createdb": "CREATEDB", "createrole": "CREATEROLE", "superuser": "SUPERUSER"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The superuser's address of a server on which nobody has done anything: roles belong to the whole server."""
    home = Home(tmp_path)
    home.make()
    home.make_sockets()
    child = postgres(home, durable=False)
    try:
        start_and_wait([child], home.log, seconds=60)
        yield dsn(home)
    finally:
        child.kill()
        home.tidy()


async def make_administrator(server: str) -> str:
    """Do what CloudNativePG does with the manifest's managed role; the role's own address."""
    (role,) = of_kind("production", "Cluster")["postgres"]["spec"]["managed"]["roles"]
    options = " ".join(word for option, word in OPTIONS.items() if role.get(option))
    superuser = await connect(Settings(service="postgres", postgres=server).server, timeout=10)
    await superuser.execute(f"CREATE ROLE {role['name']} {options}", timeout=10)
    await superuser.close(timeout=5)
    return server.replace("//postgres@", f"//{role['name']}@")


def migrate(address: str) -> None:
    command = [sys.executable, "-m", "libs.kit.migrate", "--all"]
    own = {"FILIERA_POSTGRES": address, "FILIERA_CATALOG_PASSWORD": "sesame"}
    subprocess.run(command, cwd=ROOT, env=os.environ | own, check=True, timeout=120)


async def test_who_runs_the_migrations_need_be_no_superuser(server: str) -> None:
    administrator = await make_administrator(server)
    for _ in ("the first time", "with the next release"):
        migrate(administrator)
    for service in services():
        database = Database(Settings(service=service, postgres=server).url, pool_size=1)
        async with database.read(), database.work():
            pass
        await database.close()
    superuser = await connect(Settings(service="postgres", postgres=server).server, timeout=10)
    mighty = await superuser.fetch("SELECT rolname FROM pg_roles WHERE rolsuper", timeout=10)
    await superuser.close(timeout=5)
    assert [row["rolname"] for row in mighty] == ["postgres"]
