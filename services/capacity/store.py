"""The only SQL of capacity.

Lock order, for everybody: holds by id, bookings by id, resources by id, buckets by id. A hold that is looked for by its
expiry is locked before anything else in id order, or only if nobody has it. So nobody waits for each other in a ring.
What counts as now is the database's clock.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from libs.kit.db import Session, WriteSession
from services.capacity.domain.ledger import Booking, Bucket, Claim, Hold, Ledger
from services.capacity.domain.offer import Allocation, Resource, Site, published_on
from services.capacity.domain.plan import Room
from services.capacity.tables import R, read, written

_ROW = "SELECT to_json({0})::text FROM {0} "
_BY_ID = _ROW + "WHERE id = ANY ($1::uuid[]) ORDER BY id "
_WRITE = "INSERT INTO {0} SELECT * FROM json_populate_recordset(NULL::{0}, $1::json) ON CONFLICT "


async def _rows(session: Session, query: str, *given: object) -> list[Any]:
    """Ask asyncpg, in the session's transaction: SQLAlchemy's layers take longer than one of these small statements.

    It must be asked for the connection inside a savepoint: only then does it make it.
    """
    if "driver" not in session.info or session.in_nested_transaction():
        session.info["driver"] = (await (await session.connection()).get_raw_connection()).driver_connection
    rows: list[Any] = await session.info["driver"].fetch(query, *given)
    return rows


async def _read(session: Session, kind: type[R], query: str, *given: object) -> list[R]:
    return read(kind, (row[0] for row in await _rows(session, query, *given)))


async def now(session: WriteSession) -> datetime:
    """The ledger's clock."""
    moment: datetime = (await _rows(session, "SELECT clock_timestamp()"))[0][0]
    return moment


# --- sites -----------------------------------------------------------------------------------------------------------

_SITES = _ROW.format("site") + "WHERE id = ANY ($1::uuid[])"
_KEEP_SITES = _WRITE.format("site") + "(id) DO UPDATE SET (version, time_zone) = (excluded.version, excluded.time_zone)"


async def keep_sites(session: WriteSession, sites: Sequence[Site]) -> None:
    """Upsert sites."""
    await _rows(session, _KEEP_SITES, written(sites))


async def sites(session: Session, ids: Collection[UUID]) -> dict[UUID, Site]:
    """Those of these sites that are known, by id."""
    return {site.id: site for site in await _read(session, Site, _SITES, list(ids))}


# --- resources -------------------------------------------------------------------------------------------------------

_RESOURCES = _BY_ID.format("resource")
_PUBLISH = _WRITE.format("resource") + "DO NOTHING RETURNING id"
_RESHIFT = _WRITE.format("resource") + "(id) DO UPDATE SET (version, calendar) = (excluded.version, excluded.calendar)"
_OFFERING = """SELECT to_json(resource)::text FROM resource WHERE id IN (
        SELECT id FROM resource WHERE processes @> ARRAY[$1] AND unit = 'minutes'
           AND terms #>> '{price_per_unit,currency}' = $2 AND (calendar ->> 'starts_on')::date <= $4
           AND (calendar ->> 'ends_on')::date >= $3 ORDER BY (terms #>> '{price_per_unit,amount}')::int, id LIMIT $5)"""
Sold = tuple[str, str]
"""A process, and the currency it is sold in."""
Days = tuple[date, date]
_FREE = """WITH over AS (SELECT bucket_id, sum(quantity) AS quantity
          FROM hold, jsonb_to_recordset(allocations) AS part (bucket_id uuid, quantity int)
         WHERE state = 'held' AND expires_at <= (SELECT clock_timestamp()) GROUP BY bucket_id)
    SELECT resource_id, day, published - held - committed - blocked + coalesce(over.quantity, 0)
      FROM bucket LEFT JOIN over ON bucket_id = bucket.id
     WHERE resource_id = ANY ($1::uuid[]) AND day BETWEEN $2 AND $3"""


async def publish(session: WriteSession, resources: Sequence[Resource]) -> set[UUID]:
    """Write new resources; those whose id is known are left as they are. Gives the ids of the new."""
    return {row[0] for row in await _rows(session, _PUBLISH, written(resources))}


