"""Pooling: a workshop opens a pool, firms pledge shares of it, and it fires or lets everybody go."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import msgspec

from libs.contracts import capacity_queues as queues
from libs.contracts.capacity_answers import Pledge
from libs.contracts.values import PartyKind
from libs.kit.auth import Principal
from libs.kit.db import Session, WriteSession
from libs.kit.errors import Conflict, NotFound
from libs.kit.ids import new_id
from libs.messaging import outbox
from libs.service.runtime import Kit
from services.capacity import store
from services.capacity.domain.agreement import deal
from services.capacity.domain.ledger import Hold
from services.capacity.domain.offer import Resource
from services.capacity.domain.pool import Pool, Share, check_pool, check_share, fired
from services.capacity.domain.terms import Refused
from services.capacity.handlers.facts import deciding, pool_event, save_and_tell, share_event
from services.capacity.handlers.holds import LEDGER, MOST_OPEN_HOLDS
from services.capacity.handlers.jobs import while_more
from services.capacity.handlers.refusals import refusing

MOST_PLEDGES = 50
"""Shares of one party that no pool has fired: nobody can fill a city's pools and leave."""
_ENDED_AT_ONCE = 100


@dataclass(frozen=True)
class Opening:
    """What a workshop sets aside, the least that must come together (its terms' minimum unless stated), until when."""

    resource_id: UUID
    day: date
    quantity: int
    minimum: int | None
    closes_at: datetime


class Pooled(msgspec.Struct, frozen=True):
    """A pool, and the share that the caller pledged last, if any."""

    pool: queues.Pool
    share: queues.PoolShare | None


# --- the workshop ----------------------------------------------------------------------------------------------------


async def open_pool(session: WriteSession, caller: Principal, asked: Opening) -> queues.Pool:
    """Set room aside for who pools. Raises NotFound, or Conflict if there is no room or it could not be booked."""
    caller.must_be(PartyKind.WORKSHOP, PartyKind.LAB)
    await store.queue_up(session, caller.party)
    now, known, open_holds = await store.look(session, [asked.resource_id], [caller.party])
    if not known or known[0].party_id != caller.party:
        raise NotFound("You have no such resource; check the id.")
    if open_holds[caller.party] >= MOST_OPEN_HOLDS:
        raise Conflict(f"You have {MOST_OPEN_HOLDS} open holds; release some first.", code="TOO_MANY_HOLDS")
    pool = _pool(asked, known[0])
    with refusing():
        check_pool(pool, known[0], now)
    hold = pool.hold(known[0], now)
    ledger = await store.open_ledger(session, hold.allocations)
    async with deciding(session, ledger, known):
        ledger.place(hold)
    await _save(session, [pool])
    return pool_event(pool)


def _pool(asked: Opening, resource: Resource) -> Pool:
    terms = resource.terms
    return Pool(
        id=new_id(),
        party_id=resource.party_id,
        resource_id=resource.id,
        day=asked.day,
        quantity=asked.quantity,
        minimum=asked.minimum or terms.minimum_quantity,
        price_per_unit=terms.price_per_unit,
        setup_price=terms.setup_price,
        minimum_charge=terms.minimum_charge,
        closes_at=asked.closes_at,
    )


async def close_pool(session: WriteSession, caller: Principal, pool_id: UUID) -> queues.Pool:
    """Let everybody go, and free the room. Raises NotFound, or Conflict if the pool is over."""
    pool = await store.locked_pool(session, pool_id)
    if pool is None or pool.party_id != caller.party:
        raise NotFound("You have no such pool; check the id.")
    shares = await store.pledged(session, [pool_id])
    with refusing():
        closed, (hold, now) = pool.after("close"), await _live(session, pool)
    ledger = await store.open_ledger(session, claims=[hold])
    ledger.release(hold, now)
    await save_and_tell(session, ledger)
    await _save(session, [closed], [share.after("free") for share in shares])
    return pool_event(closed)


# --- who shares ------------------------------------------------------------------------------------------------------


async def join_pool(session: WriteSession, caller: Principal, pool_id: UUID, quantity: int) -> Pledge:
    """Pledge a share; if the minimum is met by it, all shares are booked. Raises NotFound or Conflict."""
    await store.queue_up(session, caller.party)
    pool = await store.locked_pool(session, pool_id)
    pool, resource = await _seen(session, pool, caller.party)
    shares = await store.pledged(session, [pool_id])
    await _check_pledges(session, caller.party, shares)
    with refusing():
        check_share(resource, caller.party, quantity)
        after, (hold, now) = pool.joined(quantity), await _live(session, pool)
    share = pool.share(new_id(), caller.party, quantity, now)
    await _save(session, [after], [share])
    if after.state == "fired":
        *_, share = await _fire(session, fired(after, [*shares, share]), resource, hold, now)
    return await _pledge(session, share, after)


