"""The commands of capacity over HTTP. The domain's own values check themselves: they are parts of the bodies."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import AfterValidator, Field, StrictInt, model_validator

from libs.contracts import capacity
from libs.contracts.values import PartyKind
from libs.kit.errors import FieldError, Invalid
from libs.kit.ids import new_id
from libs.service.commands import Body, Command, Commanded, answers
from libs.service.group_commit import GroupCommit
from libs.service.runtime import KitOf
from services.capacity.domain.calendar import Calendar
from services.capacity.domain.offer import Resource, Site
from services.capacity.domain.terms import MOST, Terms
from services.capacity.handlers import holds, resources
from services.capacity.handlers.holds import LEDGER
from services.capacity.handlers.sites import known_sites

router = APIRouter(tags=["capacity"])
_Process = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")]


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
    terms: Terms
    calendar: Calendar

    def to_domain(self, site: Site) -> Resource:
        """A new resource at this site, and of its workshop."""
        given = {"id": new_id(), "party_id": site.party_id} | dict(self)
        return Resource(**given, version=1, time_zone=site.time_zone)


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


def _own(sites: Mapping[UUID, Site], site_id: UUID, party: UUID, path: str) -> Site:
    site = sites.get(site_id)
    if site is None or site.party_id != party:
        message = "is no site of this workshop's; if it was registered just now, send this again"
        told = "A resource stands at a site of its own workshop."
        raise Invalid(told, code="SITE_UNKNOWN", errors=[FieldError(path, message)])
    return site


_placing = lru_cache(maxsize=8)(holds.placing)


def _group_commit(kit: KitOf) -> GroupCommit[holds.Ask]:
    """Where this process decides on holds."""
    return _placing(kit.database)


Together = Annotated[GroupCommit[holds.Ask], Depends(_group_commit)]


@router.post("/resources", **answers(capacity.Resource, 201))
async def publish_resource(body: PublishResource, command: Commanded) -> Response:
    """Publish a resource with its terms and calendar."""
    command.caller.must_be(PartyKind.WORKSHOP, PartyKind.LAB)
    sites = await known_sites(command.kit, [body.site_id])
    resource = body.to_domain(_own(sites, body.site_id, command.caller.party, "site_id"))
    return await command.run(lambda session: resources.publish_resource(session, resource), 201)


@router.post("/resources/{resource_id}/calendar", **answers(capacity.Resource))
async def change_calendar(resource_id: UUID, body: ChangeCalendar, command: Commanded) -> Response:
    """Change when a resource works, from today on; never below what is held or booked."""
    return await command.run(
        lambda session: resources.change_calendar(session, command.caller, resource_id, body.calendar)
    )


@router.post("/imports/resources", response_model=None)
async def import_resources(body: ImportResources, command: Commanded) -> Response:
    """Publish resources of many workshops at once; those already known are left as they are."""
    command.caller.must_be(PartyKind.HUB)
    sites = await known_sites(command.kit, {one.site_id for one in body.resources})
    given = [
        one.to_domain(_own(sites, one.site_id, one.party_id, f"resources.{number}.site_id"))
        for number, one in enumerate(body.resources)
    ]
    return await command.run(lambda session: resources.import_resources(session, command.caller, given))


@router.post("/holds", **answers(capacity.Hold, 201))
async def place_hold(body: PlaceHold, command: Commanded, together: Together) -> Response:
    """Hold quantities of days, resources and workshops, all or nothing, until a time."""
    return await together.run(body.to_domain(command))


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
