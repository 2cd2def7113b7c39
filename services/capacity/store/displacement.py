"""Days that give less than was taken of them, or enough again: which are unsettled, and who stands on them."""

from collections.abc import Collection, Sequence
from uuid import UUID

from libs.kit.db import WriteSession
from services.capacity.domain.claims import Booking, Hold
from services.capacity.store.claims import bookings, holds
from services.capacity.store.rows import rows

# Short of more than those give who are displaced already, with somebody left to give way; or a displaced booking whose
# days would do without it.
_UNSETTLED = """
    WITH part AS (SELECT booking.id, bucket_id, quantity
          FROM booking, jsonb_to_recordset(allocations) AS part (bucket_id uuid, quantity int)
         WHERE stage = 'displaced'),
    given AS (SELECT bucket_id, sum(quantity) AS quantity FROM part GROUP BY bucket_id),
    back AS (SELECT part.id FROM part JOIN given USING (bucket_id) JOIN bucket ON bucket.id = bucket_id
         GROUP BY part.id HAVING bool_and(unattainable <= given.quantity - part.quantity
                                          AND bucket_id <> ALL ($2::uuid[])) LIMIT $1)
    (SELECT bucket.id FROM bucket LEFT JOIN given ON bucket_id = bucket.id
      WHERE unattainable > coalesce(given.quantity, 0) AND bucket.id <> ALL ($2::uuid[])
        AND (held > 0 OR EXISTS (SELECT FROM booking WHERE stage IN ('awaiting_material', 'firm', 'moved')
             AND allocations @> jsonb_build_array(jsonb_build_object('bucket_id', bucket.id)))) LIMIT $1)
    UNION SELECT bucket_id FROM part WHERE id IN (SELECT id FROM back)
"""
_HOLDS_ON = "SELECT id FROM hold WHERE state = 'held' AND allocations @> ANY ($1::jsonb[])"
_BOOKINGS_ON = "SELECT id FROM booking WHERE state <> 'cancelled' AND allocations @> ANY ($1::jsonb[])"


async def unsettled(session: WriteSession, most: int, but: Collection[UUID] = ()) -> set[UUID]:
    """Days on which somebody must give way, or may come back, but for these; a look, nothing is locked."""
    return {row[0] for row in await rows(session, _UNSETTLED, most, list(but))}


async def claims_on(session: WriteSession, days: Collection[UUID]) -> tuple[Sequence[Hold], Sequence[Booking]]:
    """Everything that stands on these days, locked: live holds, and bookings that are not cancelled."""
    parts = [f'[{{"bucket_id": "{bucket_id}"}}]' for bucket_id in days]
    held = await holds(session, [row[0] for row in await rows(session, _HOLDS_ON, parts)])
    booked = await bookings(session, [row[0] for row in await rows(session, _BOOKINGS_ON, parts)])
    return [one for one in held.values() if one.state == "held"], list(booked.values())