async def locked_resource(session: WriteSession, resource_id: UUID) -> Resource | None:
    """A resource, with nobody else changing its calendar or touching a day of it for the first time."""
    return next(iter(await _read(session, Resource, _RESOURCES + "FOR NO KEY UPDATE", [resource_id])), None)


async def save_resource(session: WriteSession, resource: Resource) -> None:
    """Write a locked resource's new calendar."""
    await _rows(session, _RESHIFT, written([resource]))


async def resources(session: WriteSession, ids: Collection[UUID]) -> dict[UUID, Resource]:
    """These resources, not locked."""
    return {resource.id: resource for resource in await _read(session, Resource, _RESOURCES, list(ids))}


async def offering(session: WriteSession, sold: Sold, days: Days, most: int) -> list[Resource]:
    """Resources that sell minutes of a process between these days: the cheapest, if there are many."""
    return await _read(session, Resource, _OFFERING, *sold, *days, most)


async def rooms(session: WriteSession, offered: Iterable[Resource], days: Days, at: datetime) -> dict[UUID, Room]:
    """What is free of these resources between these days: a look, nothing is locked."""
    found = {resource.id: Room(resource, resource.first_day(at), {}) for resource in offered}
    for resource_id, day, free in await _rows(session, _FREE, list(found), *days):
        found[resource_id].touched[day] = free
    return found


# --- holds and bookings ----------------------------------------------------------------------------------------------

_IS_OVER = "state = 'held' AND expires_at <= (SELECT clock_timestamp())"
_OVER = _ROW.format("hold") + f"WHERE {_IS_OVER} "
_OVERDUE = _OVER + "ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED"
_OVER_IN_THE_WAY = _OVER + "AND allocations @> ANY ($1::jsonb[]) ORDER BY id FOR UPDATE"
_QUEUE_UP = "SELECT pg_advisory_xact_lock(hashtextextended('open holds of ' || party, 0)) FROM unnest($1::text[]) party"
_LOOK = """SELECT json_build_array(
        clock_timestamp(), (SELECT coalesce(json_agg(resource), '[]') FROM resource WHERE id = ANY ($1::uuid[])),
        (SELECT json_object_agg(party, (
            SELECT count(*) FROM hold
             WHERE party_id = party AND state = 'held' AND order_id IS NULL AND expires_at > clock_timestamp()))
           FROM unnest($2::uuid[]) party))::text"""


async def holds(session: WriteSession, ids: Collection[UUID]) -> dict[UUID, Hold]:
    """These holds, locked."""
    return {hold.id: hold for hold in await _read(session, Hold, _BY_ID.format("hold") + "FOR UPDATE", list(ids))}


async def bookings(session: WriteSession, ids: Collection[UUID]) -> dict[UUID, Booking]:
    """These bookings, locked."""
    found = await _read(session, Booking, _BY_ID.format("booking") + "FOR UPDATE", list(ids))
    return {booking.id: booking for booking in found}


async def overdue(session: WriteSession, most: int) -> list[Hold]:
    """Holds whose time has come, locked; those that somebody works on are left to them."""
    return await _read(session, Hold, _OVERDUE, most)


Look = tuple[datetime, list[Resource], dict[UUID, int]]
"""Now, resources, and for each party how many live holds it has placed itself."""


async def queue_up(session: WriteSession, parties: Collection[UUID]) -> None:
    """Wait for these parties' turn, which makes their cap on open holds exact, whichever process decides."""
    await _rows(session, _QUEUE_UP, sorted(map(str, parties)))


async def look(session: WriteSession, resource_ids: Collection[UUID], parties: Collection[UUID]) -> Look:
    """What it takes to judge asks of these parties, but for the buckets; nothing is locked."""
    [(seen,)] = await _rows(session, _LOOK, list(resource_ids), list(parties))
    decoded: Look = msgspec.json.decode(seen, type=Look)
    return decoded


# --- the ledger ------------------------------------------------------------------------------------------------------

