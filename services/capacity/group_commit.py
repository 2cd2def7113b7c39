"""Group commit: asks to hold that arrive together are decided in one transaction, with their events and their keys.

The first ask opens a batch; what arrives while a batch is being decided waits for the next. So a batch is as large as
the traffic makes it, and nobody waits for a timer. Any number of processes may do this at once: what decides is the
locked rows and the constraints of the database.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, field

import msgspec
from fastapi import Response

from libs.contracts import capacity
from libs.kit.db import Database, transient
from libs.kit.errors import Conflict, NotFound, Unavailable
from libs.service.idempotency import first_answers, remember
from services.capacity.domain.offer import Refused
from services.capacity.handlers.holds import Ask, place_holds

log = logging.getLogger(__name__)

LEDGER = "capacity_ledger"
MOST_AT_ONCE = 200
MOST_WAITING = 2000
SECONDS_TO_WAIT = 20.0

_AGAIN = "The ledger does not answer now. Send this again with the same Idempotency-Key."

Outcome = Response | Exception


@dataclass(frozen=True)
class _Waiting:
    ask: Ask
    outcome: asyncio.Future[Outcome] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    context: Context = field(default_factory=copy_context)


class GroupCommit:
    """One per process and database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._waiting: list[_Waiting] = []
        self._deciding: asyncio.Task[None] | None = None

    async def place(self, ask: Ask) -> Response:
        """Decide an ask together with whoever else asks now. Raises Problem."""
        if len(self._waiting) >= MOST_WAITING:
            raise Unavailable(_AGAIN)
        waiting = _Waiting(ask)
        self._waiting.append(waiting)
        if self._deciding is None or self._deciding.done():
            self._deciding = asyncio.create_task(self._decide_all(), context=Context())
        await asyncio.wait([waiting.outcome], timeout=SECONDS_TO_WAIT)
        outcome = waiting.outcome.result() if waiting.outcome.done() else Unavailable(_AGAIN)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def _decide_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            # A lone ask's events belong to its trace; those of a crowd to nobody's rather than to another's.
            context = batch[0].context if len(batch) == 1 else Context()
            deciding = asyncio.create_task(self._outcomes([one.ask for one in batch]), context=context)
            for waiting, outcome in zip(batch, await deciding, strict=True):
                if not waiting.outcome.done():
                    waiting.outcome.set_result(outcome)

    async def _outcomes(self, asks: Sequence[Ask], *, again: bool = True) -> Sequence[Outcome]:
        """If they fail together, each is tried alone, so that one cannot spoil the others."""
        try:
            return await place_all(self.database, asks)
        except Exception as error:  # whoever waits must be told
            log.warning("a batch failed", exc_info=error, extra={"asks": len(asks)})
            if transient(error):
                return [Unavailable(_AGAIN)] * len(asks)
            if not again:
                return [error]
            return [(await self._outcomes([ask], again=False))[0] for ask in asks]


async def place_all(database: Database, asks: Sequence[Ask]) -> list[Outcome]:
    """Decide asks in one transaction: the answer or the problem of each."""
    async with database.write(role=LEDGER) as session:
        known = await first_answers(session, [ask.asked for ask in asks])
        new = [ask for ask, answer in zip(asks, known, strict=True) if answer is None]
        decided = [_outcome(one) for one in await place_holds(session, new)] if new else []
        placed = {ask.asked: one for ask, one in zip(new, decided, strict=True) if isinstance(one, Response)}
        await remember(session, placed)
        outcomes = iter(decided)
        return [next(outcomes) if answer is None else answer for answer in known]


def _outcome(decided: capacity.Hold | Refused) -> Outcome:
    if isinstance(decided, Refused):
        problem = NotFound if decided.code == "UNKNOWN_RESOURCE" else Conflict
        return problem(decided.message, code=decided.code)
    return Response(msgspec.json.encode(decided), 201, media_type="application/json")
