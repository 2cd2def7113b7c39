"""The ledger: buckets are locked, handed to the domain, and saved as it leaves them."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from uuid import UUID

from libs.kit.db import Write, WriteSession
from services.capacity.domain.calendar import published_on
from services.capacity.domain.ledger import Booking, Bucket, Claim, Hold, Ledger
from services.capacity.domain.offer import Allocation, Resource
from services.capacity.store.claims import IS_OVER, OVER_IN_THE_WAY
from services.capacity.store.offered import RESOURCES
from services.capacity.store.rows import BY_ID, ROW, WRITE, newest, read_as, rows
from services.capacity.tables import written

_KNOWN = f"""SELECT ARRAY (SELECT id FROM bucket WHERE id = ANY ($1::uuid[])),
           EXISTS (SELECT FROM hold WHERE {IS_OVER} AND allocations @> ANY ($2::jsonb[]))
"""  # noqa: S608 - nothing but constants
_TOUCH = WRITE.format("bucket") + "DO NOTHING"
_BUCKETS = BY_ID.format("bucket") + "FOR NO KEY UPDATE"
_BUCKETS_FROM = (
    ROW.format("bucket")
    + """JOIN unnest($1::uuid[], $2::date[]) AS asked (resource_id, first)
    USING (resource_id) WHERE day >= first ORDER BY id FOR NO KEY UPDATE OF bucket"""
)
_TOUCHED = """SELECT resource_id, count(*) FROM bucket JOIN unnest($1::uuid[], $2::date[]) AS asked (resource_id, first)
    USING (resource_id) WHERE day >= first GROUP BY resource_id"""
_SAVE_BUCKETS = """
    UPDATE bucket SET (version, published, held, committed, unattainable)
         = (new.version, new.published, new.held, new.committed, new.unattainable)
      FROM json_populate_recordset(NULL::bucket, $1::json) new WHERE bucket.id = new.id"""
_HOLD = newest("version", "state", "allocations", "expires_at", "refusal", "proposal")
_SAVE_HOLDS = WRITE.format("hold") + _HOLD
_BOOKING = newest(
    "version",
    "state",
    "allocations",
    "ending",
    "stage",
    "deadline",
    "material_by",
    "material_at",
    "actual",
    "displaced_by",
    "promised",
)
_SAVE_BOOKINGS = WRITE.format("booking") + _BOOKING


async def open_ledger(
    session: WriteSession, wanted: Iterable[Allocation] = (), claims: Collection[Claim] = (), *, patient: bool = True
) -> Ledger:
    """Lock the buckets that are wanted and those of these claims. Holds that are over and in the way of what is wanted
    are expired; who has locks already is not patient, and leaves those that another transaction works on."""
    by_bucket = {part.bucket_id: part for part in wanted}
    over = await _prepare(session, by_bucket, patient) if by_bucket else []
    over = [hold for hold in over if hold.id not in {claim.id for claim in claims}]
    ids = {part.bucket_id for claim in (*claims, *over) for part in claim.allocations}
    ledger = Ledger(await read_as(session, Bucket, _BUCKETS, [*by_bucket.keys() | ids]))
    for hold in over:
        ledger.expire(hold)
    return ledger


async def ledger_from(session: WriteSession, first: Mapping[UUID, date]) -> Ledger:
    """Lock the buckets of each of these resources from a day on."""
    return Ledger(await read_as(session, Bucket, _BUCKETS_FROM, [*first], [*first.values()]))


async def touched(session: WriteSession, first: Mapping[UUID, date]) -> Counter[UUID]:
    """How many buckets each of these resources has from a day on; nothing is locked."""
    return Counter(dict(await rows(session, _TOUCHED, [*first], [*first.values()])))


def saving(changes: Sequence[Claim], buckets: Sequence[Bucket]) -> list[Write]:
    """Claims and buckets as a transaction leaves them, to be written."""
    saved: dict[str, Sequence[Bucket | Claim]] = {
        _SAVE_BUCKETS: buckets,
        # One that was placed and confirmed at once has two versions, and one row.
        _SAVE_HOLDS: [*{change.id: change for change in changes if isinstance(change, Hold)}.values()],
        _SAVE_BOOKINGS: [change for change in changes if isinstance(change, Booking)],
    }
    return [Write(statement, (written(changed),)) for statement, changed in saved.items() if changed]


async def _prepare(session: WriteSession, wanted: Mapping[UUID, Allocation], patient: bool) -> list[Hold]:
    """Lock the holds that are over and in the way, and make the rows of days that nobody has touched."""
    parts = [f'[{{"bucket_id": "{bucket_id}"}}]' for bucket_id in wanted]
    [(known, are_over)] = await rows(session, _KNOWN, list(wanted), parts)
    query = OVER_IN_THE_WAY if patient else OVER_IN_THE_WAY + " SKIP LOCKED"
    over = await read_as(session, Hold, query, parts) if are_over else []
    if new := [wanted[bucket_id] for bucket_id in sorted(wanted.keys() - set(known))]:
        await _touch(session, new)
    return over


async def _touch(session: WriteSession, new: Sequence[Allocation]) -> None:
    """Their resources are locked, so that the calendars stay as read; the rows are made in id order, so that two first
    touches do not wait for each other in a ring."""
    ids = list({part.resource_id for part in new})
    shared = {resource.id: resource for resource in await read_as(session, Resource, RESOURCES + "FOR SHARE", ids)}
    await rows(session, _TOUCH, written([_untouched(shared[part.resource_id], part) for part in new]))


def _untouched(resource: Resource, part: Allocation) -> Bucket:
    gives = published_on(resource.calendar, part.day)
    return Bucket(id=part.bucket_id, party_id=resource.party_id, resource_id=resource.id, day=part.day, published=gives)
