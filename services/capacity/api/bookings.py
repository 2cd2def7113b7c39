"""Bookings over HTTP: their buyers and the workshops whose time they are act on them."""

from uuid import UUID

from fastapi import APIRouter, Response

from libs.contracts import capacity
from libs.service.commands import Commanded, answers
from services.capacity.handlers import bookings
from services.capacity.handlers.holds import LEDGER

router = APIRouter(tags=["capacity"])


@router.post("/bookings/{booking_id}/cancel", **answers(capacity.Booking))
async def cancel_booking(booking_id: UUID, command: Commanded) -> Response:
    """Cancel a booking, as its buyer or as a workshop whose time it is; the answer says what is due."""
    return await command.run(lambda session: bookings.cancel_booking(session, command.caller, booking_id), role=LEDGER)
