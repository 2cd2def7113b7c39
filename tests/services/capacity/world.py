"""Workshops, holds and orders for the tests of capacity, and what the ledger must look like after whatever happened."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import msgspec
import pytest
from fastapi import Response
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from libs.contracts import capacity, catalog, orders
from libs.contracts.values import Money, Need, PartyKind
from libs.kit.auth import Principal
from libs.kit.db import Database, WriteSession
from libs.kit.ids import new_id
from libs.service.group_commit import Outcome
from libs.service.idempotency import Asked
from services.capacity.domain import terms as sold_on
from services.capacity.domain.calendar import Calendar, published_on
from services.capacity.domain.ledger import Bucket
from services.capacity.domain.offer import Resource
from services.capacity.domain.terms import Terms
from services.capacity.handlers import bookings, displacement, holds, resources
from services.capacity.handlers.holds import Ask
from services.capacity.handlers.orders import follow_orders
from services.capacity.handlers.sites import keep_sites

ZONE = "Europe/Rome"
Verb = Callable[..., Awaitable[Any]]
EVERY_DAY = [480] * 7


def principal(role: PartyKind = PartyKind.BRAND, party: UUID | None = None) -> Principal:
    return Principal(party or new_id(), role, "test", datetime.max.replace(tzinfo=UTC))


def a_resource(weekly: list[int] | None = None, **given: Any) -> Resource:
    """A bench that works 480 minutes every day of a year around today; `given` changes terms, calendar and the rest."""
    today = datetime.now().astimezone().date()
    terms = {"price_per_unit": sold_on.Money(50), "setup_price": sold_on.Money(1000)}
    calendar = {"exceptions": {}, "starts_on": today - timedelta(10), "ends_on": today + timedelta(365)}
    terms |= {one.name: given.pop(one.name) for one in fields(Terms) if one.name in given}
    calendar |= {name: given.pop(name) for name in calendar if name in given}
    plain = {
        "id": new_id(),
        "party_id": new_id(),
        "version": 1,
        "site_id": new_id(),
        "name": "Bench",
        "kind": "bench",
        "processes": ["lockstitch"],
        "unit": "minutes",
        "time_zone": ZONE,
    }
    return Resource(**plain | given, terms=Terms(**terms), calendar=Calendar(weekly=weekly or EVERY_DAY, **calendar))


def a_bucket(of: Resource, on: date) -> Bucket:
    """A day of a resource that nobody has touched."""
    gives = published_on(of.calendar, on)
    return Bucket(id=of.allocate(on, 1).bucket_id, party_id=of.party_id, resource_id=of.id, day=on, published=gives)


async def publish(db: Database, *published: Resource) -> None:
    await know_sites(db, *published)
    for resource in published:
        async with db.write(resource.party_id) as session:
            await resources.publish_resource(session, resource)


async def know_sites(db: Database, *published: Resource) -> None:
    """As if the catalog had told where these resources stand."""
    place = {"name": "Atelier", "municipality": "Milano", "latitude": 45.47, "longitude": 9.19}
    sites = [
        catalog.SiteRegistered(id=one.site_id, party_id=one.party_id, version=1, time_zone=one.time_zone, **place)
        for one in published
    ]
    async with db.work() as session:
        await keep_sites(session, sites)


async def publish_many(db: Database, published: Sequence[Resource]) -> None:
    """As a hub does, in one transaction."""
    hub = principal(PartyKind.HUB)
    await know_sites(db, *published)
    async with db.write(hub.party) as session:
        await resources.import_resources(session, hub, published)


def today(zone: str = ZONE) -> date:
    return a_resource(time_zone=zone).today(datetime.now().astimezone())


def day(number: int) -> date:
    """So many days from now."""
    return today() + timedelta(number)


def ask(party: UUID, *days: tuple[Resource, date, int], seconds: int = 900, key: str | None = None) -> Ask:
    asked = [(resource.id, on, quantity) for resource, on, quantity in days]
    return Ask(party, asked, seconds, Asked(party, key or str(new_id()), repr(asked).encode()))


async def hold(
    db: Database, party: UUID, *days: tuple[Resource, date, int], seconds: int = 900, sample: bool = False
) -> dict[str, Any]:
    """Place a hold; raises its problem."""
    asked = replace(ask(party, *days, seconds=seconds), sample=sample)
    [outcome] = await holds.placing(db).together([asked])
    return body(outcome)


async def book(db: Database, party: UUID, *days: tuple[Resource, date, int]) -> capacity.Booking:
    """Hold and confirm."""
    return await confirm(db, party, (await hold(db, party, *days))["id"])


def body(outcome: Outcome) -> dict[str, Any]:
    """The answer; raises a problem."""
    if not isinstance(outcome, Response):
        raise outcome
    parsed: dict[str, Any] = msgspec.json.decode(outcome.body)
    return parsed


def ledger(db: Database, party: UUID | None = None) -> AbstractAsyncContextManager[WriteSession]:
    """A transaction as the ledger's commands have it."""
    return db.write(party or new_id(), role=holds.LEDGER)


