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
from libs.kit.db import Database, WriteSession, transient
from libs.kit.errors import Conflict, Invalid, NotFound, Unavailable
from services.capacity import store
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
        free, answered = await store.lock_keys(session, {ask.whose for ask in asks})
        known: list[Outcome | None] = []
        for ask in asks:
            known.append(_known(ask, answered.get(ask.whose), running=ask.whose not in free))
            free.discard(ask.whose)  # the same key twice in a batch: the second finds the first still running
        new = iter(await _place_new(session, [ask for ask, old in zip(asks, known, strict=True) if old is None]))
        return [next(new) if old is None else old for old in known]


def _known(ask: Ask, answered: store.Answered | None, *, running: bool) -> Outcome | None:
    if answered is None:
        message = "A request with this Idempotency-Key is still running; ask again."
        return Conflict(message, code="STILL_RUNNING") if running else None
    request_hash, body = answered
    if request_hash != ask.request_hash:
        return Invalid("This Idempotency-Key was used for another request; make a new key.", code="KEY_REUSED")
    return Response(body, 201, {"Idempotent-Replay": "true"}, "application/json")


async def _place_new(session: WriteSession, asks: Sequence[Ask]) -> list[Outcome]:
    if not asks:
        return []
    decided = [_outcome(one) for one in await place_holds(session, asks)]
    placed = [(ask, one) for ask, one in zip(asks, decided, strict=True) if isinstance(one, Response)]
    if placed:
        await store.remember(session, {ask.whose: (ask.request_hash, bytes(one.body)) for ask, one in placed})
    return decided


def _outcome(decided: capacity.Hold | Refused) -> Outcome:
    if isinstance(decided, Refused):
        problem = NotFound if decided.code == "UNKNOWN_RESOURCE" else Conflict
        return problem(decided.message, code=decided.code)
    return Response(msgspec.json.encode(decided), 201, media_type="application/json")