async def leave_pool(session: WriteSession, caller: Principal, pool_id: UUID) -> Pledge:
    """Take a pledge back while the pool is open. Raises NotFound, or Conflict if it is over."""
    pool = await store.locked_pool(session, pool_id)
    shares = await store.pledged(session, [pool_id])
    share = next((one for one in shares if one.party_id == caller.party), None)
    share = share or await store.share_of(session, pool_id, caller.party)
    if pool is None or share is None:
        raise NotFound("You have no share of such a pool; check the id.")
    with refusing():
        left = share.after("leave")
        after = pool.after("leave", -share.quantity)
    await _save(session, [after], [left])
    return await _pledge(session, left, after)


async def _pledge(session: Session, share: Share, pool: Pool) -> Pledge:
    resource = (await store.resources(session, [pool.resource_id]))[pool.resource_id]
    told = msgspec.convert(pool, queues.PoolPledged, from_attributes=True)
    known = msgspec.structs.asdict(share_event(share))
    return Pledge(**known, pool=told if resource.is_seen_by(share.party_id) else None)


async def look_at_pool(kit: Kit, caller: Principal, pool_id: UUID) -> Pooled:
    """What anybody may see of a pool, and the caller's own share. Raises NotFound."""
    async with kit.database.read(caller.party, role=LEDGER) as session:
        pool, _ = await _seen(session, await store.pool(session, pool_id), caller.party)
        share = await store.share_of(session, pool_id, caller.party)
        return Pooled(pool_event(pool), share_event(share) if share else None)


async def _seen(session: Session, pool: Pool | None, party: UUID) -> tuple[Pool, Resource]:
    """A pool with its resource, if there is one for this party to see."""
    resources = await store.resources(session, [pool.resource_id]) if pool else {}
    if pool is None or not resources[pool.resource_id].is_seen_by(party):
        raise NotFound("There is no such pool; check the id.")
    return pool, resources[pool.resource_id]


async def _check_pledges(session: WriteSession, party: UUID, shares: Sequence[Share]) -> None:
    if any(share.party_id == party for share in shares):
        raise Conflict("You have a share of this pool; leave it first to pledge another.", code="ALREADY_IN_POOL")
    if await store.shares_of(session, party) >= MOST_PLEDGES:
        raise Conflict(f"You have {MOST_PLEDGES} shares pledged; leave some pools first.", code="TOO_MANY_PLEDGES")


async def _live(session: WriteSession, pool: Pool) -> tuple[Hold, datetime]:
    """The pool's hold, locked, and now. Raises Refused if the pool's time is over, or its room is gone."""
    hold, now = (await store.holds(session, [pool.id]))[pool.id], await store.now(session)
    if hold.state != "held" or hold.is_over(now):
        raise Refused("POOL_OVER", "The pool is over; hold room of your own, or wait for another pool.")
    return hold, now


async def _fire(
    session: WriteSession, shares: Sequence[Share], resource: Resource, whole: Hold, now: datetime
) -> Sequence[Share]:
    """The room changes hands in one transaction: from the pool's hold to a booking for each share; the rest is free."""
    ledger = await store.open_ledger(session, claims=[whole])
    ledger.release(whole, now)
    for share in shares:
        room = ledger.place(share.hold(whole))
        ledger.confirm(room, deal([(resource, part) for part in room.allocations], now, share.price), now)
    await save_and_tell(session, ledger)
    await _save(session, [], shares)
    return shares


# --- the end ---------------------------------------------------------------------------------------------------------


async def end_pools(kit: Kit) -> None:
    """Let everybody go whose pool's hold has ended: its time came, or the workshop used the room otherwise."""
    await while_more(kit, _end_some)


async def _end_some(session: WriteSession) -> bool:
    ended = await store.ended_pools(session, _ENDED_AT_ONCE)
    shares = await store.pledged(session, [pool.id for pool, _ in ended])
    await _save(session, [pool.after(how) for pool, how in ended], [share.after("free") for share in shares])
    return len(ended) == _ENDED_AT_ONCE


async def _save(session: WriteSession, pools: Sequence[Pool], shares: Sequence[Share] = ()) -> None:
    if pools or shares:
        await store.save_pools(session, pools, shares)
        await outbox.add(session, *map(pool_event, pools), *map(share_event, shares))
