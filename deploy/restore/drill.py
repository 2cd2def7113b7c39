"""`python -m deploy.restore.drill --home DIR`: lose the data of a running platform and get it back, for real.

It starts a platform of its own in an empty folder, trades on it by playing the demo, and goes through what
docs/operations.md, "Backup and restore", says, with the same commands. It fails at the first thing that is not as told.
"""

import argparse
import asyncio
import importlib
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from deploy.restore.forward import TABLES
from libs.contracts import topics
from libs.kit.testing import eventually
from libs.stack.brokers import EMBEDDED
from libs.stack.home import Home
from libs.stack.postgres import BINARIES, dsn
from libs.stack.servers import Servers
from tests.system.books import at_rest, faults
from tests.system.running import ROOT, Running, free_ports

ORDERS = """
    SELECT count(*), coalesce(sum(total_amount), 0) FROM orders WHERE state = 'confirmed'
"""
LEDGER = "SELECT (SELECT count(*) FROM booking WHERE state = 'confirmed'), coalesce(sum(committed), 0) FROM bucket"
SHOWN = """
    SELECT (SELECT count(*) FROM orders WHERE state = 'confirmed'),
           (SELECT coalesce(sum((event -> 'total' ->> 'amount')::bigint), 0) FROM orders WHERE state = 'confirmed'),
           (SELECT count(*) FROM booking WHERE state = 'confirmed'),
           (SELECT coalesce(sum((event ->> 'committed')::int), 0) FROM bucket)
"""
Sums = tuple[int, ...]
"""Confirmed orders, their price in cents, bookings, committed minutes."""


