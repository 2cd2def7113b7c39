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

from libs.kit.db import Database, WriteSession, transient
from libs.kit.errors import Conflict, Invalid, NotFound, Unavailable
from services.capacity import store
from services.capacity.domain.offer import Refused
from services.capacity.handlers.holds import Ask, place_holds

log = logging.getLogger(__name__)

LEDGER = "capacity_ledger"
MOST_AT_ONCE = 200

_AGAIN = "The ledger does not answer now. Send this again with the same Idempotency-Key."

Outcome = Response | Exception


@dataclass(frozen=True)
class Request:
    """An ask with its Idempotency-Key and the hash of its request."""

    ask: Ask
    key: str
    request_hash: bytes

    @property
    def whose(self) -> store.Key:
        return self.ask.party_id, self.key


@dataclass(frozen=True)
class _Waiting:
    request: Request
    answer: asyncio.Future[Response] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    context: Context = field(default_factory=copy_context)

    def tell(self, outcome: Outcome) -> None:
        """Answer, unless the caller has gone."""
        if self.answer.done():
            return
        if isinstance(outcome, Response):
            self.answer.set_result(outcome)
        else:
            self.answer.set_exception(outcome)


class GroupCommit:
    """One per process and database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._waiting: list[_Waiting] = []
        self._deciding: asyncio.Task[None] | None = None

    async def place(self, request: Request) -> Response:
        """Decide a request together with whoever else asks now. Raises Problem."""
        waiting = _Waiting(request)
        self._waiting.append(waiting)
        if self._deciding is None:
            self._deciding = asyncio.create_task(self._decide_all(), context=Context())
        return await waiting.answer

    async def _decide_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            # A lone request's events belong to its trace; those of a crowd to nobody's rather than to another's.
            context = batch[0].context if len(batch) == 1 else Context()
            deciding = asyncio.create_task(self._outcomes([one.request for one in batch]), context=context)
            for waiting, outcome in zip(batch, await deciding, strict=True):
                waiting.tell(outcome)
        self._deciding = None

    async def _outcomes(self, requests: Sequence[Request], *, again: bool = True) -> Sequence[Outcome]:
        """If they fail together, each is tried alone, so that one cannot spoil the others."""
        try:
            return await place_all(self.database, requests)
        except Exception as error:  # whoever waits must be told
            log.warning("a batch failed", exc_info=error, extra={"asks": len(requests)})
            if transient(error):
                return [Unavailable(_AGAIN)] * len(requests)
            if not again:
                return [error]
            return [(await self._outcomes([request], again=False))[0] for request in requests]


async def place_all(database: Database, requests: Sequence[Request]) -> list[Outcome]:
    """Decide requests in one transaction: the answer or the problem of each."""
    async with database.write(role=LEDGER) as session:
        keys = {request.whose for request in requests}
        free, answered = await store.lock_keys(session, keys)
        known: list[Outcome | None] = []
        for request in requests:
            known.append(_known(request, answered.get(request.whose), running=request.whose not in free))
            free.discard(request.whose)  # the same key twice in a batch: the second finds the first still running
        new = iter(await _place_new(session, [one for one, old in zip(requests, known, strict=True) if old is None]))
        return [next(new) if old is None else old for old in known]


def _known(request: Request, answered: store.Answered | None, *, running: bool) -> Outcome | None:
    if answered is None:
        message = "A request with this Idempotency-Key is still running; ask again."
        return Conflict(message, code="STILL_RUNNING") if running else None
    if answered.request_hash != request.request_hash:
        return Invalid("This Idempotency-Key was used for another request; make a new key.", code="KEY_REUSED")
    return Response(answered.body, 201, {"Idempotent-Replay": "true"}, "application/json")


async def _place_new(session: WriteSession, requests: Sequence[Request]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    kept = {}
    decided = await place_holds(session, [request.ask for request in requests]) if requests else []
    for request, one in zip(requests, decided, strict=True):
        if isinstance(one, Refused):
            problem = NotFound if one.code == "UNKNOWN_RESOURCE" else Conflict
            outcomes.append(problem(one.message, code=one.code))
        else:
            body = msgspec.json.encode(one)
            kept[request.whose] = store.Answered(request.request_hash, body)
            outcomes.append(Response(body, 201, media_type="application/json"))
    if kept:
        await store.remember(session, kept)
    return outcomes
