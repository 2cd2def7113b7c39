"""Bookings over HTTP: their buyers and the workshops whose time they are act on them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field, StrictInt

from libs.contracts import capacity
from libs.service.commands import Body, Commanded, answers
from services.capacity.api.holds import Days
from services.capacity.domain.terms import MOST
from services.capacity.handlers import bookings
from services.capacity.handlers.holds import LEDGER

router = APIRouter(tags=["capacity"])
_ANSWERS = answers(capacity.Booking)
_Some = Annotated[StrictInt, Field(ge=0, le=MOST)]


class ReportWork(Body):
    """What the caller's part took since its last report, in its unit, and the pieces that came of it."""

    quantity: _Some
    good: _Some = 0
    scrap: _Some = 0


class MoveBooking(Days):
    """The days of the caller's resources that its part of the booking moves to."""


@router.post("/bookings/{booking_id}/material-ready", **_ANSWERS)
async def material_ready(booking_id: UUID, command: Commanded) -> Response:
    """Declare, as a workshop, that fabric, trims and pattern are in house."""
    return await command.run(lambda session: bookings.material_ready(session, command.caller, booking_id), role=LEDGER)


@router.post("/bookings/{booking_id}/start", **_ANSWERS)
async def start(booking_id: UUID, command: Commanded) -> Response:
    """Begin the work."""
    return await command.run(lambda session: bookings.start(session, command.caller, booking_id), role=LEDGER)


@router.post("/bookings/{booking_id}/report", **_ANSWERS)
async def report(booking_id: UUID, body: ReportWork, command: Commanded) -> Response:
    """Report what the work took, and how many pieces are good and how many scrap."""
    told = (body.quantity, body.good, body.scrap)
    return await command.run(lambda session: bookings.report(session, command.caller, booking_id, *told), role=LEDGER)


@router.post("/bookings/{booking_id}/complete", **_ANSWERS)
async def complete(booking_id: UUID, command: Commanded) -> Response:
    """Complete the caller's part of the work."""
    return await command.run(lambda session: bookings.complete(session, command.caller, booking_id), role=LEDGER)


@router.post("/bookings/{booking_id}/move", **_ANSWERS)
async def move(booking_id: UUID, body: MoveBooking, command: Commanded) -> Response:
    """Give a displaced booking other days, for its buyer to accept."""
    days = body.days()
    return await command.run(lambda session: bookings.move(session, command.caller, booking_id, days), role=LEDGER)


@router.post("/bookings/{booking_id}/accept", **_ANSWERS)
async def accept(booking_id: UUID, command: Commanded) -> Response:
    """Agree, as its buyer, to the days that a booking was moved to."""
    return await command.run(lambda session: bookings.accept(session, command.caller, booking_id), role=LEDGER)


@router.post("/bookings/{booking_id}/reject", **_ANSWERS)
async def reject(booking_id: UUID, command: Commanded) -> Response:
    """Do not agree to them: the booking ends, and the workshop owes what its terms say."""
    return await command.run(lambda session: bookings.reject(session, command.caller, booking_id), role=LEDGER)


@router.post("/bookings/{booking_id}/cancel", **_ANSWERS)
async def cancel_booking(booking_id: UUID, command: Commanded) -> Response:
    """Cancel a booking, as its buyer or as a workshop whose time it is; the answer says what is due."""
    return await command.run(lambda session: bookings.cancel_booking(session, command.caller, booking_id), role=LEDGER)