class Drill:
    """One platform, and what is done to it."""

    def __init__(self, home: Path, port: int, kafka: str) -> None:
        self.home = Home(home)
        self.kafka = kafka
        self.start = ("up", "--detach", "--port", str(port), "--kafka", kafka)
        self.running = Running(home, port, {})
        self.folder = home.with_name(f"{home.name}-backup")
        self.folder.mkdir()

    def do(self, *command: str | Path, **more: str) -> None:
        """Run a command aloud, and say how long it took."""
        words = [str(word) for word in command]
        shown = [Path(words[0]).name if words[0] in (sys.executable, str(BINARIES / Path(words[0]).name)) else words[0]]
        print("$", shlex.join(shown + words[1:]), flush=True)
        began = time.monotonic()
        done = subprocess.run(
            words,
            cwd=ROOT,
            env=os.environ | more,
            check=False,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for line in done.stdout.splitlines():
            if done.returncode or "All 10 steps" in line or "aggregates" in line:
                print(" ", line.strip())
        print(f"  took {time.monotonic() - began:.1f} s", flush=True)
        if done.returncode:
            raise SystemExit(f"it failed with exit code {done.returncode}")

    def filiera(self, *words: str) -> None:
        self.do("./filiera", *words, "--home", str(self.home.path))

    def pg(self, program: str, *words: str | Path) -> None:
        self.do(BINARIES / program, *words)

    def sql(self, statement: str) -> None:
        self.pg("psql", "--quiet", "--dbname", dsn(self.home), "--command", statement)

    def base(self, name: str) -> Path:
        """A base backup of all databases, at one moment, while they are worked on."""
        folder = self.folder / name
        self.pg("pg_basebackup", "--dbname", dsn(self.home), "--pgdata", folder, "--checkpoint", "fast")
        return folder

    def put_in_place(self, backup: Path) -> None:
        """The data are lost; here they are again, as they were."""
        owner = self.home.postgres.stat()
        shutil.rmtree(self.home.postgres)
        self.do("cp", "-r", backup, self.home.postgres)
        self.do("chown", "-R", f"{owner.st_uid}:{owner.st_gid}", self.home.postgres)

    def forward(self, service: str, into: str, kafka: str) -> None:
        """Roll a restored database forward."""
        command = ("-m", "deploy.restore.forward", service, "--into", into)
        self.do(sys.executable, *command, FILIERA_KAFKA=kafka)

    def address(self, database: str) -> str:
        return dsn(self.home).replace("/postgres?", f"/{database}?")

    async def trade(self) -> None:
        """Play the demo and wait until nothing is on its way."""
        self.filiera("demo")
        await eventually(lambda: at_rest(self.running), seconds=60)

    async def sums(self) -> tuple[Sums, Sums]:
        """What the owners have, and what the gateway shows of it."""
        owners = [
            tuple(row) for name, sql in (("orders", ORDERS), ("capacity", LEDGER)) for row in await self.ask(name, sql)
        ]
        (shown,) = await self.ask("gateway", SHOWN)
        return tuple(map(int, owners[0] + owners[1])), tuple(map(int, shown))

    async def ask(self, database: str, statement: str) -> list[Any]:
        return list(await self.running.ask(database, statement))

    async def tell(self, when: str) -> tuple[Sums, Sums]:
        """Print the sums."""
        owners, shown = await self.sums()
        for who, told in (("the owners have", owners), ("the gateway shows", shown)):
            orders, cents, bookings, minutes = told
            print(f"  {when}: {who} {orders} orders for {cents / 100:,.2f} EUR, {bookings} bookings, {minutes} minutes")
        return owners, shown

    async def as_before(self, before: tuple[Sums, Sums], when: str) -> None:
        """Wait for rest; the sums must be those, and every service's books must agree with every other's."""
        await eventually(lambda: at_rest(self.running), seconds=60)
        if await self.tell(when) != before:
            raise SystemExit("the sums are not as before")
        # Of what was put back the outbox has the newest version alone: a gap is right there.
        if wrong := [fault for fault in await faults(self.running) if not fault.startswith("gap")]:
            raise SystemExit("\n".join(wrong))


async def everything(drill: Drill) -> None:
    """All databases back to one moment, with an empty log."""
    print("\n== everything back to one moment: the log must be empty\n")
    before = await drill.tell("at the backup")
    backup = drill.base("base")
    await drill.trade()
    await drill.tell("later, and lost")
    drill.filiera("down")
    drill.put_in_place(backup)
    if drill.home.kafka.exists():  # the embedded broker is empty at each start
        drill.do("rm", "-r", drill.home.kafka)
    drill.filiera(*drill.start)
    await drill.as_before(before, "restored")


async def everything_but_the_log(drill: Drill) -> None:
    """All databases back to one moment, forward again by the log."""
    print("\n== all databases from an old backup, while Kafka has lived on\n")
    backup = drill.base("base-of-all")
    await drill.trade()
    before = await drill.tell("before the loss")
    drill.filiera("down")
    drill.put_in_place(backup)
    with Servers(drill.home.path, kafka=drill.kafka) as servers:  # and no service
        for service in TABLES:
            drill.forward(service, drill.address(service), servers.environment()["FILIERA_KAFKA"])
        await drill.tell("rolled forward")
    drill.filiera(*drill.start)
    for service in TABLES:
        drill.filiera("events", "republish", service)
    await drill.as_before(before, "caught up")


async def one(drill: Drill, service: str) -> None:
    """One database to an older moment than the others, which have gone on."""
    print(f"\n== {service} alone, from a backup that is older than what the others know\n")
    dump, restored = drill.folder / f"{service}.dump", drill.address(f"{service}_restored")
    drill.pg("pg_dump", "--format", "custom", "--dbname", drill.address(service), "--file", dump)
    await drill.trade()
    before = await drill.tell("before the loss")
    drill.sql(f"DROP DATABASE {service} WITH (FORCE)")
    drill.sql(f"CREATE DATABASE {service}_restored OWNER {service}_owner")
    drill.pg("pg_restore", "--dbname", restored, "--exit-on-error", dump)
    if topics(service):
        drill.forward(service, restored, f"127.0.0.1:{drill.running.port + 9}")
    drill.sql(f"REVOKE ALL ON DATABASE {service}_restored FROM PUBLIC")
    drill.sql(f"GRANT CONNECT ON DATABASE {service}_restored TO {service}")
    drill.sql(f"ALTER DATABASE {service}_restored RENAME TO {service}")
    print(f"$ kill -9 (the process of {service}, which has connections to what is gone)")
    gone = drill.running.kill(service)
    await eventually(lambda: _is_back(drill, service, gone), seconds=60)
    await drill.tell("restored, before others tell again")
    for owner in owners_of(service):
        drill.filiera("events", "republish", owner)
    await drill.as_before(before, "caught up")


async def _is_back(drill: Drill, service: str, gone: int) -> bool:
    return drill.running.back(service, gone)


def owners_of(service: str) -> list[str]:
    """Whose events a service reads."""
    reactions = importlib.import_module(f"services.{service}.subscriptions").SUBSCRIPTIONS
    return sorted({event.topic.partition(".")[0] for reaction in reactions for event in reaction.types})


async def main(home: Path, port: int, kafka: str) -> None:
    """All drills, one after the other, and trade at the end."""
    drill = Drill(home, port, kafka)
    drill.filiera(*drill.start)
    try:
        await drill.trade()
        await everything(drill)
        if kafka != EMBEDDED:  # which forgets its log when it stops
            await everything_but_the_log(drill)
        for service in ("gateway", "orders", "capacity", "catalog"):
            await one(drill, service)
        print("\n== and trade goes on\n")
        await drill.trade()
        await drill.tell("at the end")
    finally:
        drill.filiera("down")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--home", type=Path, required=True, help="an empty folder, made here; the backup goes beside it"
    )
    parser.add_argument("--port", type=int, help="the first of ten (default: free ones)")
    parser.add_argument(
        "--kafka", default=EMBEDDED, help="embedded, or apache, which keeps its log (default: embedded)"
    )
    given = parser.parse_args()
    if given.home.exists():
        raise SystemExit(f"{given.home} exists: name a folder that does not")
    asyncio.run(main(given.home.resolve(), given.port or free_ports(), given.kafka))
