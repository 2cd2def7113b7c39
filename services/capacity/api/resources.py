"""Publishing over HTTP. The domain's own values check themselves: they are parts of the bodies."""

import asyncio
from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Annotated, Any, Literal, Self
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from fastapi import APIRouter, Response
from pydantic import AfterValidator, ConfigDict, Field, model_validator

from libs.contracts import capacity
from libs.contracts.values import PartyKind
from libs.kit.errors import FieldError, Invalid
from libs.kit.ids import new_id
from libs.service.commands import Body, Commanded, answers
from services.capacity.api import strict  # noqa: F401 - before a body is made of the domain's values
from services.capacity.domain.calendar import Calendar
from services.capacity.domain.offer import Resource, Site, check_work
from services.capacity.domain.shifts import Pattern, calendar_of, check_hours
from services.capacity.domain.terms import Terms
from services.capacity.domain.units import check_unit
from services.capacity.domain.work import Work
from services.capacity.handlers import resources
from services.capacity.handlers.sites import known_sites

router = APIRouter(tags=["capacity"])
NO_SITE = "is no site of this workshop's; if it was registered just now, send this again"
_Process = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")]


def printable(text: str) -> str:
    """The text, if people can read it. Raises ValueError."""
    if not text.isprintable():
        raise ValueError("has characters that cannot be printed")
    return text


def each_once(processes: list[str]) -> list[str]:
    """The processes, if none comes again. Raises ValueError."""
    if len(set(processes)) < len(processes):
        raise ValueError("names a process twice")
    return processes


_Name = Annotated[str, Field(min_length=1, max_length=120), AfterValidator(printable)]
_Kind = Literal["machine", "bench", "operator_pool", "tool_set", "room"]
_Processes = Annotated[list[_Process], Field(min_length=1, max_length=50), AfterValidator(each_once)]


class PublishResource(Body):
    """A resource of the caller's."""

    site_id: UUID
    name: _Name
    kind: _Kind
    processes: _Processes
    unit: Annotated[str, AfterValidator(check_unit)] = "minutes"
    terms: Terms
    calendar: Calendar | None = None
    pattern: Pattern | None = None
    """Instead of a calendar: twelve months of it are published, and every month another."""
    work: dict[_Process, Work] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _works_as_it_can(self) -> Self:
        check_work(self.work, self.processes)
        return self

    @model_validator(mode="after")
    def _says_when(self) -> Self:
        if (self.calendar is None) == (self.pattern is None):
            raise ValueError("tell when the resource works: by `calendar` or by `pattern`, one of the two")
        try:
            check_hours(self.pattern or Pattern(), self.unit)
        except ValueError as error:
            raise ValueError(f"pattern {error}") from None
        return self

    def to_domain(self, site: Site, now: datetime) -> Resource:
        """A new resource at this site, and of its workshop."""
        return self.named(new_id(), site, self.days(site, now))

    def days(self, site: Site, now: datetime) -> Calendar:
        """Its calendar, or what its pattern gives from today on."""
        today = now.astimezone(ZoneInfo(site.time_zone)).date()
        return self.calendar or _year(msgspec.json.encode(self.pattern), site.time_zone, today)

    def named(self, resource_id: UUID, site: Site, calendar: Calendar) -> Resource:
        """The resource under an id, with its days."""
        given = {name: getattr(self, name) for name in PublishResource.model_fields} | {"calendar": calendar}
        return Resource(id=resource_id, party_id=site.party_id, version=1, time_zone=site.time_zone, **given)


@lru_cache(maxsize=1024)
def _year(pattern: bytes, zone: str, today: date) -> Calendar:
    """What a pattern (as JSON) gives from today on. Many resources of a city keep the same hours."""
    return calendar_of(msgspec.json.decode(pattern, type=Pattern), zone, today)


class ImportedResource(PublishResource):
    """A resource of any workshop, under the id that it has where it comes from."""

    id: UUID
    party_id: UUID

    def to_domain(self, site: Site, now: datetime) -> Resource:
        """The resource at this site, under its own id."""
        return self.named(self.id, site, self.days(site, now))


class ImportResources(Body):
    """Resources of many workshops."""

    resources: Annotated[list[ImportedResource], Field(min_length=1, max_length=500)]


class ChangeWork(Body):
    """What a resource is called and does from now on; what is left out stays as it is."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    name: _Name | None = None
    kind: _Kind | None = None
    processes: _Processes | None = None
    work: dict[_Process, Work] | None = None
    """For all of its processes that it tells of."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.said():
            raise ValueError("tell what is to change: name, kind, processes or work")
        return self

    def said(self) -> dict[str, Any]:
        """What is not left out."""
        return {name: value for name in ChangeWork.model_fields if (value := getattr(self, name)) is not None}


class ChangeTerms(Body):
    """A resource's new terms, all of them."""

    terms: Terms


def _own(sites: Mapping[UUID, Site], site_id: UUID, party: UUID, path: str) -> Site:
    site = sites.get(site_id)
    if site is None or site.party_id != party:
        told = "A resource stands at a site of its own workshop."
        raise Invalid(told, code="SITE_UNKNOWN", errors=[FieldError(path, NO_SITE)])
    return site


@router.post("/resources", **answers(capacity.Resource, 201))
async def publish_resource(body: PublishResource, command: Commanded) -> Response:
    """Publish a resource with its terms and calendar."""
    command.caller.must_be(PartyKind.WORKSHOP, PartyKind.LAB)
    sites, now = await known_sites(command.kit, [body.site_id])
    site = _own(sites, body.site_id, command.caller.party, "site_id")
    resource = await asyncio.to_thread(body.to_domain, site, now)
    return await command.run(lambda session: resources.publish_resource(session, resource), 201)


@router.post("/resources/{resource_id}/work", **answers(capacity.Resource))
async def change_work(resource_id: UUID, body: ChangeWork, command: Commanded) -> Response:
    """Change what a resource is called, what it does and what that takes; what is booked stays booked."""
    return await command.run(lambda session: resources.change_work(session, command.caller, resource_id, body.said()))


@router.post("/resources/{resource_id}/terms", **answers(capacity.Resource))
async def change_terms(resource_id: UUID, body: ChangeTerms, command: Commanded) -> Response:
    """Change how a resource is sold, from now on; what is booked stays as it was agreed."""
    return await command.run(lambda session: resources.change_terms(session, command.caller, resource_id, body.terms))


@router.post("/imports/resources", response_model=None)
async def import_resources(body: ImportResources, command: Commanded) -> Response:
    """Publish resources of many workshops at once; those already known are left as they are."""
    command.caller.must_be(PartyKind.HUB)
    sites, now = await known_sites(command.kit, {one.site_id for one in body.resources})
    places = [
        _own(sites, one.site_id, one.party_id, f"resources.{number}.site_id")
        for number, one in enumerate(body.resources)
    ]
    given = await asyncio.to_thread(
        lambda: [one.to_domain(place, now) for one, place in zip(body.resources, places, strict=True)]
    )
    return await command.run(lambda session: resources.import_resources(session, command.caller, given))
