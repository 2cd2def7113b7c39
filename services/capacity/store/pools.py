"""Pools and their shares."""

from collections.abc import Collection, Sequence
from uuid import UUID

from libs.kit.db import Session, WriteSession
from services.capacity.domain.pool import Pool, Share, ToPool
from services.capacity.store.rows import ROW, WRITE, read_as, rows
from services.capacity.tables import read, written

_POOL = ROW.format("pool") + "WHERE id = $1 "
_SHARES = ROW.format("pool_share") + "WHERE pool_id = ANY ($1::uuid[]) AND state = 'pledged' ORDER BY id FOR UPDATE"
_SHARE_OF = ROW.format("pool_share") + "WHERE pool_id = $1 AND party_id = $2 ORDER BY joined_at DESC LIMIT 1"
_OPEN_SHARES = "SELECT count(*) FROM pool_share WHERE party_id = $1 AND state = 'pledged'"
_ENDED = """SELECT to_json(pool)::text, CASE hold.state WHEN 'expired' THEN 'expire' ELSE 'close' END
      FROM pool JOIN hold USING (id)
     WHERE pool.state = 'open' AND hold.state IN ('expired', 'released', 'confirmed')
     ORDER BY pool.id LIMIT $1 FOR UPDATE OF pool SKIP LOCKED"""
_SAVE_POOLS = (
    WRITE.format("pool")
    + """(id) DO UPDATE
    SET (version, state, pledged) = (excluded.version, excluded.state, excluded.pledged)"""
)
_SAVE_SHARES = (
    WRITE.format("pool_share")
    + """(id) DO UPDATE
    SET (version, state, price) = (excluded.version, excluded.state, excluded.price)"""
)


async def pool(session: Session, pool_id: UUID) -> Pool | None:
    """A pool, not locked."""
    return next(iter(await read_as(session, Pool, _POOL, pool_id)), None)


async def locked_pool(session: WriteSession, pool_id: UUID) -> Pool | None:
    """A pool, with nobody else joining, leaving or ending it."""
    return next(iter(await read_as(session, Pool, _POOL + "FOR UPDATE", pool_id)), None)


async def ended_pools(session: WriteSession, most: int) -> list[tuple[Pool, ToPool]]:
    """Open pools whose hold has ended, locked, and how it did; those that somebody works on are left to them."""
    found = await rows(session, _ENDED, most)
    return [
        (one, how) for one, how in zip(read(Pool, (row[0] for row in found)), (row[1] for row in found), strict=True)
    ]


async def pledged(session: WriteSession, pool_ids: Collection[UUID]) -> list[Share]:
    """What is pledged to these pools, locked, in the order of joining."""
    return sorted(await read_as(session, Share, _SHARES, list(pool_ids)), key=lambda share: (share.joined_at, share.id))


async def share_of(session: Session, pool_id: UUID, party: UUID) -> Share | None:
    """The share that a party pledged last, not locked."""
    return next(iter(await read_as(session, Share, _SHARE_OF, pool_id, party)), None)


async def shares_of(session: Session, party: UUID) -> int:
    """How many shares a party has pledged, in all pools that are open."""
    count: int = (await rows(session, _OPEN_SHARES, party))[0][0]
    return count


async def save_pools(session: WriteSession, pools: Sequence[Pool], shares: Sequence[Share]) -> None:
    """Write pools, then shares, new or changed."""
    await rows(session, _SAVE_POOLS, written(pools))
    await rows(session, _SAVE_SHARES, written(shares))
