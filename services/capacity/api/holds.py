"""Holds over HTTP."""

from datetime import date
from functools import lru_cache
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field, StrictBool, StrictInt, model_validator

from libs.contracts import capacity
from libs.service.commands import Body, Command, Commanded, answers
from services.capacity.api.search import Scheme
from services.capacity.api.straight import Straight
from services.capacity.domain.terms import MOST
from services.capacity.handlers import holds
from services.capacity.handlers.facts import PlacedHold
from services.capacity.handlers.holds import LEDGER
from services.capacity.search.qualified import Needed

router = APIRouter(tags=["capacity"])
hot = APIRouter(tags=["capacity"], route_class=Straight)
"""What a crowd asks for at once: tried before every other route."""


class AllocationBody(Body):
    """A quantity of a resource's local day."""

    resource_id: UUID
    day: date
    quantity: Annotated[StrictInt, Field(ge=1, le=MOST)]


class Days(Body):
    """Quantities of resources and days."""

    allocations: Annotated[list[AllocationBody], Field(min_length=1, max_length=100)]

    @model_validator(mode="after")
    def _each_day_once(self) -> Self:
        if len({(one.resource_id, one.day) for one in self.allocations}) < len(self.allocations):
            raise ValueError("allocations name each day of a resource once")
        return self

    def days(self) -> list[tuple[UUID, date, int]]:
        """Resource, local day, quantity."""
        return [(one.resource_id, one.day, one.quantity) for one in self.allocations]


class Sale(Days):
    """Days as they are sold. `qualifications` are schemes, as for a search: every workshop named has each of them on
    each of its days, as is known at this moment."""

    sample: StrictBool = False
    qualifications: Annotated[list[Scheme], Field(max_length=10)] = Field(default_factory=list)

    def needed(self) -> Needed:
        """What each day needs."""
        schemes = frozenset(self.qualifications)
        return {(one.resource_id, one.day): schemes for one in self.allocations} if schemes else {}


class PlaceHold(Sale):
    """What to hold, all or nothing, and for how many seconds."""

    seconds: Annotated[StrictInt, Field(ge=1, le=86_400)] = 900

    def to_domain(self, command: Command) -> holds.Ask:
        """What the caller of this command asks for."""
        days, needed = self.days(), self.needed()
        return holds.Ask(command.caller.party, days, self.seconds, command.asked, self.sample, needed)


_placing = lru_cache(maxsize=8)(holds.placing)


@hot.post("/holds", **answers(PlacedHold, 201))
async def place_hold(body: PlaceHold, command: Commanded) -> Response:
    """Hold quantities of days, resources and workshops, all or nothing, until a time. The answer has the limits that
    apply, and how much of each is used."""
    return await _placing(command.kit.database).run(body.to_domain(command))


@router.post("/holds/{hold_id}/confirm", **answers(capacity.Booking))
async def confirm_hold(hold_id: UUID, command: Commanded) -> Response:
    """Make a hold firm: a booking of the same id."""
    return await command.run(lambda session: holds.confirm_hold(session, command.caller, hold_id), role=LEDGER)


@router.post("/holds/{hold_id}/release", **answers(capacity.Hold))
async def release_hold(hold_id: UUID, command: Commanded) -> Response:
    """Give a hold back."""
    return await command.run(lambda session: holds.release_hold(session, command.caller, hold_id), role=LEDGER)
