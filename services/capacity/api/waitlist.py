"""The waitlist over HTTP."""

from datetime import date, timedelta
from typing import Annotated, Self
from uuid import UUID

import msgspec
from fastapi import APIRouter, Response
from pydantic import Field, StrictInt, model_validator

from libs.contracts import capacity_queues as queues
from libs.contracts.capacity_answers import PlaceInLine
from libs.service.commands import Body, Caller, Commanded, answers
from libs.service.runtime import KitOf
from services.capacity.domain.terms import MOST
from services.capacity.domain.waitlist import Wish
from services.capacity.handlers import waitlist
from services.capacity.handlers.holds import LEDGER

router = APIRouter(tags=["capacity"])
_LONGEST = timedelta(days=366)


class JoinWaitlist(Body):
    """What to wait for: so much of a resource, or so many minutes of a process, on days from first to last."""

    resource_id: UUID | None = None
    process: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")] | None = None
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "EUR"
    quantity: Annotated[StrictInt, Field(ge=1, le=MOST)]
    first_day: date
    last_day: date

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        if (self.resource_id is None) == (self.process is None):
            raise ValueError("name a resource_id or a process, one of the two")
        if not timedelta() <= self.last_day - self.first_day <= _LONGEST:
            raise ValueError("last_day is not before first_day, and at most 366 days after it")
        return self

    def to_domain(self) -> Wish:
        """What is waited for; of one resource the currency is its own."""
        return Wish(**dict(self) | {"currency": self.currency if self.process else None})


@router.post("/waitlist", **answers(queues.WaitlistEntry, 201))
async def join_waitlist(body: JoinWaitlist, command: Commanded) -> Response:
    """Go to the end of the line. When there is room, and it is the caller's turn, it is held: a hold of the same id."""
    wish = body.to_domain()
    return await command.run(lambda session: waitlist.join_waitlist(session, command.caller, wish), 201, role=LEDGER)


@router.post("/waitlist/{entry_id}/leave", **answers(queues.WaitlistEntry))
async def leave_waitlist(entry_id: UUID, command: Commanded) -> Response:
    """Leave the line; what was offered goes to the next."""
    return await command.run(lambda session: waitlist.leave_waitlist(session, command.caller, entry_id), role=LEDGER)


@router.get("/waitlist/{entry_id}", **answers(PlaceInLine))
async def place_in_line(entry_id: UUID, kit: KitOf, caller: Caller) -> Response:
    """Where the caller stands: its entry, and how many wait longer for room that could be its own."""
    place = await waitlist.place_in_line(kit, caller, entry_id)
    return Response(msgspec.json.encode(place), media_type="application/json")
