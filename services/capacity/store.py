"""The only SQL of capacity.

Lock order, for everybody: holds by id, bookings by id, resources by id, buckets by id. A hold that is looked for by its
expiry is locked before anything else in id order, or only if nobody has it. So nobody waits for each other in a ring.
What counts as now is the database's clock.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import TextClause, text

from libs.kit.db import WriteSession
from services.capacity.domain.ledger import Booking, Bucket, Hold, Ledger
from services.capacity.domain.offer import Allocation, Resource, published_on
from services.capacity.domain.plan import Room
from services.capacity.tables import R, read, written

_BY_ID = "SELECT to_json({0})::text FROM {0} WHERE id = ANY (CAST(:ids AS uuid[])) ORDER BY id"
_WRITE = "INSERT INTO {0} SELECT * FROM json_populate_recordset(NULL::{0}, CAST(:rows AS json)) ON CONFLICT "
_OVER = "SELECT to_json(hold)::text FROM hold WHERE state = 'held' AND expires_at <= (SELECT clock_timestamp()) "


async def _read(session: WriteSession, kind: type[R], query: TextClause, **given: Any) -> list[R]:
    return read(kind, await session.scalars(query, given))


async def now(session: WriteSession) -> datetime:
    """The ledger's clock."""
    moment: datetime = (await session.execute(text("SELECT clock_timestamp()"))).scalar_one()
    return moment


# --- resources -------------------------------------------------------------------------------------------------------

_RESOURCES = text(_BY_ID.format("resource"))
_RESOURCES_SHARED = text(_BY_ID.format("resource") + " FOR SHARE")
_RESOURCE_LOCKED = text(_BY_ID.format("resource") + " FOR NO KEY UPDATE")
_PUBLISH = text(_WRITE.format("resource") + "DO NOTHING RETURNING id")
_SAVE_RESOURCE = text(
    _WRITE.format("resource") + "(id) DO UPDATE SET version = excluded.version, calendar = excluded.calendar"
)
_SPEAK_FOR = text("SELECT set_config('app.parties', :parties, true)")
_LOOK = text("""
    SELECT json_build_object(
        'now', clock_timestamp(),
        'resources', (SELECT coalesce(json_agg(resource), '[]') FROM resource WHERE id = ANY (CAST(:ids AS uuid[]))),
        'open_holds', (SELECT json_object_agg(party, (
            SELECT count(*) FROM hold WHERE party_id = party AND state = 'held' AND order_id IS NULL
                                        AND expires_at > clock_timestamp()))
                         FROM unnest(CAST(:parties AS uuid[])) party))::text
""")
_OFFERING = text("""
    SELECT to_json(resource)::text FROM resource
     WHERE processes @> ARRAY[:process] AND unit = 'minutes' AND terms #>> '{price_per_unit,currency}' = :currency
       AND (calendar ->> 'starts_on')::date <= :last AND (calendar ->> 'ends_on')::date >= :first
     ORDER BY (terms #>> '{price_per_unit,amount}')::bigint, id LIMIT :most
""")


async def speak_for(session: WriteSession, parties: Iterable[UUID]) -> None:
    """Bind the transaction to these parties instead."""
    await session.execute(_SPEAK_FOR, {"parties": ",".join(map(str, parties))})


async def publish(session: WriteSession, resources: Sequence[Resource]) -> set[UUID]:
    """Write new resources; those whose id is known are left as they are. Gives the ids of the new."""
    return set(await session.scalars(_PUBLISH, {"rows": written(resources)}))


async def locked_resource(session: WriteSession, resource_id: UUID) -> Resource | None:
    """A resource, with nobody else changing its calendar or touching a day of it for the first time."""
    return next(iter(await _read(session, Resource, _RESOURCE_LOCKED, ids=[resource_id])), None)


async def save_resource(session: WriteSession, resource: Resource) -> None:
    """Write a locked resource's new calendar."""
    await session.execute(_SAVE_RESOURCE, {"rows": written([resource])})


@dataclass(frozen=True)
class Look:
    """What it takes to judge asks of these parties for these resources, but for the buckets."""

    now: datetime
    resources: list[Resource]
    open_holds: dict[UUID, int]
    """Party -> how many live holds it has placed itself."""


async def look(session: WriteSession, parties: Collection[UUID], resource_ids: Collection[UUID]) -> Look:
    """All that in one look, not locked."""
    seen = await session.scalar(_LOOK, {"parties": list(parties), "ids": list(resource_ids)})
    return msgspec.json.decode(seen, type=Look)


async def resources(session: WriteSession, ids: Collection[UUID]) -> dict[UUID, Resource]:
    """These resources, not locked."""
    return {resource.id: resource for resource in await _read(session, Resource, _RESOURCES, ids=list(ids))}


async def offering(
    session: WriteSession, process: str, currency: str, days: tuple[date, date], most: int
) -> list[Resource]:
    """Resources that sell minutes of a process between these days: the cheapest, if there are many."""
    given = {"process": process, "currency": currency, "first": days[0], "last": days[1], "most": most}
    return await _read(session, Resource, _OFFERING, **given)


