"""When a resource works, over HTTP: by a calendar of its own, or by a pattern."""

from uuid import UUID

from fastapi import APIRouter, Response

from libs.contracts import capacity
from libs.service.commands import Body, Commanded, answers
from services.capacity.domain.calendar import Calendar
from services.capacity.domain.shifts import Pattern
from services.capacity.handlers import calendars, resources

router = APIRouter(tags=["capacity"])


class ChangeCalendar(Body):
    """A resource's new calendar; from then on it works by no pattern."""

    calendar: Calendar


class ChangePattern(Body):
    """When a resource works, for as long as nothing else is said."""

    pattern: Pattern


@router.post("/resources/{resource_id}/calendar", **answers(capacity.Resource))
async def change_calendar(resource_id: UUID, body: ChangeCalendar, command: Commanded) -> Response:
    """Change when a resource works, from today on; never below what is held or booked."""
    return await command.run(
        lambda session: resources.change_calendar(session, command.caller, resource_id, body.calendar)
    )


@router.post("/resources/{resource_id}/pattern", **answers(capacity.Resource))
async def change_pattern(resource_id: UUID, body: ChangePattern, command: Commanded) -> Response:
    """Have a resource work by a pattern from today on: twelve months are published, and every month another."""
    return await command.run(
        lambda session: calendars.change_pattern(session, command.caller, resource_id, body.pattern)
    )
