"""Holds and bookings that a party makes itself."""

from collections.abc import AsyncIterator, Mapping, Sequence, Set
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from libs.contracts import capacity
from libs.kit.auth import Principal
from libs.kit.db import Database, WriteSession
from libs.kit.errors import Conflict, NotFound, Problem
from libs.kit.ids import new_id
from libs.service.group_commit import Decided, GroupCommit
from libs.service.idempotency import Asked
from libs.service.runtime import Kit
from services.capacity import store
from services.capacity.domain.agreement import deal
from services.capacity.domain.ledger import Booking, Hold, Ledger, NoRoomError
from services.capacity.domain.offer import NamedDays, Resource, bucket_id, check_sale, parts_of
from services.capacity.domain.qualification import Lack
from services.capacity.domain.quota import Limit, Standing, check, limits
from services.capacity.domain.terms import Refused
from services.capacity.handlers.facts import (
    PlacedHold,
    booking_event,
    deciding,
    hold_event,
    placed_hold,
    save_and_tell,
    saving_and_telling,
)
from services.capacity.handlers.jobs import while_more
from services.capacity.handlers.refusals import problem
from services.capacity.promise.today import Today
from services.capacity.search.qualified import Needed, check_qualified, lacking
from services.capacity.store import quota

LEDGER = "capacity_ledger"
"""The role that can touch the ledger's tables, of every party, and nothing else."""
MOST_OPEN_HOLDS = 200
"""Of one party, orders not counted: nobody can lock a city up."""
_SWEPT_AT_ONCE = 500


@dataclass(frozen=True)
class Ask:
    """What a party asks to hold, for how many seconds, and under which Idempotency-Key."""

    party_id: UUID
    days: NamedDays
    seconds: int
    asked: Asked
    sample: bool = False
    """Less than the minimum, where samples are sold."""
    needed: Needed = field(default_factory=dict)
    today: Today | None = None
    """Of this day no more than is left of it."""


# --- placing ---------------------------------------------------------------------------------------------------------


def placing(database: Database) -> GroupCommit[Ask]:
    """Holds of many parties are decided together, in the role that may do so."""
    return GroupCommit(database, LEDGER, store.TURN, place_holds)


async def place_holds(session: WriteSession, asks: Sequence[Ask]) -> Decided:
    """Decide asks of any parties, whose turn it is, in their order: each is held whole, or is refused and changes
    nothing."""
    resource_ids = {resource_id for ask in asks for resource_id, _, _ in ask.days}
    parties = {ask.party_id for ask in asks}
    ids = {bucket_id(resource_id, day) for ask in asks for resource_id, day, _ in ask.days}
    (now, resources, open_holds), buckets = await store.look_and_lock(session, resource_ids, parties, ids)
    known = {resource.id: resource for resource in resources}
    lacks = await lacking(session, known, (ask.needed for ask in asks))
    offers = [_offered(ask, known, now, lacks) for ask in asks]
    wanted = [part for offer in offers if isinstance(offer, Hold) for part in offer.allocations]
    ledger = Ledger(buckets) if buckets else await store.open_ledger(session, wanted)
    shared = [part for part in wanted if known[part.resource_id].terms.is_shared_out]
    seen = await quota.standing(session, shared, parties) if shared else None
    decided = [
        _placed(ledger, offer, ask.today, known, open_holds, seen) if isinstance(offer, Hold) else problem(offer)
        for ask, offer in zip(asks, offers, strict=True)
    ]
    return decided, saving_and_telling(session, ledger)


def _offered(ask: Ask, known: Mapping[UUID, Resource], now: datetime, lacks: Set[Lack]) -> Hold | Refused:
    """The hold that is asked for, if there is room."""
    try:
        asked = parts_of(known, ask.days, ask.party_id)
        check_sale(asked, ask.party_id, now, sample=ask.sample)
        check_qualified(asked, ask.needed, lacks)
    except Refused as refused:
        return refused
    parts, until = [part for _, part in asked], now + timedelta(seconds=ask.seconds)
    return Hold(id=new_id(), party_id=ask.party_id, allocations=parts, placed_at=now, expires_at=until)


