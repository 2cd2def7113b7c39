"""Processes let loose on a ledger, killed and paused; what they saw, and what must be so afterwards."""

import asyncio
import multiprocessing
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import inf
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from random import Random
from typing import Literal
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.pool import NullPool

from libs.kit.db import Database, engine
from services.capacity.domain.calendar import published_on
from services.capacity.domain.offer import Resource, bucket_id
from tests.services.capacity import crowd, world
from tests.services.capacity.crowd import Called, Line, Returned, Told
from tests.services.capacity.linear import Did, Op
from tests.services.capacity.witness import Asked, Event, Witness

SKEWS = (0, 300, -300)
"""Seconds by which the clocks of the processes are wrong, in turn."""


_FORKS = multiprocessing.get_context("forkserver")
"""Of one process that has all modules loaded: to load them takes as long as hundreds of holds."""
_FORKS.set_forkserver_preload(["tests.services.capacity.crowd"])
_HOLD = b'"verb":"hold"'


@dataclass
class Journal:
    """What a process writes, read as far as it is written."""

    path: Path
    read: int = 0
    asked: int = 0
    """For how many holds."""

    def count(self) -> int:
        """For how many holds has it asked by now? Half a line is counted once it is whole."""
        with self.path.open("rb") as journal:
            journal.seek(self.read)
            whole = journal.read().rpartition(b"\n")
        self.read, self.asked = self.read + len(whole[0] + whole[1]), self.asked + whole[0].count(_HOLD)
        return self.asked


@dataclass
class Crowd:
    """Processes that do their share whatever happens to them: who is killed is followed by another."""

    told: Told
    """What all of them are told together; `journal` is a folder."""
    processes: int
    dice: Random
    running: dict[int, ForkServerProcess] = field(default_factory=dict)
    journals: dict[int, list[Journal]] = field(default_factory=dict)
    met: Counter[str] = field(default_factory=Counter)
    """How many were killed, and how many paused."""
    clock: float = field(default_factory=lambda: time.time() - time.monotonic())
    """The time of day when CLOCK_MONOTONIC is 0."""
    began: float = field(default_factory=time.monotonic)

    async def run(self, every: float, pauses: Sequence[float]) -> None:
        """Kill or pause one every so many seconds until all is done. Raises RuntimeError if one fails by itself."""
        try:
            for number in range(self.processes):
                self.start(number)
            while self.running:
                await self.leave_alone(every)
                if self.running:
                    await self.disturb(self.running[self.dice.choice([*self.running])], pauses)
        finally:
            for child in self.running.values():
                child.kill()
                child.join()

    async def leave_alone(self, seconds: float) -> None:
        """But for those who have ended: who was killed is followed by another at once."""
        until = time.monotonic() + seconds
        while self.running and time.monotonic() < until:
            await asyncio.sleep(0.1)
            self.reap()

    def asked(self) -> int:
        """For how many holds by now."""
        return sum(journal.count() for journals in self.journals.values() for journal in journals)

    def start(self, number: int) -> None:
        """Start a process, to do what those before it left."""
        before = self.journals.setdefault(number, [])
        done = sum(journal.count() for journal in before)
        path = Path(self.told.journal) / f"{number}.{len(before)}"
        path.touch()
        before.append(Journal(path))
        own = {"attempts": len(range(number, self.told.attempts, self.processes)) - done, "journal": str(path)}
        told = msgspec.structs.replace(self.told, seed=f"{self.told.seed} {path.name}", **own)
        self.running[number] = _FORKS.Process(target=crowd.live, args=(told, SKEWS[number % len(SKEWS)]), daemon=True)
        self.running[number].start()

    def reap(self) -> None:
        for number, child in [*self.running.items()]:
            if child.exitcode is not None:
                del self.running[number]
            if child.exitcode == -signal.SIGKILL:
                self.start(number)
            elif child.exitcode:
                raise RuntimeError(f"a process ended by itself, with {child.exitcode}")

    async def disturb(self, child: ForkServerProcess, pauses: Sequence[float]) -> None:
        if self.dice.random() < 0.5:
            child.kill()
            self.met["killed"] += 1
            return
        self._send(child, signal.SIGSTOP)
        self.met["paused"] += 1
        await asyncio.sleep(self.dice.choice(pauses))
        self._send(child, signal.SIGCONT)

    def _send(self, child: ForkServerProcess, number: int) -> None:
        if child.pid and child.exitcode is None:
            os.kill(child.pid, number)

    def lines(self) -> Iterator[list[Line]]:
        """What each process wrote."""
        return (crowd.read(journal.path) for journals in self.journals.values() for journal in journals)

    def history(self) -> Iterator[Asked]:
        """What was held and given back, as the checkers read it."""
        return (asked for lines in self.lines() for asked in _asked(lines))

    def clock_is_known_to(self) -> float:
        """Seconds: who sets the machine's clock has moved it by no more since we began."""
        return abs(time.time() - time.monotonic() - self.clock) + 0.01

    def answered(self) -> list[Returned]:
        return [one for lines in self.lines() for one in lines if isinstance(one, Returned)]


