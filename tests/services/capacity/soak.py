"""Many processes hold on few buckets, while some are killed and some are paused, and no two agree on the time of day.

    python -m tests.services.capacity.soak --attempts 1000000 --processes 32

Servers are those of `FILIERA_*`, or are started. Says at the end how often each thing happened that never may.
"""

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from random import Random
from typing import Literal

import msgspec
from sqlalchemy import text
from sqlalchemy.pool import NullPool

from libs.kit.db import Database, engine
from libs.kit.ids import new_id
from libs.kit.migrate import migrate
from libs.kit.settings import Settings
from libs.stack.servers import Servers
from services.capacity.domain.offer import Resource
from tests.services.capacity import crowd, world
from tests.services.capacity.crowd import Called, Line, Returned, Told
from tests.services.capacity.linear import Did, Op

ROOT = Path(__file__).parents[3]
SKEWS = (0, 300, -300)
"""Seconds by which the clocks of the processes are wrong, in turn."""


@dataclass
class Crowd:
    """Processes that do their share whatever happens to them: who is killed is followed by another."""

    told: Told
    """What all of them are told together; `journal` is a folder."""
    processes: int
    dice: Random
    running: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)
    journals: dict[int, list[Path]] = field(default_factory=dict)
    met: Counter[str] = field(default_factory=Counter)
    """How many were killed, and how many paused."""

    async def run(self, every: float, pauses: Sequence[float]) -> None:
        """Kill or pause one every so many seconds until all is done. Raises RuntimeError if one fails by itself."""
        try:
            for number in range(self.processes):
                self.start(number)
            while self.running:
                await asyncio.sleep(every)
                self.reap()
                if self.running:
                    await self.disturb(self.running[self.dice.choice([*self.running])], pauses)
        finally:
            for child in self.running.values():
                child.kill()
                child.wait()

    def start(self, number: int) -> None:
        """Start a process, to do what those before it left."""
        before = self.journals.setdefault(number, [])
        done = sum(isinstance(one, Called) and one.verb == "hold" for path in before for one in crowd.read(path))
        before.append(Path(self.told.journal) / f"{number}.{len(before)}")
        before[-1].touch()
        own = {"attempts": len(range(number, self.told.attempts, self.processes)) - done, "journal": str(before[-1])}
        told = msgspec.structs.replace(self.told, seed=f"{self.told.seed} {before[-1].name}", **own)
        skewed = ["tests.skewed", str(SKEWS[number % len(SKEWS)]), "tests.services.capacity.crowd"]
        command = [sys.executable, "-P", "-m", *skewed, msgspec.json.encode(told).decode()]
        self.running[number] = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)})

    def reap(self) -> None:
        for number, child in [*self.running.items()]:
            if child.poll() is not None:
                del self.running[number]
            if child.returncode == -signal.SIGKILL:
                self.start(number)
            elif child.returncode:
                raise RuntimeError(f"a process ended by itself, with {child.returncode}")

    async def disturb(self, child: subprocess.Popen[bytes], pauses: Sequence[float]) -> None:
        if self.dice.random() < 0.5:
            child.kill()
            self.met["killed"] += 1
            return
        child.send_signal(signal.SIGSTOP)
        self.met["paused"] += 1
        await asyncio.sleep(self.dice.choice(pauses))
        child.send_signal(signal.SIGCONT)

    def lines(self) -> Iterator[list[Line]]:
        """What each process wrote."""
        return (crowd.read(path) for paths in self.journals.values() for path in paths)

    def history(self) -> list[Op[Did]]:
        """What was held and given back, as the checker reads it: it knows of no lease that ends."""
        return [op for lines in self.lines() for op in _ops(lines)]

    def answered(self) -> list[Returned]:
        return [one for lines in self.lines() for one in lines if isinstance(one, Returned)]


_OUTCOMES: dict[str, Literal["granted", "unheard"]] = {"done": "granted", "": "unheard"}


def _ops(lines: list[Line]) -> Iterator[Op[Did]]:
    heard = {one.number: one for one in lines if isinstance(one, Returned)}
    for called in (one for one in lines if isinstance(one, Called)):
        returned, asked = heard.get(called.number), tuple(called.quantities)
        at, answer = (returned.at, returned.answer) if returned else (inf, "")
        if called.verb == "hold":
            yield Op(called.at, at, Did(asked, int(answer) if answer.isdigit() else _OUTCOMES[answer]))
        elif called.verb in ("release", "cancel"):
            yield Op(called.at, at, Did(asked, "released"))


