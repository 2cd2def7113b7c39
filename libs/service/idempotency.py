"""Idempotency keys: a request sent again gets the first answer again, and does nothing again.

After draft-ietf-httpapi-idempotency-key-header-07: an answer is stored with a hash of its request, in the transaction
of its effect, per party, for 24 h. Same key and request: the first answer. Same key, other request: 422. Still running:
409. A failure stores nothing, since it changed nothing. One request is a batch of one.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from fastapi import Response

from libs.kit.db import Write, WriteSession, rows
from libs.kit.errors import Conflict, Invalid, Problem

_GIVEN = "FROM unnest($1::uuid[], $2::text[]) WITH ORDINALITY AS given (party, key, number)"
# The turns in the order of the parties, which is the same for everybody: nobody waits for each other in a ring.
_LOCK = f"""SELECT min(number), pg_try_advisory_xact_lock(hashtextextended(party || ' ' || key, 0)),
    CASE WHEN $3 <> '' THEN pg_advisory_xact_lock(hashtextextended($3 || party, 0)) END
    {_GIVEN} GROUP BY party, key ORDER BY party"""
_FIND = f"SELECT * FROM idempotency_key WHERE (party_id, key) IN (SELECT party, key {_GIVEN})"  # noqa: S608 - a constant
STILL_RUNNING = "A request with this Idempotency-Key is still running; ask again."
_STORE = """
    INSERT INTO idempotency_key (party_id, key, request_hash, status, body)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::int[], $5::bytea[])
"""


class Asked(NamedTuple):
    """A request as its key knows it."""

    party: UUID
    key: str
    request_hash: bytes


Known = Response | Problem | None


async def first_answers(session: WriteSession, asked: Sequence[Asked], turn: str = "") -> list[Known]:
    """Take the keys of these requests until the transaction ends, and wait for their parties' `turn` if it has a name.
    For each: the answer it got before, why it gets none, or nothing, if it is new and this transaction is to answer it.
    """
    given = [one.party for one in asked], [one.key for one in asked]
    # The same key twice: the second finds the first still running.
    free = {first for first, is_free, _ in await rows(session, _LOCK, *given, turn) if is_free}
    # Another statement: it sees what was committed by whoever had the locks before.
    known = {(row["party_id"], row["key"]): row for row in await rows(session, _FIND, *given)}
    numbered = enumerate(asked, 1)
    return [_answer(one, known.get((one.party, one.key)), running=number not in free) for number, one in numbered]


def remembering(answers: Sequence[tuple[Asked, Response]]) -> list[Write]:
    """What keeps the answers of these requests, to be written in the transaction of their effects."""
    given = [(*asked, answer.status_code, bytes(answer.body)) for asked, answer in answers]
    return [Write(_STORE, tuple(map(list, zip(*given, strict=True))))] if given else []


def _answer(asked: Asked, known: Any, *, running: bool) -> Known:
    if known is None:
        return Conflict(STILL_RUNNING, code="STILL_RUNNING") if running else None
    if known["request_hash"] != asked.request_hash:
        return Invalid("This Idempotency-Key was used for another request; make a new key.", code="KEY_REUSED")
    return Response(known["body"], known["status"], {"Idempotent-Replay": "true"}, "application/json")
