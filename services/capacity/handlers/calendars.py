"""Calendars that follow from a pattern: changing it, and keeping twelve months of it published."""

import asyncio
from datetime import timedelta
from uuid import UUID

from libs.contracts import capacity
from libs.kit.auth import Principal
from libs.kit.db import ReadSession, WriteSession
from libs.kit.errors import FieldError, Invalid, NotFound
from libs.messaging import outbox
from libs.service.runtime import Kit
from services.capacity import store
from services.capacity.domain.offer import Resource
from services.capacity.domain.shifts import HORIZON, Pattern, calendar_of
from services.capacity.files import Fault, FaultyFileError, ics_in, ics_out
from services.capacity.handlers.facts import resource_event, save_and_tell
from services.capacity.handlers.resources import change_calendar, own_resource

MOST_BYTES = 256 * 1024
"""Of a calendar file: some hundreds of events."""


async def change_pattern(
    session: WriteSession, caller: Principal, resource_id: UUID, pattern: Pattern
) -> capacity.Resource:
    """Have a resource work by a pattern from today on. Raises as `change_calendar` does."""
    resource = await own_resource(session, caller, resource_id)
    calendar = calendar_of(pattern, resource.time_zone, resource.today(await store.now(session)))
    return await change_calendar(session, caller, resource_id, calendar, pattern)


async def import_events(session: WriteSession, caller: Principal, resource_id: UUID, body: bytes) -> capacity.Resource:
    """Have a resource work by the events of a calendar file. Raises as `change_calendar` does, and Invalid
    (FAULTY_FILE) with a sentence for each event that cannot be taken: then nothing is changed."""
    await own_resource(session, caller, resource_id)
    try:
        if len(body) > MOST_BYTES:
            raise FaultyFileError(Fault("file", f"is over {MOST_BYTES:,} bytes; send fewer events"))
        pattern = Pattern(events=await asyncio.to_thread(ics_in.read, body))
    except FaultyFileError as error:
        raise faulty(error) from None
    except ValueError as error:
        raise faulty(FaultyFileError(Fault("file", str(error)))) from None
    return await change_pattern(session, caller, resource_id, pattern)


def faulty(error: FaultyFileError) -> Invalid:
    """A faulty file as a problem."""
    errors = [FieldError(fault.where, fault.message) for fault in error.faults]
    return Invalid("Nothing was changed. Correct the file and send it again.", code="FAULTY_FILE", errors=errors)


async def export_events(session: ReadSession, resource_id: UUID) -> bytes:
    """The calendar of a resource of the session's party, as a file. Raises NotFound."""
    if (resource := (await store.resources(session, [resource_id])).get(resource_id)) is None:
        raise NotFound("You have no such resource.")
    return await asyncio.to_thread(ics_out.write, resource, await store.now(session))


async def roll_calendars(kit: Kit) -> None:
    """Publish more days of every resource that works by a pattern and is short of them, each for itself: so no two
    resources' buckets are locked out of order."""
    more = True
    while more:
        async with kit.database.work() as session:
            resource = await store.short_of_days(session, HORIZON)
            if more := resource is not None:
                await _roll(session, resource)


async def _roll(session: WriteSession, resource: Resource) -> None:
    """What is published stays, days are added. A bucket beyond, left from a longer calendar, gets its room."""
    beyond = resource.calendar.ends_on + timedelta(days=1)
    ledger = await store.ledger_from(session, resource.id, beyond)
    changed = resource.rolled(await store.now(session))
    ledger.republish(changed.calendar)
    await store.save_resource(session, changed)
    await outbox.add(session, resource_event(changed))
    await save_and_tell(session, ledger)
