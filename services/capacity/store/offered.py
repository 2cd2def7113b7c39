"""What workshops offer: sites as the catalog tells of them, resources, and a look at what is free of them."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from uuid import UUID

from libs.kit.db import Session, WriteSession
from services.capacity.domain.offer import Resource, Site
from services.capacity.domain.plan import Room
from services.capacity.store.rows import BY_ID, ROW, WRITE, newest, read_as, rows
from services.capacity.tables import written

# --- sites -----------------------------------------------------------------------------------------------------------

_SITES = ROW.format("site") + "WHERE id = ANY ($1::uuid[])"
_KEEP_SITES = (
    WRITE.format("site") + "(id) DO UPDATE SET (version, time_zone, latitude, longitude)"
    " = (excluded.version, excluded.time_zone, excluded.latitude, excluded.longitude)"
)


async def keep_sites(session: WriteSession, sites: Sequence[Site]) -> None:
    """Upsert sites."""
    await rows(session, _KEEP_SITES, written(sites))


async def sites(session: Session, ids: Collection[UUID]) -> dict[UUID, Site]:
    """Those of these sites that are known, by id."""
    return {site.id: site for site in await read_as(session, Site, _SITES, list(ids))}


# --- resources -------------------------------------------------------------------------------------------------------

RESOURCES = BY_ID.format("resource")
_PUBLISH = WRITE.format("resource") + "DO NOTHING RETURNING id"
_CHANGED = ("version", "name", "kind", "processes", "terms", "calendar", "work", "pattern")
_CHANGE = newest(*_CHANGED)
# No local day is later than the next of UTC. now() stands still, so that the index finds what is due.
_SHORT = """WHERE pattern IS NOT NULL
    AND calendar ->> 'ends_on' < ((now() AT TIME ZONE 'UTC')::date + $1::int + 1)::text AND id <> ALL ($2::uuid[])
    ORDER BY calendar ->> 'ends_on' LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED"""
_OFFERING = """SELECT to_json(resource)::text FROM resource WHERE id IN (
        SELECT id FROM resource WHERE processes @> ARRAY[$1] AND unit = 'minutes'
           AND terms #>> '{price_per_unit,currency}' = $2
           AND coalesce(terms ->> 'visibility', 'public') = 'public'
           AND coalesce(terms ->> 'approval', 'automatic') = 'automatic'
           AND terms ->> 'party_percent' IS NULL AND coalesce((terms ->> 'newcomers_percent')::int, 0) = 0
           AND (calendar ->> 'starts_on')::date <= $4
           AND (calendar ->> 'ends_on')::date >= $3 ORDER BY (terms #>> '{price_per_unit,amount}')::int, id LIMIT $5)"""
Sold = tuple[str, str]
"""A process, and the currency it is sold in."""
Days = tuple[date, date]
_FREE = """WITH over AS (SELECT bucket_id, sum(quantity) AS quantity
          FROM hold, jsonb_to_recordset(allocations) AS part (bucket_id uuid, quantity int)
         WHERE state = 'held' AND expires_at <= statement_timestamp() GROUP BY bucket_id)
    SELECT resource_id, day,
           greatest(0, published - unattainable - held - committed - blocked + coalesce(over.quantity, 0))
      FROM bucket LEFT JOIN over ON bucket_id = bucket.id
     WHERE resource_id = ANY ($1::uuid[]) AND day BETWEEN $2 AND $3"""


async def publish(session: WriteSession, resources: Sequence[Resource]) -> set[UUID]:
    """Write new resources; those whose id is known are left as they are. Gives the ids of the new."""
    return {row[0] for row in await rows(session, _PUBLISH, written(resources))}


async def locked_resources(session: WriteSession, ids: Collection[UUID]) -> dict[UUID, Resource]:
    """These resources, with nobody else changing their calendars or touching a day of theirs for the first time."""
    found = await read_as(session, Resource, RESOURCES + "FOR NO KEY UPDATE", list(ids))
    return {resource.id: resource for resource in found}


async def save_resources(session: WriteSession, *resources: Resource) -> None:
    """Write what is new of locked resources."""
    await rows(session, WRITE.format("resource") + _CHANGE, written(resources))


async def short_of_days(session: WriteSession, horizon: int, but: Collection[UUID]) -> Resource | None:
    """A resource that works by a pattern and has fewer days published than the horizon, locked; not these, and not one
    that somebody works on."""
    due = await read_as(session, Resource, ROW.format("resource") + _SHORT, horizon, list(but))
    return next(iter(due), None)


async def resources(session: Session, ids: Collection[UUID]) -> dict[UUID, Resource]:
    """These resources, not locked."""
    return {resource.id: resource for resource in await read_as(session, Resource, RESOURCES, list(ids))}


async def offering(session: WriteSession, sold: Sold, days: Days, most: int) -> list[Resource]:
    """Resources that sell minutes of a process to everybody and at once between these days: the cheapest of them."""
    return await read_as(session, Resource, _OFFERING, *sold, *days, most)


async def rooms(session: WriteSession, offered: Iterable[Resource], days: Days, at: datetime) -> dict[UUID, Room]:
    """What is free of these resources between these days: a look, nothing is locked."""
    found = {resource.id: Room(resource, resource.first_day(at), {}, resource.last_day(at)) for resource in offered}
    for resource_id, day, free in await rows(session, _FREE, list(found), *days):
        found[resource_id].touched[day] = free
    return found
