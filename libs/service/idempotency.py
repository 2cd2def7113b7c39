"""Idempotency keys: a request sent again gets the first answer again, and does nothing again.

After draft-ietf-httpapi-idempotency-key-header-07: an answer is stored with a hash of its request, in the transaction
of its effect, per party, for 24 h. Same key and request: the first answer. Same key, other request: 422. Still running:
409. A failure stores nothing, since it changed nothing. One request is a batch of one.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from fastapi import Response
from sqlalchemy import text

from libs.kit.db import WriteSession
from libs.kit.errors import Conflict, Invalid, Problem

_GIVEN = "FROM unnest(CAST(:parties AS uuid[]), CAST(:keys AS text[])) AS given (party, key)"
_LOCK = text(f"SELECT party, key, pg_try_advisory_xact_lock(hashtextextended(party || ' ' || key, 0)) AS free {_GIVEN}")
_FIND = text(f"SELECT * FROM idempotency_key WHERE (party_id, key) IN (SELECT * {_GIVEN})")  # noqa: S608 - a constant
_STORE = text("""
    INSERT INTO idempotency_key (party_id, key, request_hash, status, body)
    SELECT * FROM unnest(CAST(:parties AS uuid[]), CAST(:keys AS text[]), CAST(:hashes AS bytea[]),
                         CAST(:statuses AS int[]), CAST(:bodies AS bytea[]))
""")


class Asked(NamedTuple):
    """A request as its key knows it."""

    party: UUID
    key: str
    request_hash: bytes


async def first_answers(session: WriteSession, asked: Sequence[Asked]) -> list[Response | Problem | None]:
    """Take the keys of these requests until the transaction ends. For each: the answer it got before, why it gets none,
    or nothing, if it is new and this transaction is to answer it."""
    given = _columns(asked)
    locks = await session.execute(_LOCK, given)
    free = {(row.party, row.key) for row in locks if row.free}
    # A second statement: it sees what was committed by whoever had the locks before.
    known = {(row.party_id, row.key): row for row in await session.execute(_FIND, given)}
    answers: list[Response | Problem | None] = []
    for one in asked:
        whose = one.party, one.key
        answers.append(_answer(one, known.get(whose), running=whose not in free))
        free.discard(whose)  # the same key twice: the second finds the first still running
    return answers


async def remember(session: WriteSession, answers: Mapping[Asked, Response]) -> None:
    """Keep what these requests are answered, in the transaction of their effects."""
    if answers:
        given = _columns(answers) | {
            "hashes": [one.request_hash for one in answers],
            "statuses": [answer.status_code for answer in answers.values()],
            "bodies": [bytes(answer.body) for answer in answers.values()],
        }
        await session.execute(_STORE, given)


def _columns(asked: Collection[Asked]) -> dict[str, list[Any]]:
    return {"parties": [one.party for one in asked], "keys": [one.key for one in asked]}


def _answer(asked: Asked, known: Any, *, running: bool) -> Response | Problem | None:
    if known is None:
        message = "A request with this Idempotency-Key is still running; ask again."
        return Conflict(message, code="STILL_RUNNING") if running else None
    if known.request_hash != asked.request_hash:
        return Invalid("This Idempotency-Key was used for another request; make a new key.", code="KEY_REUSED")
    return Response(known.body, known.status, {"Idempotent-Replay": "true"}, "application/json")
