"""A service's own outbox, read from beside the relay: every process can see every event, as soon as it is committed.

Numbers of the outbox are drawn before they are committed, so a cursor passes over what commits late. A tail remembers
the numbers that it has not seen, and looks for them until every transaction that could still fill them has ended.
That holds if a transaction has written something before it draws its number, as `outbox.add` asks for anyway.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from libs.kit.db import Session

_READ = text("""
    WITH here AS MATERIALIZED (SELECT pg_current_snapshot() AS seen, statement_timestamp() AS at)
    SELECT pg_snapshot_xmin(seen)::text::bigint AS oldest,
           pg_snapshot_xmax(seen)::text::bigint + age(pg_snapshot_xmax(seen)::xid) AS upcoming, at, told.*
      FROM here LEFT JOIN LATERAL (
        SELECT seq, aggregatetype AS topic, aggregateid, created_at,
               CASE WHEN aggregatetype = ANY (CAST(:topics AS text[])) THEN payload::text END AS payload
          FROM unnest(CAST(:lows AS bigint[]), CAST(:highs AS bigint[])) AS unseen (low, high)
          JOIN outbox ON seq BETWEEN low AND high
         ORDER BY seq LIMIT :most) AS told ON true
     ORDER BY seq
""")
# A snapshot's xmax is only past the last transaction that has ended; `age` counts from the next that will begin.
_END = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Told:
    """An event as the outbox has it."""

    topic: str
    aggregate_id: UUID
    payload: str
    created_at: datetime
    """On the database's clock, shortly before its commit."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers that nobody has seen yet; once every transaction before `until` has ended, nobody ever will."""

    low: int
    high: int
    until: int


@dataclass(frozen=True, slots=True)
class Tail:
    """How far somebody has read."""

    last: int = 0
    gaps: tuple[Gap, ...] = ()
    at: datetime | None = None
    """All that was committed before this instant of the database's clock has been read; none if there may be more."""

    @property
    def after(self) -> int:
        """All up to here has been read: `Tail(after)` goes on from there."""
        return self.gaps[0].low - 1 if self.gaps else self.last


async def read(session: Session, tail: Tail, topics: Sequence[str], most: int) -> tuple[list[Told], Tail]:
    """What was committed since, of these topics, in the order of the outbox; and how far that is. Of an aggregate, in
    the order of its versions. Looks at `most` rows."""
    lows, highs = [gap.low for gap in tail.gaps], [gap.high for gap in tail.gaps]
    given = {"topics": list(topics), "lows": [*lows, tail.last + 1], "highs": [*highs, _END], "most": most}
    rows = (await session.execute(_READ, given)).all()
    oldest, upcoming, at = rows[0][:3]
    found = [row for row in rows if row.seq is not None]
    full = len(found) == most
    read_to = found[-1].seq if full else _END
    gaps = tuple(_unseen(tail, [row.seq for row in found], upcoming))
    kept = tuple(gap for gap in gaps if gap.until > oldest or gap.high > read_to)
    last = max(tail.last, found[-1].seq) if found else tail.last
    told = [Told(row.topic, row.aggregateid, row.payload, row.created_at) for row in found if row.payload is not None]
    return told, Tail(last, kept, None if full else at)


def _unseen(tail: Tail, seen: Sequence[int], until: int) -> Iterator[Gap]:
    """The gaps that are left, and those that are new, in order."""
    for gap in tail.gaps:
        inside = [number for number in seen if gap.low <= number <= gap.high]
        yield from _between(gap.low, [*inside, gap.high + 1], gap.until)
    yield from _between(tail.last + 1, [number for number in seen if number > tail.last], until)


def _between(low: int, seen: Sequence[int], until: int) -> Iterator[Gap]:
    for number in seen:
        if number > low:
            yield Gap(low, number - 1, until)
        low = number + 1
