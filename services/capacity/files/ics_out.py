"""A resource's calendar as a file (RFC 5545), for a phone or Outlook. Read back, each published day gives the same."""

from datetime import date, datetime, timedelta
from uuid import uuid5
from zoneinfo import ZoneInfo

import icalendar
from icalendar.prop import vRecur

from services.capacity.domain.events import Event
from services.capacity.domain.offer import Resource
from services.capacity.files.ics_in import QUANTITY
from services.capacity.files.told import as_events


def write(resource: Resource, now: datetime) -> bytes:
    """The file; `now` is when it is written."""
    file = icalendar.Calendar()
    file.add("PRODID", "-//Filiera//capacity//EN")
    file.add("VERSION", "2.0")
    file.add("X-WR-CALNAME", resource.name)
    events = as_events(resource.calendar, resource.pattern, resource.time_zone)
    for number, event in enumerate(events):
        file.add_component(_component(resource, event, f"{uuid5(resource.id, str(number))}@filiera", now))
    file.add_missing_timezones(first_date=resource.calendar.starts_on, last_date=resource.calendar.ends_on)
    body: bytes = file.to_ical()
    return body


def _component(resource: Resource, event: Event, uid: str, now: datetime) -> icalendar.Event:
    made = icalendar.Event()
    made.add("UID", uid)
    made.add("DTSTAMP", now)
    made.add("SUMMARY", _summary(resource, event))
    made.add("DTSTART", _at(event, event.starts, resource))
    made.add("DURATION", timedelta(minutes=event.minutes))
    if event.rule:
        made.add("RRULE", vRecur.from_ical(event.rule))
    for name, times in (("EXDATE", event.without), ("RDATE", event.also)):
        if times:
            values = [_at(event, at, resource) for at in times]
            made.add(name, values, parameters={"VALUE": "DATE"} if event.all_day else {})
    if event.quantity is not None:
        made.add(QUANTITY, str(event.quantity))
    return made


def _summary(resource: Resource, event: Event) -> str:
    if event.all_day and not event.quantity:
        return f"{resource.name}: closed"
    gives = event.minutes if event.quantity is None else event.quantity
    return f"{resource.name}: {gives} {resource.unit}"


def _at(event: Event, at: datetime, resource: Resource) -> date:
    if event.all_day:
        return at.date()
    return at.replace(tzinfo=ZoneInfo(event.zone or resource.time_zone))
