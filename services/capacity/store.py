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
_SPEAK_FOR = text("SELECT set_config('app.parties', concat_ws(',', current_setting('app.parties'), :parties), true)")
_OFFERING = text("""
    SELECT to_json(resource)::text FROM resource
     WHERE processes @> ARRAY[:process] AND unit = 'minutes' AND terms #>> '{price_per_unit,currency}' = :currency
       AND (calendar ->> 'starts_on')::date <= :last AND (calendar ->> 'ends_on')::date >= :first
     ORDER BY (terms #>> '{price_per_unit,amount}')::bigint, id LIMIT :most
""")


async def speak_for(session: WriteSession, parties: Iterable[UUID]) -> None:
    """Bind the transaction to these parties too."""
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
_OPEN = text("""
    SELECT party, (SELECT count(*) FROM hold WHERE party_id = party AND state = 'held' AND order_id IS NULL
                                               AND expires_at > clock_timestamp()) AS open
      FROM unnest(CAST(:parties AS uuid[])) party
""")


async def holds(session: WriteSession, ids: Collection[UUID]) -> dict[UUID, Hold]:
    """These holds, locked."""
    return {hold.id: hold for hold in await _read(session, Hold, _HOLDS, ids=list(ids))}


async def bookings(session: WriteSession, ids: Collection[UUID]) -> dict[UUID, Booking]:
    """These bookings, locked."""
    return {booking.id: booking for booking in await _read(session, Booking, _BOOKINGS, ids=list(ids))}


async def overdue(session: WriteSession, most: int) -> list[Hold]:
    """Holds whose time has come, locked; those that somebody works on are left to them."""
    return await _read(session, Hold, _OVERDUE, most=most)


async def open_holds(session: WriteSession, parties: Collection[UUID]) -> dict[UUID, int]:
    """How many live holds each party has placed itself."""
    found = await session.execute(_OPEN, {"parties": list(parties)})
    return {row.party: row.open for row in found}


# --- the ledger ------------------------------------------------------------------------------------------------------

_KNOWN = text("SELECT id FROM bucket WHERE id = ANY (CAST(:ids AS uuid[]))")
_TOUCH = text(_WRITE.format("bucket") + "DO NOTHING")
_BUCKETS = text(_BY_ID.format("bucket") + " FOR NO KEY UPDATE")
_BUCKETS_FROM = text("""
    SELECT to_json(bucket)::text FROM bucket WHERE resource_id = :resource AND day >= :first
     ORDER BY id FOR NO KEY UPDATE
""")
_SAVE_BUCKETS = text("""
    UPDATE bucket SET version = new.version, published = new.published, held = new.held, committed = new.committed
      FROM json_populate_recordset(NULL::bucket, CAST(:rows AS json)) new WHERE bucket.id = new.id
""")
_SAVE_HOLDS, _SAVE_BOOKINGS = (
    text(_WRITE.format(table) + "(id) DO UPDATE SET version = excluded.version, state = excluded.state")
    for table in ("hold", "booking")
)


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
    over = await _over_in_the_way(session, by_bucket, patient) if by_bucket else []
    over = [hold for hold in over if hold.id not in {claim.id for claim in claims}]
    await _touch(session, by_bucket)
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
    await _write(session, _SAVE_BUCKETS, ledger.changed())
    await _write(session, _SAVE_HOLDS, [change for change in ledger.changes if isinstance(change, Hold)])
    await _write(session, _SAVE_BOOKINGS, [change for change in ledger.changes if isinstance(change, Booking)])


async def _write(session: WriteSession, statement: TextClause, rows: Sequence[Bucket | Hold | Booking]) -> None:
    if rows:
        await session.execute(statement, {"rows": written(rows)})


async def _over_in_the_way(session: WriteSession, bucket_ids: Iterable[UUID], patient: bool) -> list[Hold]:
    parts = [f'[{{"bucket_id": "{bucket_id}"}}]' for bucket_id in bucket_ids]
    return await _read(session, Hold, _OVER_IN_THE_WAY if patient else _OVER_AND_FREE, parts=parts)


async def _touch(session: WriteSession, wanted: Mapping[UUID, Allocation]) -> None:
    """Make the rows of days that nobody has touched. Their resources are locked, so that the calendars stay as read;
    the rows are made in id order, so that two first touches do not wait for each other in a ring."""
    known = set(await session.scalars(_KNOWN, {"ids": list(wanted)})) if wanted else set()
    new = [wanted[bucket_id] for bucket_id in sorted(wanted.keys() - known)]
    if new:
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
           pg_advisory_xact_lock(hashtextextended('open holds of ' || party, 0))
      FROM unnest(CAST(:parties AS text[]), CAST(:keys AS text[])) AS given (party, key)
""")
_ANSWERS = text("""
    SELECT party_id, key, request_hash, body FROM idempotency_key
     WHERE (party_id, key) IN (SELECT * FROM unnest(CAST(:parties AS uuid[]), CAST(:keys AS text[])))
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


async def lock_keys(session: WriteSession, keys: Collection[Key]) -> set[Key]:
    """Take these keys for the transaction; gives those under which no other request is running."""
    ordered = sorted(keys)
    given = {"parties": [str(party) for party, _ in ordered], "keys": [key for _, key in ordered]}
    return {(UUID(row.party), row.key) for row in await session.execute(_LOCK_KEYS, given) if row.free}


async def answers(session: WriteSession, keys: Collection[Key]) -> dict[Key, Answered]:
    """The answers given before under these keys."""
    rows = await session.execute(_ANSWERS, {"parties": [party for party, _ in keys], "keys": [key for _, key in keys]})
    return {(row.party_id, row.key): Answered(row.request_hash, row.body) for row in rows}


async def remember(session: WriteSession, answered: Mapping[Key, Answered]) -> None:
    """Keep these answers for requests sent again."""
    hashes, bodies = [one.request_hash for one in answered.values()], [one.body for one in answered.values()]
    keys = {"parties": [party for party, _ in answered], "keys": [key for _, key in answered]}
    await session.execute(_REMEMBER, keys | {"hashes": hashes, "bodies": bodies})
