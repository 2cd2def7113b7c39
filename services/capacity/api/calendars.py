"""When a resource works, over HTTP: by a calendar of its own, or by a pattern."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from libs.contracts import capacity
from libs.service.commands import Body, Caller, Commanded, answers
from libs.service.runtime import KitOf
from services.capacity.api import strict  # noqa: F401 - before a body is made of the domain's values
from services.capacity.domain.calendar import Calendar
from services.capacity.domain.shifts import Pattern
from services.capacity.handlers import calendars, resources

router = APIRouter(tags=["capacity"])
ICS = {"text/calendar": {"schema": {"type": "string"}}}


class ChangeCalendar(Body):
    """A resource's new calendar; from then on it works by no pattern."""

    calendar: Calendar


class ChangePattern(Body):
    """When a resource works, for as long as nothing else is said."""

    pattern: Pattern


@router.post("/resources/{resource_id}/calendar", **answers(capacity.Resource))
async def change_calendar(resource_id: UUID, body: ChangeCalendar, command: Commanded) -> Response:
    """Change when a resource works, from today on; who was promised more is displaced in the published order."""
    return await command.run(
        lambda session: resources.change_calendar(session, command.caller, resource_id, body.calendar)
    )


@router.post("/resources/{resource_id}/pattern", **answers(capacity.Resource))
async def change_pattern(resource_id: UUID, body: ChangePattern, command: Commanded) -> Response:
    """Have a resource work by a pattern from today on: twelve months are published, and every month another."""
    return await command.run(
        lambda session: calendars.change_pattern(session, command.caller, resource_id, body.pattern)
    )


@router.post(
    "/resources/{resource_id}/calendar.ics",
    openapi_extra={"requestBody": {"content": ICS, "required": True}},
    **answers(capacity.Resource),
)
async def import_events(resource_id: UUID, request: Request, command: Commanded) -> Response:
    """Have a resource work by the events of a calendar file (RFC 5545): those with clock times are work, whole days are
    closed unless X-FILIERA-QUANTITY says what they give. They take the place of shifts and events; holidays, closures,
    overtime and exceptions of its pattern stay. Names, guests and notes are not kept."""
    body = await request.body()
    return await command.run(lambda session: calendars.import_events(session, command.caller, resource_id, body))


@router.get("/resources/{resource_id}/calendar.ics", response_class=Response, responses={200: {"content": ICS}})
async def export_events(resource_id: UUID, caller: Caller, kit: KitOf) -> Response:
    """A resource's calendar as a file (RFC 5545): sent back, every published day gives the same."""
    async with kit.database.read(caller.party) as session:
        body = await calendars.export_events(session, resource_id)
    return Response(body, media_type="text/calendar")