# --- holds and bookings ----------------------------------------------------------------------------------------------

_HOLDS = text(_BY_ID.format("hold") + " FOR UPDATE")
_BOOKINGS = text(_BY_ID.format("booking") + " FOR UPDATE")
_OVERDUE = text(_OVER + "ORDER BY expires_at LIMIT :most FOR UPDATE SKIP LOCKED")
_IN_THE_WAY = _OVER + "AND allocations @> ANY (CAST(:parts AS jsonb[])) ORDER BY id FOR UPDATE"
_OVER_IN_THE_WAY, _OVER_AND_FREE = text(_IN_THE_WAY), text(_IN_THE_WAY + " SKIP LOCKED")


async def holds(session: WriteSession, ids: Collection[UUID]) -> dict[UUID, Hold]:
    """These holds, locked."""
    return {hold.id: hold for hold in await _read(session, Hold, _HOLDS, ids=list(ids))}


async def bookings(session: WriteSession, ids: Collection[UUID]) -> dict[UUID, Booking]:
    """These bookings, locked."""
    return {booking.id: booking for booking in await _read(session, Booking, _BOOKINGS, ids=list(ids))}


async def overdue(session: WriteSession, most: int) -> list[Hold]:
    """Holds whose time has come, locked; those that somebody works on are left to them."""
    return await _read(session, Hold, _OVERDUE, most=most)


# --- the ledger ------------------------------------------------------------------------------------------------------

_KNOWN = text("""
    SELECT ARRAY (SELECT id FROM bucket WHERE id = ANY (CAST(:ids AS uuid[]))) AS buckets, EXISTS (
        SELECT FROM hold WHERE state = 'held' AND expires_at <= (SELECT clock_timestamp())
                           AND allocations @> ANY (CAST(:parts AS jsonb[]))) AS over
""")
_TOUCH = text(_WRITE.format("bucket") + "DO NOTHING")
_BUCKETS = text(_BY_ID.format("bucket") + " FOR NO KEY UPDATE")
_BUCKETS_FROM = text("""
    SELECT to_json(bucket)::text FROM bucket WHERE resource_id = :resource AND day >= :first
     ORDER BY id FOR NO KEY UPDATE
""")
_SAVE = text("""
    WITH changed AS (
        UPDATE bucket SET version = new.version, published = new.published, held = new.held, committed = new.committed
          FROM json_populate_recordset(NULL::bucket, CAST(:buckets AS json)) new WHERE bucket.id = new.id),
    holds AS (
        INSERT INTO hold SELECT * FROM json_populate_recordset(NULL::hold, CAST(:holds AS json))
        ON CONFLICT (id) DO UPDATE SET version = excluded.version, state = excluded.state)
    INSERT INTO booking SELECT * FROM json_populate_recordset(NULL::booking, CAST(:bookings AS json))
    ON CONFLICT (id) DO UPDATE SET version = excluded.version, state = excluded.state
""")


async def open_ledger(
    session: WriteSession,
    wanted: Iterable[Allocation] = (),
    claims: Collection[Hold | Booking] = (),
    *,
    patient: bool = True,
) -> Ledger:
    """Lock the buckets that are wanted and those of these claims. Holds that are over and in the way of what is wanted
    are expired; who has locks already is not patient, and leaves those that another transaction works on."""
    by_bucket = {part.bucket_id: part for part in wanted}
    over = await _prepare(session, by_bucket, patient) if by_bucket else []
    over = [hold for hold in over if hold.id not in {claim.id for claim in claims}]
    ids = {part.bucket_id for claim in (*claims, *over) for part in claim.allocations}
    ledger = Ledger(await _read(session, Bucket, _BUCKETS, ids=[*by_bucket.keys() | ids]))
    for hold in over:
        ledger.expire(hold)
    return ledger


async def ledger_from(session: WriteSession, resource_id: UUID, first: date) -> Ledger:
    """Lock a resource's buckets from a day on."""
    return Ledger(await _read(session, Bucket, _BUCKETS_FROM, resource=resource_id, first=first))


async def save(session: WriteSession, ledger: Ledger) -> None:
    """Write what a transaction did with its ledger."""
    rows: dict[str, Sequence[Bucket | Hold | Booking]] = {
        "buckets": ledger.changed(),
        "holds": [change for change in ledger.changes if isinstance(change, Hold)],
        "bookings": [change for change in ledger.changes if isinstance(change, Booking)],
    }
    if any(rows.values()):
        await session.execute(_SAVE, {name: written(some) for name, some in rows.items()})


async def _prepare(session: WriteSession, wanted: Mapping[UUID, Allocation], patient: bool) -> list[Hold]:
    """Lock the holds that are over and in the way, and make the rows of days that nobody has touched."""
    parts = [f'[{{"bucket_id": "{bucket_id}"}}]' for bucket_id in wanted]
    known = (await session.execute(_KNOWN, {"ids": list(wanted), "parts": parts})).one()
    query = _OVER_IN_THE_WAY if patient else _OVER_AND_FREE
    over = await _read(session, Hold, query, parts=parts) if known.over else []
    if new := [wanted[bucket_id] for bucket_id in sorted(wanted.keys() - set(known.buckets))]:
        await _touch(session, new)
    return over


