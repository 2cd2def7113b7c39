"""Events that could not be handled, set aside with their reason, and everything behind them of the same aggregate."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from libs.kit.db import Database, Session, WriteSession, transient
from libs.messaging.delivery import Handlers, Key, Message, Subscription

BEHIND = "behind a parked event"

_PARK = text("""
    INSERT INTO parked (consumer, topic, aggregate_id, version, headers, payload, reason)
    SELECT :consumer, * FROM unnest(CAST(:topics AS text[]), CAST(:keys AS uuid[]), CAST(:versions AS int[]),
                                    CAST(:headers AS json[]), CAST(:payloads AS bytea[]), CAST(:reasons AS text[]))
""")
_KEYS = text("""
    SELECT DISTINCT topic, aggregate_id FROM parked JOIN unnest(CAST(:topics AS text[]), CAST(:keys AS uuid[]))
        AS told (topic, aggregate_id) USING (topic, aggregate_id) WHERE consumer = :consumer
""")
_LIST = text("""
    SELECT topic, aggregate_id, version, headers ->> 'ce_type' AS type, reason, parked_at
    FROM parked WHERE consumer = :consumer ORDER BY seq
""")
_COUNT = text("SELECT count(*) FROM parked")
_LOCK = text("""
    SELECT version FROM consumed WHERE consumer = :consumer AND topic = :topic AND aggregate_id = :key FOR UPDATE
""")
_FIRST = text("""
    SELECT topic, aggregate_id, version, headers::text AS headers, payload, seq FROM parked
    WHERE consumer = :consumer AND topic = :topic AND aggregate_id = :key ORDER BY version LIMIT 1
""")
_TAKE = text("DELETE FROM parked WHERE seq = :seq")
_EXPLAIN = text("UPDATE parked SET reason = :reason WHERE seq = :seq")


@dataclass(frozen=True)
class Parked:
    """An event that waits for `replay`."""

    topic: str
    aggregate_id: UUID
    version: int
    type: str
    reason: str
    parked_at: datetime


async def park(session: WriteSession, consumer: str, told: Sequence[tuple[Message, str]]) -> None:
    """Set events aside with their reasons. Their versions must have been claimed in this transaction."""
    messages = [message for message, _ in told]
    columns: dict[str, object] = {
        "topics": [message.topic for message in messages],
        "keys": [message.aggregate_id for message in messages],
        "versions": [message.version for message in messages],
        "headers": [msgspec.json.encode(message.headers).decode() for message in messages],
        "payloads": [message.payload for message in messages],
        "reasons": [reason for _, reason in told],
    }
    await session.execute(_PARK, columns | {"consumer": consumer})


async def keys_parked(session: Session, consumer: str, keys: Iterable[Key]) -> set[Key]:
    """Which of these aggregates have parked events."""
    pairs = list(keys)
    given = {"topics": [topic for topic, _ in pairs], "keys": [key for _, key in pairs]}
    return {(row.topic, row.aggregate_id) for row in await session.execute(_KEYS, given | {"consumer": consumer})}


async def parked(session: Session, consumer: str) -> list[Parked]:
    """All that is parked, in the order of arrival."""
    return [Parked(**row) for row in (await session.execute(_LIST, {"consumer": consumer})).mappings()]


async def count(session: Session) -> int:
    """How many events of this service are set aside."""
    return int(await session.scalar(_COUNT) or 0)


async def replay(
    database: Database, subscriptions: Sequence[Subscription], consumer: str, *, only: UUID | None = None
) -> tuple[int, int]:
    """Handle parked events, of all aggregates or `only` one, each in its own transaction; how many went and stayed.

    Within an aggregate it goes in order and stops at the first failure. What arrives meanwhile waits behind.
    """
    handlers = Handlers(subscriptions)
    async with database.work() as session:
        waiting = await parked(session, consumer)
    chosen = [event for event in waiting if only in {None, event.aggregate_id}]
    went = 0
    for topic, key in dict.fromkeys((event.topic, event.aggregate_id) for event in chosen):
        while await _replay_first(database, handlers, {"consumer": consumer, "topic": topic, "key": key}):
            went += 1
    async with database.work() as session:
        return went, len(await parked(session, consumer))


async def _replay_first(database: Database, handlers: Handlers, where: dict[str, object]) -> bool:
    """Handle the first parked event of an aggregate; whether one was handled."""
    seq = 0
    try:
        async with database.work() as session:
            await session.execute(_LOCK, where)  # the consumer takes the same lock before it looks what is parked
            first = (await session.execute(_FIRST, where)).one_or_none()
            if first is None:
                return False
            headers, seq = msgspec.json.decode(first.headers, type=dict[str, str]), first.seq
            message = Message(first.topic, first.aggregate_id, first.version, headers, first.payload)
            await handlers.dispatch(session, [(message, handlers.decode(message))])
            await session.execute(_TAKE, {"seq": seq})
    except Exception as error:
        if transient(error):
            raise
        async with database.work() as session:
            await session.execute(_EXPLAIN, {"seq": seq, "reason": reason_of(error)})
        return False
    return True


def reason_of(error: Exception) -> str:
    """Class and first line of an error; of a database's error neither statement nor values."""
    told = re.sub(r"^<class '[^']*'>: ", "", str(error.orig)) if isinstance(error, DBAPIError) else str(error)
    return f"{type(error).__name__}: {told.partition(chr(10))[0][:300]}"
