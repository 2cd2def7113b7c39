"""Many processes hold on few buckets, while some are killed and some are paused, and no two agree on the time of day.

    python -m tests.services.capacity.soak --attempts 1000000 --processes 32

Servers are those of `FILIERA_*`, or are started. Each round has a database of its own, which is checked when all have
had their share. Says every ten seconds how far it is, and at the end how often each thing happened that never may.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from libs.kit.db import Database, connect
from libs.kit.ids import new_id
from libs.kit.migrate import migrate
from libs.kit.settings import Settings
from libs.stack.servers import Servers
from tests.services.capacity import world
from tests.services.capacity.crowd import Told
from tests.services.capacity.crowds import Crowd, Group, wrong

ROUND = 100_000
"""Holds asked for in one database."""
GROUPS = 8
"""Of processes that share buckets. While one that is paused has locked some, most of its group waits."""
EVERY = 1.5
"""Seconds from one that is killed or paused to the next."""
PAUSES = [0.1] * 30 + [0.5] * 15 + [2.0] * 4 + [20.0]
"""Seconds. The longest is longer than the database waits for a transaction, and than every lease."""
TELL_EVERY = 10.0


@dataclass
class Soak:
    """What has come of all rounds so far."""

    attempts: int
    processes: int
    began: float = field(default_factory=time.monotonic)
    asked: int = 0
    met: Counter[str] = field(default_factory=Counter)
    """How many were killed, how many paused, how often each answer was heard."""
    never: Counter[str] = field(default_factory=Counter)
    """How often each thing happened that never may."""

    async def run(self) -> bool:
        """Let them loose, round after round, and say what came of it. Gives whether nothing went wrong."""
        while self.asked < self.attempts:
            settings = Settings(service="capacity", database=f"capacity_soak_{new_id().hex}")
            await migrate("capacity", database=settings.database)
            await self.round(settings, min(ROUND, self.attempts - self.asked))
        for what, times in self.never.items():
            print(f"{what}: {times}")
        return not any(self.never.values())

    async def round(self, settings: Settings, attempts: int) -> None:
        db = Database(settings.url)
        with tempfile.TemporaryDirectory(prefix="filiera-soak-") as folder:
            groups = [await self.group(db, number, attempts, Path(folder)) for number in range(GROUPS)]
            async with asyncio.TaskGroup() as tasks:
                telling = tasks.create_task(self.keep_telling([loose for loose, _ in groups]))
                await asyncio.gather(*(loose.run(EVERY * GROUPS, PAUSES) for loose, _ in groups))
                telling.cancel()
            self.learn([loose for loose, _ in groups], await wrong(db, *groups))
        self.tell("checked", [])
        await db.close()
        await _drop(settings)

    async def group(self, db: Database, number: int, attempts: int, folder: Path) -> Group:
        """Processes that share buckets."""
        resources = [world.a_resource() for _ in range(4)]
        await world.publish(db, *resources)
        (journal := folder / str(number)).mkdir()
        told = Told(
            database=str(db.url.database),
            days=[(one.id, world.day(ahead)) for one in resources for ahead in (1, 2)],
            attempts=len(range(number, attempts, GROUPS)),
            clients=64,
            most=60,
            seconds=[1, 3, 9],
            sweep_every=15.0,
            seed=f"soak {self.asked} {number}",
            journal=str(journal),
        )
        return Crowd(told, len(range(number, self.processes, GROUPS)), Random(told.seed)), resources

    def learn(self, crowds: Sequence[Crowd], found: dict[str, object]) -> None:
        for loose in crowds:
            self.asked += loose.asked()
            self.met.update(loose.met)
            self.met.update("refused" if one.answer.isdigit() else one.answer for one in loose.answered())
        for what, times in found.items():
            self.never[what] += times if isinstance(times, int) else bool(times)
        if any(found.values()):
            print(f"WRONG: {found}", flush=True)

    async def keep_telling(self, crowds: Sequence[Crowd]) -> None:
        while True:
            await asyncio.sleep(TELL_EVERY)
            self.tell("so far", crowds)

    def tell(self, when: str, crowds: Sequence[Crowd]) -> None:
        asked = self.asked + sum(loose.asked() for loose in crowds)
        met = sum((loose.met for loose in crowds), self.met)
        seconds = time.monotonic() - self.began
        rate = f"{seconds:6,.0f} s, {asked / seconds:5,.0f} a second"
        print(f"{when}: {asked:9,} holds asked for in {rate}; {dict(met)}", flush=True)


async def _drop(settings: Settings) -> None:
    admin = await connect(settings.server, timeout=10)
    await admin.execute(f"DROP DATABASE {settings.database} WITH (FORCE)", timeout=60)
    await admin.close(timeout=5)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.services.capacity.soak", description=__doc__)
    parser.add_argument("--attempts", type=int, default=1_000_000)
    parser.add_argument("--processes", type=int, default=32)
    asked = parser.parse_args()
    with ExitStack() as stack:
        if "FILIERA_POSTGRES" not in os.environ:
            home = stack.enter_context(tempfile.TemporaryDirectory(prefix="filiera-soak-"))
            os.environ |= stack.enter_context(Servers(Path(home))).environment()
        sys.exit(not asyncio.run(Soak(asked.attempts, asked.processes).run()))
