"""Publishing: resources, their calendars, and a city's worth of them at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from libs.contracts import capacity
from libs.contracts.values import PartyKind
from libs.kit.auth import Principal
from libs.kit.db import WriteSession, speak_for
from libs.kit.errors import FieldError, Invalid, NotFound
from libs.messaging import outbox
from libs.service.commands import Imported
from services.capacity import store
from services.capacity.domain.calendar import Calendar
from services.capacity.domain.offer import Resource, check_work
from services.capacity.domain.shifts import Pattern
from services.capacity.domain.terms import Terms
from services.capacity.handlers.facts import resource_event, save_and_tell


async def publish_resource(session: WriteSession, resource: Resource) -> capacity.Resource:
    """Publish a resource. Its year of days costs nothing until somebody touches one."""
    await store.publish(session, [resource])
    event = resource_event(resource)
    await outbox.add(session, event)
    return event


async def change_calendar(
    session: WriteSession, caller: Principal, resource_id: UUID, calendar: Calendar, pattern: Pattern | None = None
) -> capacity.Resource:
    """Give a resource another calendar from today on, and the pattern it comes from, if it does. What is taken beyond
    it becomes unattainable, and a job sees to whom that hits (`handlers/displacement.py`)."""
    resource = await own_resource(session, caller, resource_id)
    changed = replace(resource, calendar=calendar, pattern=pattern)
    return await _change(session, resource, changed, capacity.CalendarChanged)


async def change_work(
    session: WriteSession, caller: Principal, resource_id: UUID, said: Mapping[str, Any]
) -> capacity.Resource:
    """Change what a resource is called and does; what it tells of a process that it does no longer goes. Raises
    NotFound, or Invalid for work of a process that it does not do."""
    resource = await own_resource(session, caller, resource_id)
    does = said.get("processes", resource.processes)
    kept = {process: work for process, work in resource.work.items() if process in does}
    changed = replace(resource, **{"work": kept, **said})
    try:
        check_work(changed.work, changed.processes)
    except ValueError as error:
        raise Invalid("Nothing was changed.", errors=[FieldError("work", str(error))]) from None
    return await _change(session, resource, changed, capacity.ResourceChanged)


async def change_terms(session: WriteSession, caller: Principal, resource_id: UUID, terms: Terms) -> capacity.Resource:
    """Sell a resource on other terms from now on; what is booked stays as agreed."""
    resource = await own_resource(session, caller, resource_id)
    return await _change(session, resource, replace(resource, terms=terms), capacity.TermsChanged)


async def _change(
    session: WriteSession, was: Resource, now: Resource, told_as: type[capacity.Resource]
) -> capacity.Resource:
    [event] = await save(session, [Change(was, replace(now, version=was.version + 1), told_as)])
    return event


@dataclass(frozen=True)
class Change:
    """A locked resource as it was and as it is from now on, and what that is told as."""

    was: Resource
    now: Resource
    told_as: type[capacity.Resource]


async def save(session: WriteSession, changes: Sequence[Change]) -> list[capacity.Resource]:
    """Save changes and tell them. Where days are others the ledger's follow from today on; else none are locked."""
    now = await store.now(session)
    days = {one.now.id: one.now for one in changes if one.now.calendar != one.was.calendar}
    ledger = await store.ledger_from(session, {id_: one.today(now) for id_, one in days.items()})
    ledger.republish({id_: one.calendar for id_, one in days.items()})
    await store.save_resources(session, *(one.now for one in changes))
    events = [resource_event(one.now, one.told_as) for one in changes]
    await outbox.add(session, *events)
    await save_and_tell(session, ledger)
    return events


async def own_resource(session: WriteSession, caller: Principal, resource_id: UUID) -> Resource:
    """A resource of the caller's, locked. Raises NotFound."""
    caller.must_be(PartyKind.WORKSHOP, PartyKind.LAB)
    resource = (await store.locked_resources(session, [resource_id])).get(resource_id)
    if resource is None:
        raise NotFound("You have no such resource; check the id.")
    return resource


async def import_resources(session: WriteSession, caller: Principal, resources: Sequence[Resource]) -> Imported:
    """Publish for many workshops at once; what is known already is left as it is."""
    await speak_for(session, {caller.party, *(resource.party_id for resource in resources)})
    new = await store.publish(session, resources)
    await outbox.add(session, *(resource_event(resource) for resource in resources if resource.id in new))
    return Imported(len(new), len(resources) - len(new))