async def confirm(db: Database, party: UUID, hold_id: str | UUID) -> capacity.Booking:
    async with ledger(db, party) as session:
        return await holds.confirm_hold(session, principal(party=party), UUID(str(hold_id)))


async def release(db: Database, party: UUID, hold_id: str | UUID) -> capacity.Hold:
    async with ledger(db, party) as session:
        return await holds.release_hold(session, principal(party=party), UUID(str(hold_id)))


async def cancel(db: Database, party: UUID, booking_id: str | UUID) -> capacity.Booking:
    async with ledger(db, party) as session:
        return await bookings.cancel_booking(session, principal(party=party), UUID(str(booking_id)))


async def change_calendar(db: Database, resource: Resource, **changes: Any) -> capacity.Resource:
    async with db.write(resource.party_id) as session:
        workshop = principal(PartyKind.WORKSHOP, resource.party_id)
        return await resources.change_calendar(session, workshop, resource.id, replace(resource.calendar, **changes))


async def change_terms(db: Database, resource: Resource, **changes: Any) -> capacity.Resource:
    async with db.write(resource.party_id) as session:
        workshop = principal(PartyKind.WORKSHOP, resource.party_id)
        return await resources.change_terms(session, workshop, resource.id, replace(resource.terms, **changes))


async def sweep(db: Database) -> None:
    """What the jobs do."""
    kit: Any = SimpleNamespace(database=db)
    await holds.expire_holds(kit)
    await displacement.displace(kit)
    await bookings.pass_deadlines(kit)


async def act(db: Database, verb: Verb, party: UUID, claim_id: str | UUID, *given: Any) -> Any:
    """What a party does to a hold or booking, e.g. `act(db, bookings.start, workshop, id)`."""
    async with ledger(db, party) as session:
        return await verb(session, principal(party=party), UUID(str(claim_id)), *given)


async def time_passes(db: Database, claim_id: str | UUID) -> None:
    """The deadline of a hold or booking is over now; nobody has noticed."""
    async with db.work() as session:
        for table, column in (("hold", "expires_at"), ("booking", "deadline")):
            query = f"UPDATE {table} SET {column} = now() WHERE id = :id AND {column} > now()"
            await session.execute(text(query), {"id": UUID(str(claim_id))})


def once_found(monkeypatch: pytest.MonkeyPatch, planner: Any, somebody: Callable[[], Awaitable[object]]) -> None:
    """What somebody does between planning, which `find` of a module does, and holding."""
    find = planner.find

    async def raced(*given: Any) -> Any:
        found = await find(*given)
        await somebody()
        return found

    monkeypatch.setattr(planner, "find", raced)


# --- orders ----------------------------------------------------------------------------------------------------------


def an_order(
    *needs: tuple[str, int], first: int = 1, last: int = 5, pieces: int = 1, steps: int = 1, **changes: Any
) -> orders.OrderPlaced:
    """An order placed for these needs, in order, between two days from now."""
    line = orders.Line(
        product_id=new_id(),
        brand_id=new_id(),
        sku="S",
        quantity=pieces,
        price=Money(9900),
        needs=[Need(process=process, minutes=minutes, steps=steps) for process, minutes in needs],
    )
    given = {
        "id": new_id(),
        "version": 1,
        "party_id": new_id(),
        "state": orders.OrderState.PLACED,
        "lines": [line],
        "total": Money(9900),
        "earliest_day": day(first),
        "due_day": day(last),
    }
    return orders.OrderPlaced(**given | changes)


_AS = {
    "reserved": orders.OrderReserved,
    "confirmed": orders.OrderConfirmed,
    "refused": orders.OrderRefused,
    "cancelled": orders.OrderCancelled,
    "failed": orders.OrderFailed,
    "quarantined": orders.OrderQuarantined,
}


def then(order: orders.Order, state: str) -> orders.Order:
    """The order's next event."""
    fields = {name: getattr(order, name) for name in order.__struct_fields__}
    return _AS[state](**fields | {"version": order.version + 1, "state": orders.OrderState(state)})


async def hear(db: Database, *events: orders.Order) -> None:
    """What the consumer does with these events."""
    async with db.work() as session:
        await follow_orders(session, events)


# --- looking ---------------------------------------------------------------------------------------------------------


async def told(db: Database, aggregate: str | UUID, topic: str = "capacity.hold") -> list[str]:
    """The events of an aggregate, in order, by the end of their type."""
    async with db.work() as session:
        rows = await session.scalars(
            text("SELECT type FROM outbox WHERE aggregateid = :id AND aggregatetype = :topic ORDER BY seq"),
            {"id": UUID(str(aggregate)), "topic": topic},
        )
        return [row.split(".")[2] for row in rows]