_OUTCOMES: dict[str, Literal["granted", "unheard"]] = {"done": "granted", "": "unheard"}
_HAPPENED = {"hold": "hold_placed", "release": "hold_released", "cancel": "booking_cancelled"}


def _asked(lines: list[Line]) -> Iterator[Asked]:
    heard = {one.number: one for one in lines if isinstance(one, Returned)}
    for called in (one for one in lines if isinstance(one, Called) and one.verb in _HAPPENED):
        returned, asked = heard.get(called.number), tuple(called.quantities)
        at, answer, claim = (returned.at, returned.answer, returned.hold) if returned else (inf, "", None)
        if called.verb == "hold":
            op = Op(called.at, at, Did(asked, int(answer) if answer.isdigit() else _OUTCOMES[answer]))
        elif answer in _OUTCOMES:
            op = Op(called.at, at, Did(asked, "released"))
        else:
            continue  # its lease had ended: it changed nothing
        yield Asked(op, _HAPPENED[called.verb], claim)


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


Group = tuple[Crowd, Sequence[Resource]]
"""Processes, and whose buckets they share: nobody else's."""


async def wrong(db: Database, *groups: Group) -> dict[str, object]:
    """How often each thing happened that never may. Every lease is waited for: what is held after that is leaked."""
    resources = [one for _, some in groups for one in some]
    await _until_all_is_over(db, resources)
    answered = [one.hold for loose, _ in groups for one in loose.answered() if one.hold]
    given = {"resources": [str(one.id) for one in resources], "answered": answered}
    patient = engine(db.url, {"timeout": 10}, poolclass=NullPool)  # a service's statements may not take so long
    async with patient.connect() as connection:
        await connection.execute(text("SET ROLE capacity_worker"))
        found: dict[str, object] = {what: await connection.scalar(text(query), given) for what, query in _NEVER.items()}
        found |= {"faults of the ledger": await world.faults_in(connection, resources)}
        unexplained = Counter[str]()
        for group in groups:
            unexplained.update(await _unexplained(connection, *group))
    return found | unexplained


async def _unexplained(connection: AsyncConnection, loose: Crowd, resources: Sequence[Resource]) -> dict[str, int]:
    known = {one.id: one for one in resources}
    start = tuple(published_on(known[one].calendar, day) for one, day in loose.told.days)
    places = {bucket_id(*day): place for place, day in enumerate(loose.told.days)}
    rows = await connection.execute(_EVENTS, {"resources": [str(one) for one in known]})
    events = [Event(row.at - loose.clock, row.claim, row.what, _change(places, row.what, row.parts)) for row in rows]
    return Witness(start, events, loose.clock_is_known_to()).faults(loose.history())


_EVENTS = text("""
    SELECT * FROM (
        SELECT seq, extract(epoch FROM created_at)::float AS at, aggregateid AS claim, split_part(type, '.', 3) AS what,
               (payload -> 'allocations')::text AS parts, payload #>> '{allocations,0,resource_id}' AS resource
          FROM outbox) AS event
     WHERE what IN ('hold_placed', 'hold_released', 'hold_expired', 'booking_cancelled')
       AND resource = ANY (CAST(:resources AS text[])) ORDER BY seq""")


def _change(places: dict[UUID, int], happened: str, parts: str) -> tuple[int, ...]:
    """What it changes of what is free of each bucket."""
    change = [0] * len(places)
    for part in msgspec.json.decode(parts):
        change[places[UUID(part["bucket_id"])]] = part["quantity"] * (-1 if happened == "hold_placed" else 1)
    return tuple(change)


async def _until_all_is_over(db: Database, resources: Sequence[Resource]) -> None:
    live = text("SELECT count(*) FROM hold WHERE state = 'held' AND allocations @> ANY (CAST(:parts AS jsonb[]))")
    parts = {"parts": [f'[{{"resource_id": "{one.id}"}}]' for one in resources]}
    left = 1
    while left:
        await asyncio.sleep(0.2)
        await world.sweep(db)
        async with db.work() as session:
            left = await session.scalar(live, parts)