async def _touch(session: WriteSession, new: Sequence[Allocation]) -> None:
    """Their resources are locked, so that the calendars stay as read; the rows are made in id order, so that two first
    touches do not wait for each other in a ring."""
    ids = list({part.resource_id for part in new})
    shared = {resource.id: resource for resource in await _read(session, Resource, _RESOURCES_SHARED, ids=ids)}
    await session.execute(_TOUCH, {"rows": written([_untouched(shared[part.resource_id], part) for part in new])})


def _untouched(resource: Resource, part: Allocation) -> Bucket:
    return Bucket(
        id=part.bucket_id,
        party_id=resource.party_id,
        version=0,
        resource_id=resource.id,
        day=part.day,
        published=published_on(resource.calendar, part.day),
    )


# --- room for plans --------------------------------------------------------------------------------------------------

_FREE = text("""
    WITH over AS (
        SELECT bucket_id, sum(quantity) AS quantity
          FROM hold, jsonb_to_recordset(allocations) AS part (bucket_id uuid, quantity int)
         WHERE state = 'held' AND expires_at <= (SELECT clock_timestamp()) GROUP BY bucket_id)
    SELECT resource_id, day, published - held - committed - blocked + coalesce(over.quantity, 0) AS free
      FROM bucket LEFT JOIN over ON bucket_id = bucket.id
     WHERE resource_id = ANY (CAST(:ids AS uuid[])) AND day BETWEEN :first AND :last
""")


async def rooms(
    session: WriteSession, offered: Iterable[Resource], days: tuple[date, date], at: datetime
) -> dict[UUID, Room]:
    """What is free of these resources between these days: a look, nothing is locked."""
    found = {resource.id: Room(resource, resource.first_day(at), {}) for resource in offered}
    for row in await session.execute(_FREE, {"ids": list(found), "first": days[0], "last": days[1]}):
        found[row.resource_id].touched[row.day] = row.free
    return found


# --- idempotency keys of requests that are decided together: the rules of libs.kit.commands ---------------------------

Key = tuple[UUID, str]
"""Party and Idempotency-Key."""

# Waiting for the party makes its cap on open holds exact, whichever process decides.
_LOCK_KEYS = text("""
    SELECT party, key, pg_try_advisory_xact_lock(hashtextextended(party || ' ' || key, 0)) AS free,
           pg_advisory_xact_lock(hashtextextended('open holds of ' || party, 0)),
           (SELECT true FROM idempotency_key old WHERE old.party_id = party::uuid AND old.key = given.key) AS used
      FROM unnest(CAST(:parties AS text[]), CAST(:keys AS text[])) AS given (party, key)
""")
_ANSWERS = text("""
    SELECT party_id, key, request_hash, body FROM idempotency_key
     WHERE (party_id, key) IN (SELECT * FROM unnest(CAST(CAST(:parties AS text[]) AS uuid[]), CAST(:keys AS text[])))
""")
_REMEMBER = text("""
    INSERT INTO idempotency_key (party_id, key, request_hash, status, body)
    SELECT party, key, hash, 201, body
      FROM unnest(CAST(:parties AS uuid[]), CAST(:keys AS text[]), CAST(:hashes AS bytea[]), CAST(:bodies AS bytea[]))
        AS given (party, key, hash, body)
""")


@dataclass(frozen=True)
class Answered:
    """The first answer to a request."""

    request_hash: bytes
    body: bytes


async def lock_keys(session: WriteSession, keys: Collection[Key]) -> tuple[set[Key], dict[Key, Answered]]:
    """Take these keys for the transaction: those under which no other request is running, and the answers given before.

    An answer committed between the look and the lock is not seen: then `remember` fails, and the caller begins again.
    """
    ordered = sorted(keys)
    given = {"parties": [str(party) for party, _ in ordered], "keys": [key for _, key in ordered]}
    rows = (await session.execute(_LOCK_KEYS, given)).all()
    answered = await _answers(session, given) if any(row.used for row in rows) else {}
    return {(UUID(row.party), row.key) for row in rows if row.free}, answered


async def _answers(session: WriteSession, given: dict[str, list[str]]) -> dict[Key, Answered]:
    rows = await session.execute(_ANSWERS, given)
    return {(row.party_id, row.key): Answered(row.request_hash, row.body) for row in rows}


async def remember(session: WriteSession, answered: Mapping[Key, Answered]) -> None:
    """Keep these answers for requests sent again."""
    hashes, bodies = [one.request_hash for one in answered.values()], [one.body for one in answered.values()]
    keys = {"parties": [party for party, _ in answered], "keys": [key for _, key in answered]}
    await session.execute(_REMEMBER, keys | {"hashes": hashes, "bodies": bodies})
