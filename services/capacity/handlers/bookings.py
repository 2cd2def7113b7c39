"""Bookings: what buyer and workshops do with them."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.contracts import capacity
from libs.kit.auth import Principal
from libs.kit.db import WriteSession
from libs.kit.errors import Conflict, NotFound
from services.capacity import store
from services.capacity.domain.agreement import Ending, Side, first_days, owed
from services.capacity.domain.ledger import Booking, Ledger
from services.capacity.domain.offer import Resource
from services.capacity.domain.terms import Refused
from services.capacity.handlers.facts import booking_seen_by, save_and_tell


@dataclass(frozen=True)
class At:
    """A booking at hand, locked: who works on it, in which ledger, at what time."""

    booking: Booking
    party: UUID
    ledger: Ledger
    now: datetime
    resources: Mapping[UUID, Resource]

    @property
    def side(self) -> Side:
        """Who the caller is to this booking."""
        return "buyer" if self.party == self.booking.party_id else "workshop"

    def days_left(self) -> dict[UUID, int]:
        """How many days are left until each workshop's work begins, by resource, on the clocks of the sites."""
        first = first_days(self.booking.allocations)
        known = (self.resources[part.resource_id] for part in self.booking.agreed)
        return {one.id: (first[one.party_id] - one.today(self.now)).days for one in known}


async def cancel_booking(session: WriteSession, caller: Principal, booking_id: UUID) -> capacity.Booking:
    """Cancel a booking, as who booked or as a workshop whose time it is, and free its room; what is due for it is data
    of the booking. Raises NotFound, or Conflict if it was cancelled before."""
    async with at_booking(session, caller, booking_id) as at:
        cancelled = at.ledger.cancel(at.booking, ending(at, at.side, "CANCELLED", f"Cancelled by the {at.side}."))
    return booking_seen_by(caller.party, cancelled)


def ending(at: At, side: Side, code: str, message: str) -> Ending:
    """The end of a booking, and what the ladder says is due for it."""
    parts = [one for one in at.booking.agreed if side != "workshop" or one.workshop_id == at.party]
    return Ending(by=side, code=code, message=message, due=owed(parts, side, at.booking.party_id, at.days_left()))


async def with_resources(
    session: WriteSession, bookings: Iterable[Booking], ledger: Ledger, now: datetime
) -> dict[UUID, At]:
    """Locked bookings of any parties, each with what it takes to end it."""
    asked = list(bookings)
    ids = {part.resource_id for booking in asked for part in booking.agreed}
    resources = await store.resources(session, ids) if ids else {}
    return {booking.id: At(booking, booking.party_id, ledger, now, resources) for booking in asked}


@asynccontextmanager
async def at_booking(session: WriteSession, caller: Principal, booking_id: UUID) -> AsyncIterator[At]:
    """A booking that the caller made or works on, with its buckets; then what was done with it is saved and told."""
    booking = (await store.bookings(session, [booking_id])).get(booking_id)
    if booking is None or caller.party not in _concerned(booking):
        raise NotFound("You have no such hold or booking.")
    if booking.order_id and caller.party == booking.party_id:
        raise Conflict("This was taken for an order of yours; cancel the order instead.", code="BELONGS_TO_ORDER")
    ledger = await store.open_ledger(session, claims=[booking])
    known = await with_resources(session, [booking], ledger, await store.now(session))
    at = known[booking.id]
    try:
        yield At(booking, caller.party, ledger, at.now, at.resources)
    except Refused as refused:
        raise Conflict(refused.message, code=refused.code) from None
    await save_and_tell(session, ledger)


def _concerned(booking: Booking) -> Collection[UUID]:
    return {booking.party_id, *(part.workshop_id for part in booking.allocations)}