def _placed(
    ledger: Ledger,
    hold: Hold,
    today: Today | None,
    known: Mapping[UUID, Resource],
    open_holds: dict[UUID, int],
    seen: Standing | None,
) -> PlacedHold | Problem:
    try:
        if open_holds[hold.party_id] >= MOST_OPEN_HOLDS:
            told = f"You have {MOST_OPEN_HOLDS} open holds; confirm or release some first."
            raise Refused("TOO_MANY_HOLDS", told)
        shares = limits(hold, known, ledger.buckets, seen) if seen else []
        check(hold, shares, known)
        if today:
            today.check(ledger, known, hold.allocations)
        ledger.place(hold)
    except NoRoomError as error:
        return problem(error.told(known[error.asked.resource_id]))
    except Refused as refused:
        return problem(refused)
    open_holds[hold.party_id] += 1
    caps = [Limit(code="open_holds", most=MOST_OPEN_HOLDS, used=open_holds[hold.party_id])]
    if seen:
        seen.add(hold)
        caps += limits(hold, known, ledger.buckets, seen)
    return placed_hold(hold, caps)


# --- confirming, releasing -------------------------------------------------------------------------------------------


async def confirm_hold(session: WriteSession, caller: Principal, hold_id: UUID) -> capacity.Booking:
    """Make a hold of the caller's firm. Raises NotFound, or Conflict if it is over or its workshop decides by hand."""
    async with _changing(session, caller, hold_id) as (hold, ledger, now):
        hold.follow("confirm", now)
        await _check_approval(session, hold)
        [booking] = await make_firm(session, ledger, [hold], now)
    return booking_event(booking)


async def _check_approval(session: WriteSession, hold: Hold) -> None:
    resources = await store.resources(session, {part.resource_id for part in hold.allocations})
    for resource in resources.values():
        if resource.terms.approval == "by_hand" and resource.party_id != hold.party_id:
            raise Refused("NEEDS_APPROVAL", f"The workshop of {resource.name} decides by hand; propose the hold.")


async def release_hold(session: WriteSession, caller: Principal, hold_id: UUID) -> capacity.Hold:
    """Give a hold of the caller's back. Raises NotFound, or Conflict if it is over."""
    async with _changing(session, caller, hold_id) as (hold, ledger, now):
        released = ledger.release(hold, now)
    return hold_event(released)


async def make_firm(session: WriteSession, ledger: Ledger, holds: Sequence[Hold], now: datetime) -> list[Booking]:
    """Confirm live holds at today's prices and terms. Raises Refused."""
    ids = {part.resource_id for hold in holds for part in hold.allocations}
    resources = await store.resources(session, ids) if ids else {}
    parts = {hold.id: [(resources[part.resource_id], part) for part in hold.allocations] for hold in holds}
    return [ledger.confirm(hold, deal(parts[hold.id], now), now) for hold in holds]


@asynccontextmanager
async def _changing(
    session: WriteSession, caller: Principal, hold_id: UUID
) -> AsyncIterator[tuple[Hold, Ledger, datetime]]:
    """A hold of the caller's with its buckets; then what was done with it is saved and told."""
    hold = (await store.holds(session, [hold_id])).get(hold_id)
    if hold is None or hold.party_id != caller.party:
        raise NotFound("You have no such hold or booking; check the id.")
    if hold.order_id:
        raise Conflict("This was taken for an order of yours; cancel the order instead.", code="BELONGS_TO_ORDER")
    ledger = await store.open_ledger(session, claims=[hold])
    async with deciding(session, ledger):
        yield hold, ledger, await store.now(session)


# --- expiring --------------------------------------------------------------------------------------------------------


async def expire_holds(kit: Kit) -> None:
    """Free the room of every hold whose time has come, and tell it."""
    await while_more(kit, _expire_some)


async def _expire_some(session: WriteSession) -> bool:
    over = await store.overdue(session, _SWEPT_AT_ONCE)
    ledger = await store.open_ledger(session, claims=over)
    for hold in over:
        ledger.expire(hold)
    await save_and_tell(session, ledger)
    return len(over) == _SWEPT_AT_ONCE
