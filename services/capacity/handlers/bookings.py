"""Bookings: what buyers and workshops do with them, and what happens when a deadline passes."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from libs.contracts import capacity
from libs.kit.auth import Principal
from libs.kit.db import WriteSession
from libs.kit.errors import NotFound
from libs.service.runtime import Kit
from services.capacity import store
from services.capacity.domain.agreement import (
    Due,
    Ending,
    Side,
    first_days,
    material_by,
    owed_by_buyer,
    owed_by_workshops,
    owed_of_begun,
)
from services.capacity.domain.claims import Booking, all_completed
from services.capacity.domain.displacement import answer_by, check_move, check_turn
from services.capacity.domain.ledger import Ledger
from services.capacity.domain.life import BookingEvent
from services.capacity.domain.offer import Allocation, NamedDays, Parts, Resource
from services.capacity.domain.terms import Refused
from services.capacity.handlers.facts import booking_seen_by, deciding, save_and_tell
from services.capacity.handlers.jobs import while_more

_AT_ONCE = 500


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
        """How many days are left until each workshop's work begins, by resource, on the clocks of the sites; or was to
        begin, where its buyer has not agreed to other days."""
        first = first_days(self.booking.promised or self.booking.allocations)
        known = (self.resources[part.resource_id] for part in self.booking.agreed)
        return {one.id: (first[one.party_id] - one.today(self.now)).days for one in known}

    def material_by(self) -> datetime | None:
        """Until when its material must be in house, as of now."""
        return material_by(self.booking.agreed, self.booking.allocations, self.resources, self.now)


# --- by the workshop -------------------------------------------------------------------------------------------------


async def material_ready(session: WriteSession, caller: Principal, booking_id: UUID) -> capacity.Booking:
    """Declare that fabric, trims and pattern are in house: the booking is firm."""
    async with _at_work(session, caller, booking_id) as at:
        booking = at.ledger.step(at.booking, "material ready", at.booking.deadline, material_at=at.now)
    return booking_seen_by(caller.party, booking)


async def start(session: WriteSession, caller: Principal, booking_id: UUID) -> capacity.Booking:
    """Begin the work."""
    async with _at_work(session, caller, booking_id) as at:
        booking = at.ledger.step(at.booking, "start")
    return booking_seen_by(caller.party, booking)


async def report(
    session: WriteSession, caller: Principal, booking_id: UUID, quantity: int, good: int, scrap: int
) -> capacity.Booking:
    """Add to what the caller's part took, in its unit, and to the pieces that came of it."""
    async with _at_work(session, caller, booking_id) as at:
        at.booking.follow("report")
        actual = at.booking.worked(caller.party, quantity=quantity, good=good, scrap=scrap)
        booking = at.ledger.step(at.booking, "report", actual=actual)
    return booking_seen_by(caller.party, booking)


async def complete(session: WriteSession, caller: Principal, booking_id: UUID) -> capacity.Booking:
    """Complete the caller's part, and the booking if it was the last."""
    async with _at_work(session, caller, booking_id) as at:
        at.booking.follow("complete")
        actual = at.booking.worked(caller.party, completed=True)
        event: BookingEvent = "complete" if all_completed(at.booking, actual) else "report"
        booking = at.ledger.step(at.booking, event, actual=actual)
    return booking_seen_by(caller.party, booking)


async def move(session: WriteSession, caller: Principal, booking_id: UUID, days: NamedDays) -> capacity.Booking:
    """Give the caller's part of a booking that it has displaced other days of its resources, as much as was booked, for
    the buyer to accept. Of an order they are days on which it overtakes no other workshop's part."""
    booking = await _mine(session, caller, booking_id)
    own = await own_days(session, caller.party, days)
    parts = [part for _, part in own]
    after = [*(part for part in booking.allocations if part.workshop_id != caller.party), *parts]
    async with _at(session, caller, booking, own) as at:
        booking.follow("move")
        check_move(booking, parts, at.resources)
        check_days_ahead(own, at.now)
        if booking.order_id:
            check_turn(booking, parts)
        moved = at.ledger.move(booking, after, answer_by(after, at.resources, at.now))
    return booking_seen_by(caller.party, moved)


# --- by the buyer ----------------------------------------------------------------------------------------------------


async def accept(session: WriteSession, caller: Principal, booking_id: UUID) -> capacity.Booking:
    """Agree to the days that a displaced booking was moved to."""
    async with at_booking(session, caller, booking_id) as at:
        _check_side(at, "buyer")
        booking = at.ledger.step(at.booking, "accept", material_by=at.material_by(), displaced_by=[], promised=[])
    return booking_seen_by(caller.party, booking)


async def reject(session: WriteSession, caller: Principal, booking_id: UUID) -> capacity.Booking:
    """Do not agree: the booking ends, and the workshop owes."""
    async with at_booking(session, caller, booking_id) as at:
        _check_side(at, "buyer")
        end = ending(at, "buyer", "DISPLACED", "The buyer rejected the days that it was moved to.")
        booking = at.ledger.cancel(at.booking, end, event="reject")
    return booking_seen_by(caller.party, booking)


async def cancel_booking(session: WriteSession, caller: Principal, booking_id: UUID) -> capacity.Booking:
    """Cancel a booking, as who booked or as a workshop whose time it is, and free its room; what is due for it is data
    of the booking. Raises NotFound, or Conflict if it was cancelled before or its buyer has an order to cancel."""
    async with at_booking(session, caller, booking_id) as at:
        if at.booking.order_id and at.side == "buyer":
            raise Refused("BELONGS_TO_ORDER", "This was taken for an order of yours; cancel the order instead.")
        cancelled = at.ledger.cancel(at.booking, ending(at, at.side, "CANCELLED", f"Cancelled by the {at.side}."))
    return booking_seen_by(caller.party, cancelled)