# --- what must be so afterwards --------------------------------------------------------------------------------------

_NEVER = {
    "buckets oversold": """
        SELECT count(*) FROM bucket
         WHERE resource_id = ANY (CAST(:resources AS uuid[])) AND held + committed + blocked > published""",
    "units leaked": "SELECT coalesce(sum(held), 0) FROM bucket WHERE resource_id = ANY (CAST(:resources AS uuid[]))",
    "answers that the ledger does not know of": """
        SELECT count(*) FROM unnest(CAST(:answered AS uuid[])) AS answered
         WHERE NOT EXISTS (SELECT FROM hold WHERE id = answered)""",
    "asks that were granted twice": """
        SELECT count(*) FROM (
            SELECT FROM hold WHERE jsonb_path_exists(allocations, '$[*] ? (@.resource_id == $ids[*])',
                                                     jsonb_build_object('ids', to_jsonb(CAST(:resources AS text[]))))
             GROUP BY party_id HAVING count(*) > 1) AS twice""",
    "deadlocks": "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()",
}


async def wrong(db: Database, resources: Sequence[Resource], answered: Sequence[Returned]) -> dict[str, object]:
    """How often each thing happened that never may. Every lease is waited for: what is held after that is leaked."""
    await _until_all_is_over(db, resources)
    given = {"resources": [str(one.id) for one in resources], "answered": [one.hold for one in answered if one.hold]}
    patient = engine(db.url, {"timeout": 10}, poolclass=NullPool)  # a service's statements may not take so long
    async with patient.connect() as connection:
        await connection.execute(text("SET ROLE capacity_worker"))
        found = {what: await connection.scalar(text(query), given) for what, query in _NEVER.items()}
        return found | {"faults of the ledger": await world.faults_in(connection, resources)}


async def _until_all_is_over(db: Database, resources: Sequence[Resource]) -> None:
    live = text("SELECT count(*) FROM hold WHERE state = 'held' AND allocations @> ANY (CAST(:parts AS jsonb[]))")
    parts = {"parts": [f'[{{"resource_id": "{one.id}"}}]' for one in resources]}
    left = 1
    while left:
        await asyncio.sleep(0.2)
        await world.sweep(db)
        async with db.work() as session:
            left = await session.scalar(live, parts)


# --- the command -----------------------------------------------------------------------------------------------------


async def main(attempts: int, processes: int) -> bool:
    """Let them loose and say what came of it. Gives whether nothing went wrong."""
    database = f"capacity_soak_{new_id().hex}"
    await migrate("capacity", database=database)
    db = Database(Settings(service="capacity", database=database).url)
    resources = [world.a_resource() for _ in range(4)]
    await world.publish(db, *resources)
    days = [(one.id, world.day(number)) for one in resources for number in (1, 2)]
    with tempfile.TemporaryDirectory(prefix="filiera-soak-") as journal:
        given = {"attempts": attempts, "clients": 4, "most": 60, "seconds": [1, 2, 5]}
        loose = Crowd(Told(database=database, days=days, seed="soak", journal=journal, **given), processes, Random(1))
        await loose.run(every=2.0, pauses=[0.5, 2.0, 8.0, 20.0])
        answered = loose.answered()
    print(f"{attempts:,} holds asked for by {processes} processes, of which {dict(loose.met)}", flush=True)
    print(f"answers: {Counter('refused' if one.answer.isdigit() else one.answer for one in answered)}", flush=True)
    found = await wrong(db, resources, answered)
    print("\n".join(f"{what}: {count or 0}" for what, count in found.items()))
    await db.close()
    return not any(found.values())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.services.capacity.soak", description=__doc__)
    parser.add_argument("--attempts", type=int, default=1_000_000)
    parser.add_argument("--processes", type=int, default=32)
    asked = parser.parse_args()
    with ExitStack() as stack:
        if "FILIERA_POSTGRES" not in os.environ:
            home = stack.enter_context(tempfile.TemporaryDirectory(prefix="filiera-soak-"))
            os.environ |= stack.enter_context(Servers(Path(home))).environment()
        sys.exit(not asyncio.run(main(asked.attempts, asked.processes)))
