"""One of many processes that hold, confirm, release and cancel, and write down what they asked for and what they heard.

`live` is what such a process does. The journal has a line when something is asked for and another when it is
answered: so it says of a process that was killed what it may have done. Instants are of CLOCK_MONOTONIC, which all
processes of a machine share.
"""

import asyncio
import itertools
import logging
import os
import re
import time
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from random import Random
from uuid import UUID

import msgspec
import uuid_utils
from asyncpg import QueryCanceledError

from libs.kit.db import Database, transient
from libs.kit.errors import Problem
from libs.kit.ids import new_id
from libs.kit.settings import Settings
from libs.service.app import collect_rarely
from libs.service.idempotency import Asked
from services.capacity.handlers.holds import Ask, placing
from tests import skewed
from tests.services.capacity import world

CONNECTIONS = 3
_PATIENCE = 60.0
_AGAIN = {"UNAVAILABLE", "STILL_RUNNING"}
_LIVES = [*15 * [()], *3 * [("release",)], *2 * [("confirm", "cancel")]]
"""What becomes of a hold, most often that its lease ends: all room comes back, so that there is some until the end, but
what was booked by who was killed then."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a process is told to do."""

    database: str
    days: list[tuple[UUID, date]]
    """Resource and local day of each bucket."""
    attempts: int
    """How many holds to ask for."""
    clients: int
    """How many do so at a time, each for its next when it is done with the last."""
    most: int
    """What a hold takes of a bucket, at most."""
    seconds: list[int]
    """How long a hold lasts: one of these."""
    seed: str
    journal: str
    sweep_every: float = 0.5
    """Seconds."""


class Called(msgspec.Struct, frozen=True, tag=True):
    number: int
    at: float
    verb: str
    quantities: list[int]
    """Of each bucket."""


class Returned(msgspec.Struct, frozen=True, tag=True):
    number: int
    at: float
    answer: str
    """`done`, a problem's code, or how much was free where there was too little."""
    hold: UUID | None = None


Line = Called | Returned


class Process:
    """Clients, and the sweeper that every process of the service has."""

    def __init__(self, told: Told) -> None:
        self.told, self.numbers = told, itertools.count()
        self.journal = os.open(told.journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.db = Database(Settings(service="capacity", database=told.database).url, pool_size=CONNECTIONS)
        self.commit = placing(self.db)

    async def run(self) -> None:
        """Until every client has had its share of the attempts."""
        sweeping = asyncio.create_task(self.sweep())
        shares = [len(range(number, self.told.attempts, self.told.clients)) for number in range(self.told.clients)]
        await asyncio.gather(*(self.client(number, share) for number, share in enumerate(shares)))
        sweeping.cancel()
        await asyncio.wait([sweeping])
        await self.db.close()

    async def sweep(self) -> None:
        while True:
            await self.heard("sweep", [], world.sweep, self.db)
            await asyncio.sleep(self.told.sweep_every)

    async def client(self, number: int, share: int) -> None:
        """Ask for a hold, do something with it if it is granted, ask for the next. Each is of a party of its own."""
        dice, days = Random(f"{self.told.seed} {number}"), range(len(self.told.days))
        for _ in range(share):
            party, some = new_id(), dice.sample(days, min(len(days), dice.choice([1, 1, 2, 3])))
            quantities = [dice.randint(1, self.told.most) if n in some else 0 for n in days]
            hold = await self.heard("hold", quantities, self.hold, party, quantities, dice.choice(self.told.seconds))
            for verb in dice.choice(_LIVES) if hold else ():
                if not await self.heard(verb, quantities, getattr(world, verb), self.db, party, hold):
                    break

    async def hold(self, party: UUID, quantities: list[int], seconds: int) -> UUID:
        """Ask again under the same key until there is an answer, as every client is told to."""
        days = [(*day, quantity) for day, quantity in zip(self.told.days, quantities, strict=True) if quantity]
        request = Ask(party, days, seconds, Asked(party, str(new_id()), repr(days).encode()))
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                return UUID(world.body(await self.commit.run(request))["id"])
            except Problem as problem:
                if problem.code not in _AGAIN or time.monotonic() > until:
                    raise
            await asyncio.sleep(0.1)

    async def heard(
        self, verb: str, quantities: list[int], do: Callable[..., Awaitable[object]], *given: object
    ) -> UUID | None:
        """Do it and write down what is heard. Gives the hold's id; nothing if it was refused, or if nobody knows."""
        number = next(self.numbers)
        self.write(Called(number, time.monotonic(), verb, quantities))
        try:
            done = await do(*given)
        except Problem as problem:
            if problem.code not in _AGAIN:
                self.write(Returned(number, time.monotonic(), _lacking(problem)))
            return None
        except Exception as error:
            if not transient(error) and not _took_too_long(error):
                raise
            return None
        hold = done if isinstance(done, UUID) else getattr(done, "id", None)
        self.write(Returned(number, time.monotonic(), "done", hold))
        return hold

    def write(self, line: Line) -> None:
        os.write(self.journal, msgspec.json.encode(line) + b"\n")


def _took_too_long(error: Exception) -> bool:
    """As statements do of who is paused for longer than they may take."""
    return getattr(getattr(error, "orig", error), "sqlstate", None) == QueryCanceledError.sqlstate


def _lacking(problem: Problem) -> str:
    found = re.search(r"has (\d+) minutes free", problem.detail)
    return found[1] if found else problem.code


def read(journal: Path) -> list[Line]:
    """The lines of a journal; a process that was killed may have left half of one."""
    whole = [line for line in journal.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
    return [msgspec.json.decode(line, type=Line) for line in whole]


def live(told: Told, skew: float) -> None:
    """Be such a process, with a clock that is wrong by so many seconds; a fork of one that has all modules loaded."""
    uuid_utils.reseed_rng()
    skewed.skew(skew)
    collect_rarely()
    logging.disable(logging.WARNING)  # of batches that failed, as they must while somebody is paused
    asyncio.run(Process(told).run())