def ending(at: At, by: Side, code: str, message: str, *, for_whom: Side | None = None) -> Ending:
    """The end of a booking, and what is due for it; `for_whom` it ends, if not for who ends it."""
    return Ending(by=by, code=code, message=message, due=_due(at, for_whom or by))


def _due(at: At, side: Side) -> list[Due]:
    booking = at.booking
    at_fault = set(booking.displaced_by) | ({at.party} if side == "workshop" else set())
    if at_fault:
        parts = [part for part in booking.agreed if part.workshop_id in at_fault]
        return owed_by_workshops(parts, booking.party_id, at.days_left())
    if side == "platform":
        return []
    if booking.stage == "started":
        reported = {one.workshop_id for one in booking.actual}
        return owed_of_begun(booking.agreed, booking.party_id, at.days_left(), reported)
    return owed_by_buyer(booking.agreed, booking.party_id, at.days_left())


# --- by the clock ----------------------------------------------------------------------------------------------------


async def pass_deadlines(kit: Kit) -> None:
    """End bookings whose material did not come in time, or whose displacement nobody settled."""
    await while_more(kit, _pass_some)


async def _pass_some(session: WriteSession) -> bool:
    overdue = await store.overdue_bookings(session, _AT_ONCE)
    ledger = await store.open_ledger(session, claims=overdue)
    known = await with_resources(session, overdue, ledger, await store.now(session))
    for booking in overdue:
        ledger.cancel(booking, _lapse(known[booking.id]), event="deadline")
    await save_and_tell(session, ledger)
    return len(overdue) == _AT_ONCE


def _lapse(at: At) -> Ending:
    if at.booking.stage == "awaiting_material":
        told = "Its material was not declared to be in house in time."
        return ending(at, "platform", "MATERIAL_LATE", told, for_whom="buyer")
    return ending(at, "platform", "DISPLACED", "Its day has shrunk, and no other was agreed on in time.")


# --- what they share -------------------------------------------------------------------------------------------------


async def with_resources(
    session: WriteSession, bookings: Iterable[Booking], ledger: Ledger, now: datetime
) -> dict[UUID, At]:
    """Locked bookings of any parties, each with what it takes to judge it."""
    asked = list(bookings)
    ids = {part.resource_id for booking in asked for part in booking.agreed}
    ids |= {part.resource_id for booking in asked for part in booking.allocations}
    resources = await store.resources(session, ids) if ids else {}
    return {booking.id: At(booking, booking.party_id, ledger, now, resources) for booking in asked}


async def own_days(session: WriteSession, party: UUID, days: NamedDays) -> list[tuple[Resource, Allocation]]:
    """Quantities of days of this party's own resources. Raises NotFound."""
    known = await store.resources(session, {resource_id for resource_id, _, _ in days})
    if strange := [key for key, _, _ in days if key not in known or known[key].party_id != party]:
        raise NotFound(f"You have no resource {strange[0]}; check the id.", code="UNKNOWN_RESOURCE")
    return [(known[key], known[key].allocate(day, quantity)) for key, day, quantity in days]


def check_days_ahead(asked: Parts, now: datetime) -> None:
    """Refuse days that are over at their site; notice and minimum are for the workshop itself to waive."""
    for resource, part in asked:
        if part.day < (today := resource.today(now)):
            told = f"{part.day} is over; {today} is the first day of {resource.name} to take."
            raise Refused("TOO_SHORT_NOTICE", told)


@asynccontextmanager
async def at_booking(session: WriteSession, caller: Principal, booking_id: UUID) -> AsyncIterator[At]:
    """A booking that the caller made or works on, with its buckets; then what was done with it is saved and told."""
    async with _at(session, caller, await _mine(session, caller, booking_id)) as at:
        yield at


@asynccontextmanager
async def _at_work(session: WriteSession, caller: Principal, booking_id: UUID) -> AsyncIterator[At]:
    """The same for a workshop."""
    async with at_booking(session, caller, booking_id) as at:
        _check_side(at, "workshop")
        yield at


async def _mine(session: WriteSession, caller: Principal, booking_id: UUID) -> Booking:
    """A booking of the caller's, as buyer or workshop, locked. Raises NotFound."""
    booking = (await store.bookings(session, [booking_id])).get(booking_id)
    if booking is None or caller.party not in {booking.party_id, *booking.workshops}:
        raise NotFound("You have no such hold or booking; check the id.")
    return booking


@asynccontextmanager
async def _at(session: WriteSession, caller: Principal, booking: Booking, wanted: Parts = ()) -> AsyncIterator[At]:
    ledger = await store.open_ledger(session, [part for _, part in wanted], [booking], patient=False)
    at = (await with_resources(session, [booking], ledger, await store.now(session)))[booking.id]
    resources = {**at.resources, **{resource.id: resource for resource, _ in wanted}}
    async with deciding(session, ledger, resources.values()):
        yield replace(at, party=caller.party, resources=resources)


def _check_side(at: At, side: Side) -> None:
    parties = {at.booking.party_id} if side == "buyer" else at.booking.workshops
    if at.party not in parties:
        raise Refused("WRONG_SIDE", f"This is for the {side} to decide; ask it to.")
