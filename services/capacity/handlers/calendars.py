"""Calendars that follow from a pattern: changing it, and keeping twelve months of it published."""

import asyncio
import logging
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from libs.contracts import capacity
from libs.contracts.values import PartyKind
from libs.kit.auth import Principal
from libs.kit.db import ReadSession, WriteSession
from libs.kit.errors import Conflict, FieldError, Invalid, NotFound
from libs.messaging import outbox
from libs.service.runtime import Kit
from services.capacity import store
from services.capacity.domain.events import Event
from services.capacity.domain.offer import Resource
from services.capacity.domain.shifts import HORIZON, Pattern, calendar_of, check_hours
from services.capacity.files import Fault, FaultyFileError, ics_in, ics_out
from services.capacity.handlers import bulk
from services.capacity.handlers.facts import resource_event, save_and_tell
from services.capacity.handlers.resources import change_calendar, own_resource

log = logging.getLogger(__name__)

MOST_BYTES = 256 * 1024
"""Of a calendar file: some hundreds of events."""
MOST_BYTES_OF_MANY, MOST_RESOURCES = 4 * 1024 * 1024, 1_000
"""Of a calendar file for many resources."""
_NO_EVENT = Fault("file", "has no event that is not cancelled; send when it works, or change its calendar to close it")


async def change_pattern(
    session: WriteSession, caller: Principal, resource_id: UUID, pattern: Pattern
) -> capacity.Resource:
    """Have a resource work by a pattern from today on. Raises as `change_calendar` does, and Invalid for a pattern in
    hours of what is not counted in minutes."""
    resource = await own_resource(session, caller, resource_id)
    try:
        check_hours(pattern, resource.unit)
    except ValueError as error:
        raise Invalid("Nothing was changed.", errors=[FieldError("pattern", str(error))]) from None
    today = resource.today(await store.now(session))
    # In a thread, as all that works out a year of days: a hundred rules may take a second.
    calendar = await asyncio.to_thread(calendar_of, pattern, resource.time_zone, today)
    return await change_calendar(session, caller, resource_id, calendar, pattern)


async def import_events(session: WriteSession, caller: Principal, resource_id: UUID, body: bytes) -> capacity.Resource:
    """Have a resource work by the events of a calendar file, which take the place of its shifts and events: what else
    its pattern says stays. Raises as `change_calendar` does, and Invalid
    (FAULTY_FILE) with a sentence for each event that cannot be taken: then nothing is changed."""
    resource = await own_resource(session, caller, resource_id)
    try:
        _no_longer_than(MOST_BYTES, body)
        pattern = _pattern(resource, await asyncio.to_thread(ics_in.read, body))
    except FaultyFileError as error:
        raise faulty(error) from None
    return await change_pattern(session, caller, resource_id, pattern)


async def import_many(kit: Kit, caller: Principal, body: bytes) -> bulk.Report:
    """Have many resources work by the events of one file, each in a transaction of its own: one that is refused does
    not spoil the rest, and the same file again changes nothing. Raises Invalid (FAULTY_FILE) if it is no calendar."""
    caller.must_be(PartyKind.WORKSHOP, PartyKind.LAB)
    try:
        _no_longer_than(MOST_BYTES_OF_MANY, body)
        if not (read := await asyncio.to_thread(lambda: [*ics_in.read_each(body)])):
            raise FaultyFileError(_NO_EVENT)
        if len(read) > MOST_RESOURCES:
            raise FaultyFileError(Fault("file", f"has over {MOST_RESOURCES} resources; send them in several files"))
    except FaultyFileError as error:
        raise faulty(error) from None
    return bulk.report([await _one_of_many(kit, caller, *one) for one in read])


async def _one_of_many(
    kit: Kit, caller: Principal, line: int, reference: str, events: list[Event] | FaultyFileError
) -> bulk.Line:
    id_ = bulk.resource_id(caller.party, reference)
    try:
        if isinstance(events, FaultyFileError):
            raise events
        async with kit.database.write(caller.party) as session:
            resource = await own_resource(session, caller, id_)
            if (pattern := _pattern(resource, events)) == resource.pattern:
                return bulk.Line(line, reference, "unchanged", id_)
            made = await change_pattern(session, caller, id_, pattern)
        return bulk.Line(line, reference, "changed", id_, version=made.version)
    except FaultyFileError as error:
        return bulk.Line(line, reference, "refused", None, faulty(error).errors)
    except (NotFound, Conflict, Invalid) as refused:
        faults = refused.errors or [FieldError("reference", refused.detail)]
        return bulk.Line(line, reference, "refused", None, faults)


def _no_longer_than(most: int, body: bytes) -> None:
    if len(body) > most:
        raise FaultyFileError(Fault("file", f"is over {most:,} bytes; send fewer events"))


def _pattern(resource: Resource, events: list[Event]) -> Pattern:
    if not events:
        raise FaultyFileError(_NO_EVENT)
    try:
        return replace(resource.pattern or Pattern(), shifts=[], events=events)
    except ValueError as error:
        raise FaultyFileError(Fault("file", str(error))) from None


def faulty(error: FaultyFileError) -> Invalid:
    """A faulty file as a problem."""
    errors = [FieldError(fault.where, fault.message) for fault in error.faults]
    return Invalid("Nothing was changed. Correct the file and send it again.", code="FAULTY_FILE", errors=errors)


async def export_events(session: ReadSession, resource_id: UUID) -> bytes:
    """The calendar of a resource of the session's party, as a file. Raises NotFound."""
    if (resource := (await store.resources(session, [resource_id])).get(resource_id)) is None:
        raise NotFound("You have no such resource; check the id.")
    return await asyncio.to_thread(ics_out.write, resource, await store.now(session))


async def roll_calendars(kit: Kit) -> None:
    """Publish more days of every resource that works by a pattern and is short of them, each for itself: so no two
    resources' buckets are locked out of order, and one that cannot be rolled on keeps none of the others waiting."""
    failed: list[UUID] = []
    while await _roll_next(kit, failed):
        pass


async def _roll_next(kit: Kit, failed: list[UUID]) -> bool:
    resource = None
    try:
        async with kit.database.work() as session:
            if resource := await store.short_of_days(session, HORIZON, failed):
                await _roll(session, resource)
    except (ValueError, LookupError):  # e.g. a zone that is no more
        if resource is None:
            raise
        log.exception("a calendar cannot be rolled on", extra={"aggregate": resource.id})
        failed.append(resource.id)
    return resource is not None


async def _roll(session: WriteSession, resource: Resource) -> None:
    """What is published stays, days are added. A bucket beyond, left from a longer calendar, gets its room."""
    beyond = resource.calendar.ends_on + timedelta(days=1)
    ledger = await store.ledger_from(session, {resource.id: beyond})
    changed = await asyncio.to_thread(resource.rolled, await store.now(session))
    ledger.republish({changed.id: changed.calendar})
    await store.save_resources(session, changed)
    await outbox.add(session, resource_event(changed))
    await save_and_tell(session, ledger)
