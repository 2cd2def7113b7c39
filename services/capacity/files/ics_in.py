"""Calendar files (RFC 5545) as events. icalendar parses; what is read here is when, how long and how often.

Names, places, guests and notes are never read: a phone's calendar says more than a workshop means to publish.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from icalendar import Calendar
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from services.capacity.domain.events import Event
from services.capacity.files import Fault, FaultyFileError

QUANTITY = "X-FILIERA-QUANTITY"
"""What each time of an event gives, in the resource's unit."""
_READ = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError)
"""What a parser raises that is given anything."""
_CHANGED = "RECURRENCE-ID"


def read(body: bytes) -> list[Event]:
    """The events of a calendar file, with what was changed or cancelled of them as it is now.

    Raises FaultyFileError, with a sentence for each event that cannot be taken.
    """
    try:
        found = Calendar.from_ical(body.decode("utf-8-sig")).walk("VEVENT")
    except _READ as error:
        raise FaultyFileError(Fault("file", f"is no calendar (RFC 5545): {error}"[:300])) from None
    faults: list[Fault] = []
    masters = [one for one in found if _CHANGED not in one]
    changes = [one for one in found if _CHANGED in one]
    standing = [one for one in (*masters, *changes) if str(one.get("STATUS", "")).upper() != "CANCELLED"]
    events = [event for one in standing for event in _tried(one, lambda one: [_event(one, changes)], found, faults)]
    if faults:
        raise FaultyFileError(*faults)
    return events


def _tried(
    one: Any, reader: Callable[[Any], Sequence[Event]], among: Sequence[Any], faults: list[Fault]
) -> Sequence[Event]:
    try:
        return reader(one)
    except _READ as error:
        where = f"event {among.index(one) + 1}"
        faults.append(Fault(where, str(error)[:300]))
        return []


def _event(one: Any, changes: Sequence[Any]) -> Event:
    if one.errors:
        raise ValueError("{0[0]}: {0[1]}".format(one.errors[0]))
    if unknown := [name for name in ("EXRULE", "RRULE") if name in one and (name == "EXRULE" or _many(one[name]))]:
        raise ValueError(f"{unknown[0]} is not understood so; use one RRULE, with EXDATE and RDATE")
    starts = one["DTSTART"] if "DTSTART" in one else _missing("DTSTART")
    zone, all_day = _zone(starts), not isinstance(starts.dt, datetime)
    return Event(
        starts=_clock(starts.dt, zone),
        minutes=_length(one) // timedelta(minutes=1),
        zone=zone,
        all_day=all_day,
        rule=one["RRULE"].to_ical().decode() if "RRULE" in one else "",
        without=sorted({*_times(one, "EXDATE", zone), *_moved(one, changes, zone)}),
        also=sorted(set(_times(one, "RDATE", zone))),
        quantity=int(str(one[QUANTITY])) if QUANTITY in one else None,
    )


def _missing(name: str) -> Any:
    raise ValueError(f"has no {name}")


def _many(value: Any) -> bool:
    return isinstance(value, list)


def _length(one: Any) -> timedelta:
    """How long it lasts; a time elapsed, whatever clocks do meanwhile (RFC 5545, section 3.8.5.3)."""
    starts = one["DTSTART"].dt
    if "DURATION" in one:
        length = one["DURATION"].dt
    elif "DTEND" in one:
        length = _instant(one["DTEND"].dt) - _instant(starts)
    elif not isinstance(starts, datetime):
        length = timedelta(days=1)
    else:
        raise ValueError("has neither DTEND nor DURATION")
    if not isinstance(length, timedelta):
        raise TypeError("DURATION is no span of time")
    return length


def _instant(at: date) -> datetime:
    if not isinstance(at, datetime):
        return datetime.combine(at, time.min, UTC)
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def _zone(value: Any) -> str:
    """The IANA name of a time's zone; none of one that floats. Outlook has names of its own."""
    zone, named = getattr(value.dt, "tzinfo", None), str(value.params.get("TZID", ""))
    if isinstance(zone, ZoneInfo):
        return zone.key
    if not named or not isinstance(value.dt, datetime):
        return ""
    try:
        return ZoneInfo(WINDOWS_TO_OLSON.get(named, named)).key
    except (ValueError, OSError, LookupError):
        raise ValueError(f"TZID={named} is no time zone that is known; use an IANA name, e.g. Europe/Rome") from None


def _clock(at: Any, zone: str) -> datetime:
    """A time on the clock of a zone."""
    if isinstance(at, tuple):
        raise ValueError("RDATE of periods is not understood; make an event of each")  # noqa: TRY004 - as all the rest
    if not isinstance(at, datetime):
        return datetime.combine(at, time.min)
    return (at.astimezone(ZoneInfo(zone)) if at.tzinfo and zone else at).replace(tzinfo=None)


def _times(one: Any, name: str, zone: str) -> Iterator[datetime]:
    lists = one.get(name, [])
    for some in lists if _many(lists) else [lists]:
        yield from (_clock(value.dt, zone) for value in some.dts)


def _moved(one: Any, changes: Sequence[Any], zone: str) -> Iterator[datetime]:
    """The times of an event that are told by themselves: moved, changed or cancelled."""
    for change in changes if _CHANGED not in one else ():
        if change.get("UID") == one.get("UID"):
            if "RANGE" in change[_CHANGED].params:
                raise ValueError("RANGE=THISANDFUTURE is not understood; end the event and begin another")
            yield _clock(change[_CHANGED].dt, zone)