async def last_told(db: Database, aggregate: str | UUID, topic: str = "capacity.hold") -> dict[str, Any]:
    async with db.work() as session:
        query = (
            "SELECT payload FROM outbox WHERE aggregateid = :id AND aggregatetype = :topic ORDER BY seq DESC LIMIT 1"
        )
        payload = await session.scalar(text(query), {"id": UUID(str(aggregate)), "topic": topic})
        return dict(payload if isinstance(payload, dict) else msgspec.json.decode(payload))


async def unattainable(db: Database, resource: Resource, on: date) -> int:
    """How much of what is taken of a day its calendar does not give any more."""
    async with db.work() as session:
        query = text("SELECT unattainable FROM bucket WHERE resource_id = :id AND day = :day")
        return int(await session.scalar(query, {"id": resource.id, "day": on}) or 0)


async def bucket(db: Database, resource: Resource, on: date) -> tuple[int, int, int] | None:
    """published, held, committed; none if nobody touched the day."""
    async with db.work() as session:
        query = text("SELECT published, held, committed FROM bucket WHERE resource_id = :id AND day = :day")
        row = (await session.execute(query, {"id": resource.id, "day": on})).one_or_none()
        return tuple(row) if row else None


async def faults(db: Database, *published: Resource) -> list[str]:
    """Everything that is wrong with the ledger of these resources: none, whatever happened."""
    async with db.work() as session:
        return await faults_in(session, published)


async def faults_in(session: AsyncSession | AsyncConnection, published: Sequence[Resource]) -> list[str]:
    """The same, in somebody's transaction."""
    clocks = ["expires_at", "placed_at", "deadline", "material_by", "material_at"]  # written differently here and there
    ids = {"ids": [resource.id for resource in published], "clocks": clocks}
    return [f"{what}: {row}" for what, query in _FAULTS.items() for row in await _found(session, query, ids)]


async def _found(session: AsyncSession | AsyncConnection, query: str, given: dict[str, Any]) -> Any:
    return await session.execute(text(query), {name: given[name] for name in given if f":{name}" in query})


_CLAIMS = """
    WITH claim AS (
        SELECT 'capacity.hold' AS topic, hold.id, version, part.*, to_jsonb(hold) AS row,
               quantity * (state = 'held')::int AS held, 0 AS committed
          FROM hold, jsonb_to_recordset(allocations) AS part (bucket_id uuid, resource_id uuid, quantity int)
        UNION ALL
        SELECT 'capacity.booking', booking.id, version, part.*, to_jsonb(booking), 0,
               quantity * (state = 'confirmed')::int
          FROM booking, jsonb_to_recordset(allocations) AS part (bucket_id uuid, resource_id uuid, quantity int)
    )
"""
_AGGREGATES = f"""{_CLAIMS}, aggregate AS (
        SELECT DISTINCT topic, id, version, row FROM claim WHERE resource_id = ANY (CAST(:ids AS uuid[]))
        UNION ALL
        SELECT 'capacity.bucket', id, version, to_jsonb(bucket) FROM bucket
         WHERE resource_id = ANY (CAST(:ids AS uuid[])) AND version > 0
    )
"""
UNTOLD = """
        SELECT topic, aggregate.id, aggregate.version, array_agg(outbox.version ORDER BY seq) FROM aggregate
          LEFT JOIN outbox ON aggregatetype = topic AND aggregateid = aggregate.id
         GROUP BY topic, aggregate.id, aggregate.version
        HAVING array_agg(outbox.version ORDER BY seq) <> ARRAY (SELECT generate_series(1, aggregate.version))
"""
"""Of what WITH calls aggregate, what has not an event for every version, in order."""
_FAULTS = {
    "the conservation law is broken": """
        SELECT id, published, held, committed, blocked FROM bucket WHERE resource_id = ANY (CAST(:ids AS uuid[]))
           AND (least(held, committed, blocked, unattainable) < 0 OR held + committed + blocked > published
                OR unattainable > 0 AND held + committed + blocked < published)""",
    "a bucket is not the sum of its claims": f"""{_CLAIMS}
        SELECT bucket.id, bucket.held, bucket.committed, sum(claim.held), sum(claim.committed)
          FROM bucket LEFT JOIN claim ON bucket_id = bucket.id WHERE bucket.resource_id = ANY (CAST(:ids AS uuid[]))
         GROUP BY bucket.id HAVING bucket.held <> coalesce(sum(claim.held), 0)
                                OR bucket.committed <> coalesce(sum(claim.committed), 0)""",
    "not every version has its event, in order": _AGGREGATES + UNTOLD,
    "the last event is not the state": f"""{_AGGREGATES}
        SELECT topic, row, payload FROM aggregate
          JOIN outbox ON aggregatetype = topic AND aggregateid = aggregate.id AND outbox.version = aggregate.version
         WHERE NOT payload::jsonb - CAST(:clocks AS text[]) @> row - CAST(:clocks AS text[])""",
}
