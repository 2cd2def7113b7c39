"""Proposals: a hold that its workshop decides on by hand, with days or a price of its own if it likes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from libs.contracts import capacity
from libs.kit.auth import Principal
from libs.kit.db import WriteSession
from libs.kit.errors import Conflict, NotFound
from services.capacity import store
from services.capacity.domain.agreement import deal
from services.capacity.domain.claims import Hold, Proposal, Reason
from services.capacity.domain.ledger import Ledger
from services.capacity.domain.life import HoldEvent
from services.capacity.domain.offer import NamedDays, Parts, check_price, price
from services.capacity.domain.terms import MOST_TO_PAY, Money, Refused
from services.capacity.handlers.bookings import check_days_ahead, own_days
from services.capacity.handlers.facts import booking_seen_by, deciding, hold_event


@dataclass(frozen=True)
class _At:
    """A hold at hand, locked, with what it is made of."""

    hold: Hold
    ledger: Ledger
    now: datetime
    parts: Parts

    @property
    def until(self) -> datetime:
        """So long who is asked may think about it."""
        return self.now + timedelta(hours=min(resource.terms.answer_hours for resource, _ in self.parts))


async def propose(session: WriteSession, caller: Principal, hold_id: UUID) -> capacity.Hold:
    """Ask the workshop of a hold of the caller's to book it, at today's price."""
    async with _at(session, caller, hold_id) as at:
        if at.hold.party_id != caller.party:
            raise Refused("WRONG_SIDE", "This is for who holds to decide; ask it to.")
        if len({resource.party_id for resource, _ in at.parts}) > 1:
            raise Refused("SEVERAL_WORKSHOPS", "Hold the days of each workshop by themselves, and propose each hold.")
        hold = at.ledger.propose(at.hold, Proposal("workshop", price(at.parts)), at.until, at.now)
    return hold_event(hold)


async def amend(
    session: WriteSession, caller: Principal, hold_id: UUID, days: NamedDays, amount: int | None
) -> capacity.Hold:
    """Hold these days of the caller's resources instead of what was proposed to it, at a price in minor units or, if
    none is named, at that of the terms. The holder accepts or rejects it."""
    own = await own_days(session, caller.party, days)
    async with _at(session, caller, hold_id, own) as at:
        if caller.party not in {resource.party_id for resource, _ in at.parts}:
            raise Refused("WRONG_SIDE", "This is for the workshop to decide; ask it to.")
        proposal = Proposal("holder", _asked_price(at, own, amount))
        check_days_ahead(own, at.now)
        hold = at.ledger.amend(at.hold, [part for _, part in own], proposal, at.until, at.now)
    return hold_event(hold)


def _asked_price(at: _At, own: Parts, amount: int | None) -> Money:
    currencies = {resource.terms.price_per_unit.currency for resource, _ in (*at.parts, *own)}
    if len(currencies) > 1:
        raise Refused("MIXED_CURRENCIES", "What was proposed is sold in another currency; reject it instead.")
    check_price(own)
    if amount is not None and amount > MOST_TO_PAY:
        raise Refused("TOO_EXPENSIVE", f"{amount} minor units: over {MOST_TO_PAY}; ask for less.")
    return price(own) if amount is None else Money(amount, currencies.pop())


async def accept(session: WriteSession, caller: Principal, hold_id: UUID) -> capacity.Booking:
    """Agree to what the other side proposed: a booking of the same id, at the proposed price."""
    async with _at(session, caller, hold_id) as at:
        at.hold.follow(event := _acceptance(at, caller.party), at.now)
        assert at.hold.proposal  # noqa: S101 - the table lets nothing else be accepted
        made = deal(at.parts, at.now, at.hold.proposal.price)
        booking = at.ledger.confirm(at.hold, made, at.now, event=event)
    return booking_seen_by(caller.party, booking)


def _acceptance(at: _At, party: UUID) -> HoldEvent:
    """Who is both holder and workshop speaks for who is asked."""
    if party != at.hold.party_id:
        return "accept by workshop"
    both = at.hold.proposal and at.hold.proposal.awaiting == "workshop" and party == at.parts[0][0].party_id
    return "accept by workshop" if both else "accept by holder"


async def reject(session: WriteSession, caller: Principal, hold_id: UUID) -> capacity.Hold:
    """Do not agree, as either side: the hold is over."""
    async with _at(session, caller, hold_id) as at:
        who = "holder" if caller.party == at.hold.party_id else "workshop"
        reason = Reason("REJECTED", f"The {who} rejected the proposal.")
        hold = at.ledger.release(at.hold, at.now, event="reject", reason=reason)
    return hold_event(hold)


@asynccontextmanager
async def _at(session: WriteSession, caller: Principal, hold_id: UUID, wanted: Parts = ()) -> AsyncIterator[_At]:
    """A hold that the caller placed or is asked for, with its buckets; then what was done with it is saved and told."""
    hold = (await store.holds(session, [hold_id])).get(hold_id)
    if hold is None or caller.party not in {hold.party_id, *(part.workshop_id for part in hold.allocations)}:
        raise NotFound("You have no such hold or booking; check the id.")
    if hold.order_id:
        raise Conflict(
            "This was taken for an order; it is not proposed: cancel the order instead.", code="BELONGS_TO_ORDER"
        )
    resources = await store.resources(session, {part.resource_id for part in hold.allocations})
    ledger = await store.open_ledger(session, [part for _, part in wanted], [hold], patient=False)
    parts = [(resources[part.resource_id], part) for part in hold.allocations]
    async with deciding(session, ledger, [resource for resource, _ in wanted]):
        yield _At(hold, ledger, await store.now(session), parts)
