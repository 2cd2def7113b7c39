"""The commands of capacity over HTTP. The domain's own values check themselves: they are parts of the bodies."""

from datetime import date
from functools import cache, lru_cache
from typing import Annotated, Literal, Self
from uuid import UUID
from zoneinfo import available_timezones

from fastapi import APIRouter, Depends, Response
from pydantic import AfterValidator, Field, StrictInt, model_validator

from libs.contracts import capacity
from libs.kit.ids import new_id
from libs.service.commands import Body, Command, Commanded, answers
from libs.service.runtime import KitOf
from services.capacity.domain.offer import MOST, Calendar, Resource, Terms
from services.capacity.group_commit import LEDGER, GroupCommit
from services.capacity.handlers import holds, resources

router = APIRouter(tags=["capacity"])
_zones = cache(available_timezones)
_Process = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")]


def _known_zone(name: str) -> str:
    if name not in _zones():
        raise ValueError("is not a time zone of the IANA database, such as Europe/Rome")
    return name


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("has characters that cannot be printed")
    return text


class PublishResource(Body):
    """A resource of the caller's."""

    site_id: UUID
    name: Annotated[str, Field(min_length=1, max_length=120), AfterValidator(_printable)]
    kind: Literal["machine", "bench", "operator_pool", "tool_set", "room"]
    processes: Annotated[list[_Process], Field(min_length=1, max_length=50)]
    unit: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,19}$")] = "minutes"
    time_zone: Annotated[str, AfterValidator(_known_zone)]
    terms: Terms
    calendar: Calendar

    def to_domain(self, party_id: UUID) -> Resource:
        """A new resource of this workshop."""
        return Resource(**{"id": new_id(), "party_id": party_id} | dict(self), version=1)


class ImportedResource(PublishResource):
    """A resource of any workshop, under the id that it has where it comes from."""

    id: UUID
    party_id: UUID


class ImportResources(Body):
    """Resources of many workshops."""

    resources: Annotated[list[ImportedResource], Field(min_length=1, max_length=500)]


class ChangeCalendar(Body):
    """A resource's new calendar."""

    calendar: Calendar


class AllocationBody(Body):
    """A quantity of a resource's local day."""

    resource_id: UUID
    day: date
    quantity: Annotated[StrictInt, Field(ge=1, le=MOST)]


class PlaceHold(Body):
    """What to hold, all or nothing, and for how many seconds."""

    allocations: Annotated[list[AllocationBody], Field(min_length=1, max_length=100)]
    seconds: Annotated[StrictInt, Field(ge=1, le=86_400)] = 900

    @model_validator(mode="after")
    def _each_day_once(self) -> Self:
        if len({(one.resource_id, one.day) for one in self.allocations}) < len(self.allocations):
            raise ValueError("allocations name each day of a resource once")
        return self

    def to_domain(self, command: Command) -> holds.Ask:
        """What the caller of this command asks for."""
        days = [(one.resource_id, one.day, one.quantity) for one in self.allocations]
        return holds.Ask(command.caller.party, days, self.seconds, command.asked)


_made = lru_cache(maxsize=8)(GroupCommit)


def _group_commit(kit: KitOf) -> GroupCommit:
    return _made(kit.database)


Together = Annotated[GroupCommit, Depends(_group_commit)]


@router.post("/resources", **answers(capacity.Resource, 201))
async def publish_resource(body: PublishResource, command: Commanded) -> Response:
    """Publish a resource with its terms and calendar."""
    resource = body.to_domain(command.caller.party)
    return await command.run(lambda session: resources.publish_resource(session, command.caller, resource), 201)


@router.post("/resources/{resource_id}/calendar", **answers(capacity.Resource))
async def change_calendar(resource_id: UUID, body: ChangeCalendar, command: Commanded) -> Response:
    """Change when a resource works, from today on; never below what is held or booked."""
    return await command.run(
        lambda session: resources.change_calendar(session, command.caller, resource_id, body.calendar)
    )


@router.post("/imports/resources", response_model=None)
async def import_resources(body: ImportResources, command: Commanded) -> Response:
    """Publish resources of many workshops at once; those already known are left as they are."""
    given = [resource.to_domain(resource.party_id) for resource in body.resources]
    return await command.run(lambda session: resources.import_resources(session, command.caller, given))


@router.post("/holds", **answers(capacity.Hold, 201))
async def place_hold(body: PlaceHold, command: Commanded, together: Together) -> Response:
    """Hold quantities of days, resources and workshops, all or nothing, until a time."""
    return await together.place(body.to_domain(command))


@router.post("/holds/{hold_id}/confirm", **answers(capacity.Booking))
async def confirm_hold(hold_id: UUID, command: Commanded) -> Response:
    """Make a hold firm: a booking of the same id."""
    return await command.run(lambda session: holds.confirm_hold(session, command.caller, hold_id), role=LEDGER)


@router.post("/holds/{hold_id}/release", **answers(capacity.Hold))
async def release_hold(hold_id: UUID, command: Commanded) -> Response:
    """Give a hold back."""
    return await command.run(lambda session: holds.release_hold(session, command.caller, hold_id), role=LEDGER)


@router.post("/bookings/{booking_id}/cancel", **answers(capacity.Booking))
async def cancel_booking(booking_id: UUID, command: Commanded) -> Response:
    """Cancel a booking and free its room."""
    return await command.run(lambda session: holds.cancel_booking(session, command.caller, booking_id), role=LEDGER)
