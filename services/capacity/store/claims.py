"""Holds and bookings, and the turn of the parties that ask for more."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import msgspec

from libs.kit.db import WriteSession
from services.capacity.domain.ledger import Booking, Bucket, Hold
from services.capacity.domain.offer import Resource
from services.capacity.store.rows import BY_ID, ROW, read_as, rows

# The clock at the beginning of the statement, whose value PostgreSQL knows when it plans: of one that runs on it would
# expect a third of all holds to be over, and read every hold there is once there are many.
IS_OVER = "state = 'held' AND expires_at <= statement_timestamp()"
_OVER = ROW.format("hold") + f"WHERE {IS_OVER} "
_OVERDUE = _OVER + "ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED"
_OVERDUE_BOOKINGS = (
    ROW.format("booking")
    + """
    WHERE deadline <= statement_timestamp() ORDER BY deadline LIMIT $1 FOR UPDATE SKIP LOCKED"""
)
OVER_IN_THE_WAY = _OVER + "AND allocations @> ANY ($1::jsonb[]) ORDER BY id FOR UPDATE"
TURN = "open holds of "
"""Before a party: who has this lock alone gives it more, so that its cap is exact, whichever process decides."""
_QUEUE_UP = f"SELECT pg_advisory_xact_lock(hashtextextended('{TURN}' || $1, 0))"
# Which buckets to lock is settled before the first is, outside the query that locks: its own conditions PostgreSQL asks
# again about each row that it had to wait for, and by then a hold may be over. Some would be locked and some not.
_LOOK = f"""WITH lockable AS MATERIALIZED (
        SELECT CASE WHEN cardinality($3::uuid[]) = (SELECT count(*) FROM bucket WHERE id = ANY ($3))
                     AND NOT EXISTS (SELECT FROM hold, jsonb_to_recordset(allocations) AS part (bucket_id uuid)
                                      WHERE {IS_OVER} AND bucket_id = ANY ($3)) THEN $3 END AS ids,
               pg_postmaster_start_time()::text AS began)
    SELECT json_build_array(
        clock_timestamp(),
        (SELECT coalesce(json_agg(CASE known.mark WHEN is_at.mark THEN to_json(id)
                                  ELSE json_build_array(is_at.mark, resource) END), '[]')
           FROM unnest($1::uuid[], $4::text[]) AS known (id, mark) JOIN resource USING (id),
                LATERAL (SELECT concat_ws(' ', resource.version, resource.xmin, began)) AS is_at (mark)),
        (SELECT json_object_agg(party, (
            SELECT count(*) FROM hold
             WHERE party_id = party AND state = 'held' AND order_id IS NULL AND expires_at > clock_timestamp()))
           FROM unnest($2::uuid[]) party),
        buckets)::text
      FROM lockable, LATERAL (SELECT coalesce(json_agg(locked), '[]') AS buckets FROM (
        SELECT * FROM bucket WHERE id = ANY (lockable.ids) ORDER BY id FOR NO KEY UPDATE) AS locked) AS bucket
"""  # noqa: S608 - nothing but constants


async def holds(session: WriteSession, ids: Collection[UUID]) -> dict[UUID, Hold]:
    """These holds, locked."""
    return {hold.id: hold for hold in await read_as(session, Hold, BY_ID.format("hold") + "FOR UPDATE", list(ids))}


async def bookings(session: WriteSession, ids: Collection[UUID]) -> dict[UUID, Booking]:
    """These bookings, locked."""
    found = await read_as(session, Booking, BY_ID.format("booking") + "FOR UPDATE", list(ids))
    return {booking.id: booking for booking in found}


async def overdue(session: WriteSession, most: int) -> list[Hold]:
    """Holds whose time has come, locked; those that somebody works on are left to them."""
    return await read_as(session, Hold, _OVERDUE, most)


async def overdue_bookings(session: WriteSession, most: int) -> list[Booking]:
    """Bookings whose deadline has passed, locked; those that somebody works on are left to them."""
    return await read_as(session, Booking, _OVERDUE_BOOKINGS, most)


Look = tuple[datetime, list[Resource], dict[UUID, int]]
"""Now, resources, and for each party how many live holds it has placed itself."""
_Marked = tuple[str, Resource]
"""A resource, and what marks its state: the version, the transaction that wrote the row, and when the server started. A
version alone would not do: after a restore, or a failover that lost commits, it may be that of another state."""
_Seen = tuple[datetime, list[_Marked | UUID], dict[UUID, int], list[Bucket]]
_KNOWN: dict[UUID, _Marked] = {}
"""Resources as some transaction saw them last. Of a state that is still theirs PostgreSQL sends no more than the id:
most of a look at holds on many days was to write terms and calendars as JSON, and to read that."""
_MOST_KNOWN = 5000


async def queue_up(session: WriteSession, party: UUID) -> None:
    """Wait for this party's turn."""
    await rows(session, _QUEUE_UP, str(party))


async def look(session: WriteSession, resource_ids: Collection[UUID], parties: Collection[UUID]) -> Look:
    """What it takes to judge asks of these parties, but for the buckets; nothing is locked."""
    return (await look_and_lock(session, resource_ids, parties, ()))[0]


async def look_and_lock(
    session: WriteSession, resource_ids: Collection[UUID], parties: Collection[UUID], ids: Collection[UUID]
) -> tuple[Look, list[Bucket]]:
    """All that it takes to judge asks of these parties, and these buckets, locked. If one of them has no row yet, or a
    hold that is over is in the way, more must be locked before them: then none is, and none is given."""
    known = {one: _KNOWN[one] for one in resource_ids if one in _KNOWN}
    marks = [known[one][0] if one in known else None for one in resource_ids]
    [(seen,)] = await rows(session, _LOOK, list(resource_ids), list(parties), list(ids), marks)
    now, resources, open_holds, buckets = msgspec.json.decode(seen, type=_Seen)
    _remember([one for one in resources if not isinstance(one, UUID)])
    found = [known[one] if isinstance(one, UUID) else one for one in resources]
    return (now, [resource for _, resource in found], open_holds), buckets


def _remember(found: list[_Marked]) -> None:
    if len(_KNOWN) >= _MOST_KNOWN:
        _KNOWN.clear()
    _KNOWN.update({marked[1].id: marked for marked in found})
