"""The outbox as a queue: what waits, in which order, what was sent, what has to be sent again."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import CursorResult, Row, TextClause, text

from libs.kit.db import Session, WriteSession
from libs.messaging.delivery import Key

_CHUNK = 20_000
"""Rows of one statement: every statement has a deadline."""

_HEAD = text("""
    SELECT seq, id, aggregatetype AS topic, aggregateid AS aggregate, version, type, payload::text AS payload,
           traceparent, created_at
    FROM outbox
    WHERE sent_at IS NULL AND NOT EXISTS (
        SELECT FROM unnest(CAST(:topics AS text[]), CAST(:keys AS uuid[])) AS set_aside (topic, key)
        WHERE set_aside.topic = aggregatetype AND set_aside.key = aggregateid)
    ORDER BY seq LIMIT :most
""")
_MARK = text("UPDATE outbox SET sent_at = clock_timestamp() WHERE seq = ANY(:seqs)")
_END = text("""
    INSERT INTO relay_progress
    SELECT * FROM unnest(CAST(:topics AS text[]), CAST(:partitions AS int[]), CAST(:ends AS bigint[]))
    ON CONFLICT (topic, partition) DO UPDATE SET log_end = excluded.log_end
""")
_ENDS = text("SELECT topic, partition, log_end FROM relay_progress")
_WAITING = text("""
    SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(waiting_since)), 0)::float
    FROM outbox WHERE sent_at IS NULL
""")
_RANGE = text("SELECT coalesce(min(seq), 0), coalesce(max(seq), -1) FROM outbox")
_AGAIN = """
    UPDATE outbox AS old SET sent_at = NULL, waiting_since = clock_timestamp()
    WHERE sent_at IS NOT NULL AND seq BETWEEN :low AND :high
"""
_ALL_AGAIN = text(_AGAIN)
_NEWEST_AGAIN = text(f"""{_AGAIN} AND aggregatetype = coalesce(:topic, aggregatetype) AND NOT EXISTS (
        SELECT FROM outbox AS newer WHERE newer.aggregatetype = old.aggregatetype
           AND newer.aggregateid = old.aggregateid AND newer.version > old.version)
""")
_THEIR_NEWEST_AGAIN = text("""
    UPDATE outbox SET sent_at = NULL, waiting_since = clock_timestamp()
    WHERE sent_at IS NOT NULL AND seq IN (
        SELECT DISTINCT ON (aggregatetype, aggregateid) newest.seq
        FROM outbox AS newest JOIN outbox AS told USING (aggregatetype, aggregateid)
        WHERE told.seq = ANY(:seqs) ORDER BY aggregatetype, aggregateid, newest.version DESC)
""")


async def waiting(session: Session) -> tuple[int, float]:
    """How many events are not sent yet, and for how many seconds the oldest of them has waited."""
    unsent, oldest = (await session.execute(_WAITING)).one()
    return unsent, oldest


async def republish(session: WriteSession, topic: str | None = None) -> int:
    """Have the present state of every aggregate sent again, of one topic or of all; how many.

    The newest row of an aggregate is never thrown away (docs/decisions/0002), so this works however old it is.
    """
    return await _again(session, _NEWEST_AGAIN, {"topic": topic})


async def head(session: Session, most: int, without: Sequence[Key]) -> Sequence[Row[Any]]:
    """The first unsent rows in order, without these aggregates."""
    aside: dict[str, object] = {"topics": [topic for topic, _ in without], "keys": [key for _, key in without]}
    return (await session.execute(_HEAD, aside | {"most": most})).all()


async def mark(session: WriteSession, seqs: Sequence[int], ends: Mapping[tuple[str, int], int]) -> None:
    """Rows are sent; so far reach the logs of (topic, partition)."""
    await session.execute(_MARK, {"seqs": seqs})
    topics, partitions = [topic for topic, _ in ends], [number for _, number in ends]
    await session.execute(_END, {"topics": topics, "partitions": partitions, "ends": list(ends.values())})


async def log_ends(session: Session) -> dict[tuple[str, int], int]:
    """How far the logs reached when last heard of, by (topic, partition)."""
    return {(row.topic, row.partition): row.log_end for row in await session.execute(_ENDS)}


async def send_all_again(session: WriteSession) -> int:
    """Everything that the outbox still has, into a log of which nothing is known."""
    await session.execute(text("DELETE FROM relay_progress"))
    return await _again(session, _ALL_AGAIN, {})


async def send_newest_again(session: WriteSession, seqs: Sequence[int]) -> None:
    """The present state of the aggregates of these rows."""
    await session.execute(_THEIR_NEWEST_AGAIN, {"seqs": seqs})


async def _again(session: WriteSession, statement: TextClause, given: dict[str, object]) -> int:
    low, high = (await session.execute(_RANGE)).one()
    count = 0
    for start in range(low, high + 1, _CHUNK):
        part = given | {"low": start, "high": start + _CHUNK - 1}
        changed = await session.execute(statement, part)
        assert isinstance(changed, CursorResult)  # noqa: S101 - what an UPDATE gives
        count += changed.rowcount
    session.info["outbox"] = True
    return count