_KNOWN = f"""SELECT ARRAY (SELECT id FROM bucket WHERE id = ANY ($1::uuid[])),
           EXISTS (SELECT FROM hold WHERE {_IS_OVER} AND allocations @> ANY ($2::jsonb[]))
"""  # noqa: S608 - nothing but constants
_TOUCH = _WRITE.format("bucket") + "DO NOTHING"
_BUCKETS = _BY_ID.format("bucket") + "FOR NO KEY UPDATE"
_BUCKETS_FROM = _ROW.format("bucket") + "WHERE resource_id = $1 AND day >= $2 ORDER BY id FOR NO KEY UPDATE"
_SAVE = """WITH buckets AS (
        UPDATE bucket SET (version, published, held, committed) = (new.version, new.published, new.held, new.committed)
          FROM json_populate_recordset(NULL::bucket, $1::json) new WHERE bucket.id = new.id),
    holds AS (INSERT INTO hold SELECT * FROM json_populate_recordset(NULL::hold, $2::json)
        ON CONFLICT (id) DO UPDATE SET version = excluded.version, state = excluded.state)
    INSERT INTO booking SELECT * FROM json_populate_recordset(NULL::booking, $3::json)
    ON CONFLICT (id) DO UPDATE SET version = excluded.version, state = excluded.state"""


async def open_ledger(
    session: WriteSession, wanted: Iterable[Allocation] = (), claims: Collection[Claim] = (), *, patient: bool = True
) -> Ledger:
    """Lock the buckets that are wanted and those of these claims. Holds that are over and in the way of what is wanted
    are expired; who has locks already is not patient, and leaves those that another transaction works on."""
    by_bucket = {part.bucket_id: part for part in wanted}
    over = await _prepare(session, by_bucket, patient) if by_bucket else []
    over = [hold for hold in over if hold.id not in {claim.id for claim in claims}]
    ids = {part.bucket_id for claim in (*claims, *over) for part in claim.allocations}
    ledger = Ledger(await _read(session, Bucket, _BUCKETS, [*by_bucket.keys() | ids]))
    for hold in over:
        ledger.expire(hold)
    return ledger


async def ledger_from(session: WriteSession, resource_id: UUID, first: date) -> Ledger:
    """Lock a resource's buckets from a day on."""
    return Ledger(await _read(session, Bucket, _BUCKETS_FROM, resource_id, first))


async def save(session: WriteSession, ledger: Ledger) -> None:
    """Write what a transaction did with its ledger."""
    buckets = ledger.changed()
    holds = [change for change in ledger.changes if isinstance(change, Hold)]
    bookings = [change for change in ledger.changes if isinstance(change, Booking)]
    if buckets or holds or bookings:
        await _rows(session, _SAVE, written(buckets), written(holds), written(bookings))


async def _prepare(session: WriteSession, wanted: Mapping[UUID, Allocation], patient: bool) -> list[Hold]:
    """Lock the holds that are over and in the way, and make the rows of days that nobody has touched."""
    parts = [f'[{{"bucket_id": "{bucket_id}"}}]' for bucket_id in wanted]
    [(known, are_over)] = await _rows(session, _KNOWN, list(wanted), parts)
    query = _OVER_IN_THE_WAY if patient else _OVER_IN_THE_WAY + " SKIP LOCKED"
    over = await _read(session, Hold, query, parts) if are_over else []
    if new := [wanted[bucket_id] for bucket_id in sorted(wanted.keys() - set(known))]:
        await _touch(session, new)
    return over


async def _touch(session: WriteSession, new: Sequence[Allocation]) -> None:
    """Their resources are locked, so that the calendars stay as read; the rows are made in id order, so that two first
    touches do not wait for each other in a ring."""
    ids = list({part.resource_id for part in new})
    shared = {resource.id: resource for resource in await _read(session, Resource, _RESOURCES + "FOR SHARE", ids)}
    await _rows(session, _TOUCH, written([_untouched(shared[part.resource_id], part) for part in new]))


def _untouched(resource: Resource, part: Allocation) -> Bucket:
    gives = published_on(resource.calendar, part.day)
    return Bucket(id=part.bucket_id, party_id=resource.party_id, resource_id=resource.id, day=part.day, published=gives)
