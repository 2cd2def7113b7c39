"""Group commit: commands that arrive together are decided in one transaction, with their events and their keys.

The first to ask opens a batch; what arrives while batches are being decided waits for the next. So a batch is as large
as the traffic makes it, and nobody waits for a timer. A crowd is decided in two batches, so that while the database
works on one this process works on the other. Any number of processes may do this at once: what decides is the locked
rows and the constraints of the database.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import msgspec
from fastapi import Response

from libs.kit.db import Database, Write, WriteSession, transient, write
from libs.kit.errors import Problem, Unavailable
from libs.service.idempotency import Asked, first_answers, remembering

log = logging.getLogger(__name__)

MOST_AT_ONCE = 200
MOST_WAITING = 2000
LANES = 2
"""Batches under way at a time: one for the database to work on, and one for this process."""
WORTH_A_LANE = 8
"""Asks. Fewer are no crowd: what a batch costs whatever its size is more than another lane saves."""
SECONDS_TO_WAIT = 20.0

_AGAIN = "The service does not answer now. Send this again with the same Idempotency-Key."

Outcome = Response | Exception


class Ask(Protocol):
    """What is asked for, and by which request."""

    @property
    def asked(self) -> Asked: ...


A = TypeVar("A", bound=Ask)

Decided = tuple[Sequence[msgspec.Struct | Problem], Sequence[Write]]
"""For each ask the state to answer with, or why it is refused, which must change nothing; and what is to be written."""
Decide = Callable[[WriteSession, Sequence[A]], Awaitable[Decided]]
"""Decides asks of any parties in their order, having locked what they change."""


@dataclass(frozen=True)
class _Waiting(Generic[A]):
    ask: A
    since: float
    """By the clock of the loop."""
    outcome: asyncio.Future[Outcome]
    context: Context = field(default_factory=copy_context)


class GroupCommit(Generic[A]):
    """One per process, database and kind of command. `role` is the database role that may speak for many parties,
    `turn` names what commands of one party do one after another, whichever process decides."""

    def __init__(self, database: Database, role: str, turn: str, decide: Decide[A], status: int = 201) -> None:
        self._database, self._role, self._turn, self._decide, self._status = database, role, turn, decide, status
        self._waiting: list[_Waiting[A]] = []
        self._lanes: set[asyncio.Task[None] | None] = set()
        self._deciding = 0

    async def run(self, ask: A) -> Response:
        """Decide an ask together with whoever else asks now. Raises Problem."""
        if len(self._waiting) >= MOST_WAITING:
            raise Unavailable(_AGAIN)
        loop = asyncio.get_running_loop()
        waiting = _Waiting(ask, loop.time(), loop.create_future())
        self._waiting.append(waiting)
        if len(self._lanes) < (LANES if len(self._waiting) >= WORTH_A_LANE else 1):
            self._open_lane()
        if isinstance(outcome := await waiting.outcome, Exception):
            raise outcome
        return outcome

    async def together(self, asks: Sequence[A]) -> list[Outcome]:
        """Decide asks in one transaction: the answer or the problem of each."""
        async with self._database.batch(self._role) as session:
            known = await first_answers(session, [ask.asked for ask in asks], self._turn)
            new = [ask for ask, answer in zip(asks, known, strict=True) if answer is None]
            decided, writes = await self._decide(session, new) if new else ((), ())
            outcomes = [self._outcome(one) for one in decided]
            done = [(ask.asked, one) for ask, one in zip(new, outcomes, strict=True) if isinstance(one, Response)]
            await write(session, *writes, *remembering(done))
        following = iter(outcomes)
        return [next(following) if answer is None else answer for answer in known]

    def _outcome(self, decided: msgspec.Struct | Problem) -> Outcome:
        if isinstance(decided, Problem):
            return decided
        return Response(msgspec.json.encode(decided), self._status, media_type="application/json")

    def _open_lane(self) -> None:
        self._lanes.add(asyncio.create_task(self._decide_all(), context=Context()))

    def _next_batch(self) -> list[_Waiting[A]]:
        """Who waits; of a crowd the first half, if another lane is free for the rest."""
        self._refuse_late()
        size = min(MOST_AT_ONCE, len(self._waiting))
        if size >= 2 * WORTH_A_LANE and self._deciding + 1 < LANES:
            size -= size // 2
        batch, self._waiting = self._waiting[:size], self._waiting[size:]
        if len(self._lanes) < LANES and len(self._waiting) >= WORTH_A_LANE:
            self._open_lane()
        return batch

    def _refuse_late(self) -> None:
        late = asyncio.get_running_loop().time() - SECONDS_TO_WAIT
        while self._waiting and self._waiting[0].since <= late:
            waiting = self._waiting.pop(0)
            if not waiting.outcome.done():
                waiting.outcome.set_result(Unavailable(_AGAIN))

    async def _decide_all(self) -> None:
        try:
            while batch := self._next_batch():
                self._deciding += 1
                try:
                    await self._decide_batch(batch)
                finally:
                    self._deciding -= 1
        finally:
            self._lanes.discard(asyncio.current_task())  # at once: who asks next must not count on this one

    async def _decide_batch(self, batch: Sequence[_Waiting[A]]) -> None:
        """Tell each what came of it. One timer for all, that of who came last: after a stall those who have only just
        come are not refused for it with those who have waited."""
        # A lone ask's events belong to its trace; those of a crowd to nobody's rather than to another's.
        context = batch[0].context if len(batch) == 1 else Context()
        deciding = asyncio.create_task(self._outcomes([one.ask for one in batch]), context=context)
        outcomes: Sequence[Outcome] = [Unavailable(_AGAIN) for _ in batch]
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(batch[-1].since + SECONDS_TO_WAIT):
                    outcomes = await deciding
        finally:
            for waiting, outcome in zip(batch, outcomes, strict=True):
                if not waiting.outcome.done():
                    waiting.outcome.set_result(outcome)

    async def _outcomes(self, asks: Sequence[A], *, again: bool = True) -> Sequence[Outcome]:
        """If they fail together, each is tried alone, so that one cannot spoil the others."""
        try:
            return await self.together(asks)
        except Exception as error:  # whoever waits must be told
            log.warning("a batch failed", exc_info=error, extra={"asks": len(asks)})
            if transient(error):
                return [Unavailable(_AGAIN) for _ in asks]
            if not again:
                return [error]
            return [(await self._outcomes([ask], again=False))[0] for ask in asks]
