"""Proposals over HTTP: holds that their workshop decides on by hand."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field, StrictInt

from libs.contracts import capacity
from libs.service.commands import Commanded, answers
from services.capacity.api.holds import Days
from services.capacity.domain.terms import MOST_TO_PAY
from services.capacity.handlers import proposals
from services.capacity.handlers.holds import LEDGER

router = APIRouter(tags=["capacity"])


class AmendHold(Days):
    """Days of the caller's resources instead of what was proposed, and a price in minor units (else the terms')."""

    amount: Annotated[StrictInt, Field(ge=0, le=MOST_TO_PAY)] | None = None


@router.post("/holds/{hold_id}/propose", **answers(capacity.Hold))
async def propose(hold_id: UUID, command: Commanded) -> Response:
    """Ask the workshop of a hold, which decides by hand, to book it."""
    return await command.run(lambda session: proposals.propose(session, command.caller, hold_id), role=LEDGER)


@router.post("/holds/{hold_id}/amend", **answers(capacity.Hold))
async def amend(hold_id: UUID, body: AmendHold, command: Commanded) -> Response:
    """Hold other days or ask another price instead, as the workshop; the holder decides."""
    days = body.days()
    return await command.run(
        lambda session: proposals.amend(session, command.caller, hold_id, days, body.amount), role=LEDGER
    )


@router.post("/holds/{hold_id}/accept", **answers(capacity.Booking))
async def accept(hold_id: UUID, command: Commanded) -> Response:
    """Agree to what the other side proposed: a booking of the same id."""
    return await command.run(lambda session: proposals.accept(session, command.caller, hold_id), role=LEDGER)


@router.post("/holds/{hold_id}/reject", **answers(capacity.Hold))
async def reject(hold_id: UUID, command: Commanded) -> Response:
    """Do not agree, as either side."""
    return await command.run(lambda session: proposals.reject(session, command.caller, hold_id), role=LEDGER)
