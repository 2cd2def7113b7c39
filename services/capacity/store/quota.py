"""What parties have of days that are shared out, and which parties are new."""

from collections import Counter
from collections.abc import Collection, Sequence
from uuid import UUID

from libs.kit.db import WriteSession
from services.capacity.domain.offer import Allocation
from services.capacity.domain.quota import NEW_UNTIL, Standing
from services.capacity.store.rows import rows

_TAKEN = """
    SELECT party_id, part.bucket_id, sum(quantity)::int FROM (
        SELECT party_id, allocations FROM hold
         WHERE state = 'held' AND expires_at > clock_timestamp() AND allocations @> ANY ($2::jsonb[])
        UNION ALL
        SELECT party_id, allocations FROM booking
         WHERE state <> 'cancelled' AND allocations @> ANY ($2::jsonb[])) claim,
           jsonb_to_recordset(allocations) AS part (bucket_id uuid, quantity int)
     WHERE part.bucket_id = ANY ($1::uuid[]) GROUP BY party_id, part.bucket_id
"""
_NEW = f"""
    SELECT party FROM unnest($1::uuid[]) party WHERE {NEW_UNTIL} > (SELECT count(*) FROM (
        SELECT FROM booking WHERE party_id = party AND state <> 'cancelled' LIMIT {NEW_UNTIL}) AS had)
"""  # noqa: S608 - nothing but constants


async def standing(session: WriteSession, shared: Sequence[Allocation], parties: Collection[UUID]) -> Standing:
    """Of these days, whose buckets are locked already, so that it stays so; and who of these parties is new."""
    ids = sorted({part.bucket_id for part in shared})
    wanted = [f'[{{"bucket_id": "{bucket_id}"}}]' for bucket_id in ids]
    taken = Counter({(party, key): quantity for party, key, quantity in await rows(session, _TAKEN, ids, wanted)})
    everybody = {*parties, *(party for party, _ in taken)}
    return Standing({row[0] for row in await rows(session, _NEW, list(everybody))}, taken)
