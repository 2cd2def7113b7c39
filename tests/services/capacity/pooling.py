"""Pooling, for the tests: what workshops and firms do, and when the books of a pool do not balance."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import text

from libs.contracts import capacity_queues as queues
from libs.contracts.capacity_answers import Pledge
from libs.contracts.values import PartyKind
from libs.kit.db import Database
from libs.kit.ids import new_id
from services.capacity.domain.offer import Resource
from services.capacity.handlers import pools
from tests.services.capacity import world
from tests.services.capacity.world import day


async def open_pool(
    db: Database, bench: Resource, quantity: int = 300, minimum: int | None = 240, on: int = 2, **given: Any
) -> queues.Pool:
    closes_at = given.pop("closes_at", datetime.now(UTC) + timedelta(hours=12))
    workshop = world.principal(PartyKind.WORKSHOP, given.pop("party", bench.party_id))
    opening = pools.Opening(bench.id, day(on), quantity, minimum, closes_at)
    async with world.ledger(db, workshop.party) as session:
        return await pools.open_pool(session, workshop, opening)


async def join(db: Database, pool: queues.Pool, quantity: int, party: UUID | None = None) -> Pledge:
    caller = world.principal(party=party or new_id())
    async with world.ledger(db, caller.party) as session:
        return await pools.join_pool(session, caller, pool.id, quantity)


async def leave(db: Database, pool: queues.Pool, party: UUID) -> Pledge:
    async with world.ledger(db, party) as session:
        return await pools.leave_pool(session, world.principal(party=party), pool.id)


async def close(db: Database, pool: queues.Pool) -> queues.Pool:
    async with world.ledger(db, pool.party_id) as session:
        return await pools.close_pool(session, world.principal(PartyKind.WORKSHOP, pool.party_id), pool.id)


async def look(db: Database, pool: queues.Pool, party: UUID | None = None) -> pools.Pooled:
    return await pools.look_at_pool(SimpleNamespace(database=db), world.principal(party=party), pool.id)


async def end(db: Database) -> None:
    """What the jobs do when a pool's time has come."""
    await world.sweep(db)
    await pools.end_pools(SimpleNamespace(database=db))


async def states(db: Database, pool: queues.Pool, shares: Iterable[queues.PoolShare] = ()) -> list[str]:
    """Of the pool, then of these shares."""
    seen = [await look(db, pool, share.party_id) for share in shares]
    return [(await look(db, pool, pool.party_id)).pool.state, *(one.share.state for one in seen if one.share)]


async def faults(db: Database, *opened: queues.Pool) -> list[str]:
    """Everything that is wrong with these pools: none, whatever happened."""
    ids = {"ids": [pool.id for pool in opened]}
    async with db.work() as session:
        return [f"{what}: {row}" for what, query in _FAULTS.items() for row in await session.execute(text(query), ids)]


_AGGREGATES = """WITH aggregate AS (
        SELECT 'capacity.pool' AS topic, id, version, to_jsonb(pool) AS row FROM pool
         WHERE id = ANY (CAST(:ids AS uuid[]))
        UNION ALL SELECT 'capacity.share', id, version, to_jsonb(pool_share) FROM pool_share
         WHERE pool_id = ANY (CAST(:ids AS uuid[])))
"""
_FAULTS = {
    "not every version has its event, in order": _AGGREGATES + world.UNTOLD,
    "the last event is not the state": f"""{_AGGREGATES}
        SELECT topic, row, payload FROM aggregate JOIN outbox
            ON aggregatetype = topic AND aggregateid = aggregate.id AND outbox.version = aggregate.version
         WHERE NOT payload::jsonb @> row - ARRAY['joined_at', 'closes_at']""",
    "what is pledged is not the sum of the shares": """
        SELECT pool.id, state, pledged FROM pool WHERE id = ANY (CAST(:ids AS uuid[])) AND state IN ('open', 'fired')
           AND pledged <> (SELECT coalesce(sum(quantity), 0) FROM pool_share WHERE pool_id = pool.id
                              AND pool_share.state = CASE pool.state WHEN 'open' THEN 'pledged' ELSE 'booked' END)""",
    "shares do not pay what the pool costs": """
        SELECT pool.id, setup_price, price_per_unit, pledged FROM pool
         WHERE id = ANY (CAST(:ids AS uuid[])) AND state = 'fired'
           AND greatest((setup_price ->> 'amount')::int + (price_per_unit ->> 'amount')::int * pledged,
                        (minimum_charge ->> 'amount')::int)
            <> (SELECT sum((price ->> 'amount')::int) FROM pool_share WHERE pool_id = pool.id AND state = 'booked')""",
    "a share costs more than it was told": """
        SELECT * FROM pool_share WHERE pool_id = ANY (CAST(:ids AS uuid[]))
           AND (price ->> 'amount')::int > (at_most ->> 'amount')::int""",
    "a pool and its hold disagree": """
        SELECT pool.id, pool.state, hold.state FROM pool JOIN hold USING (id) WHERE pool.id = ANY (CAST(:ids AS uuid[]))
           AND NOT CASE pool.state WHEN 'fired' THEN hold.state = 'released' WHEN 'lapsed' THEN hold.state = 'expired'
                   WHEN 'closed' THEN hold.state IN ('released', 'confirmed') ELSE true END""",
    "a share and its pool or booking disagree": """
        SELECT share.id, share.state, pool.state, booking.price FROM pool_share share JOIN pool ON pool.id = pool_id
          LEFT JOIN booking ON booking.id = share.id WHERE pool_id = ANY (CAST(:ids AS uuid[]))
           AND NOT CASE share.state WHEN 'pledged' THEN pool.state = 'open' AND booking.id IS NULL
                   WHEN 'booked' THEN pool.state = 'fired' AND booking.price = share.price
                                  AND booking.party_id = share.party_id
                   WHEN 'released' THEN pool.state IN ('lapsed', 'closed') AND booking.id IS NULL
                   ELSE booking.id IS NULL END""",
}
