"""Calendar files (RFC 5545) as events. icalendar parses; what is read here is when, how long and how often.

Names, places, guests and notes are never read: a phone's calendar says more than a workshop means to publish.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from icalendar import Calendar
from icalendar.prop import TypesFactory, vRecur
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from services.capacity.domain.events import Event
from services.capacity.domain.recurrence import parts_of
from services.capacity.files import Fault, FaultyFileError

QUANTITY = "X-FILIERA-QUANTITY"
"""What each time of an event gives, in the resource's unit."""
REFERENCE = "X-FILIERA-REFERENCE"
"""Whose an event is, in a file for many resources: the workshop's own name for it."""
_READ = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError)
"""What a parser raises that is given anything."""
_CHANGED = "RECURRENCE-ID"


class _Rule(vRecur):
    """RRULE. icalendar lets the last win of parts that come twice; a workshop would not know which."""

    @classmethod
    def from_ical(cls, ical: str) -> Any:
        parts_of(ical)
        return vRecur.from_ical(ical)


class _Calendar(Calendar):
    types_factory = TypesFactory()
    types_factory["recur"] = _Rule


Numbered = Sequence[tuple[int, Any]]
"""Events as they were parsed, each with its place in the file."""


def read(body: bytes) -> list[Event]:
    """The events of a calendar file, with what was changed or cancelled of them as it is now.

    Raises FaultyFileError, with a sentence for each event that cannot be taken.
    """
    return _events(_parsed(body))


def read_each(body: bytes) -> Iterator[tuple[int, str, list[Event] | FaultyFileError]]:
    """The events of many resources, each of which says by X-FILIERA-REFERENCE whose it is: for each reference the place
    of its first event, and its events or what is wrong with them. Raises FaultyFileError if this is no calendar."""
    by_reference: dict[str, list[tuple[int, Any]]] = {}
    for number, one in _parsed(body):
        by_reference.setdefault(str(one.get(REFERENCE, "")), []).append((number, one))
    for reference, some in by_reference.items():
        try:
            yield some[0][0], reference, _events(some)
        except FaultyFileError as error:
            yield some[0][0], reference, error


def _parsed(body: bytes) -> Numbered:
    try:
        return [*enumerate(_Calendar.from_ical(body.decode("utf-8-sig")).walk("VEVENT"), 1)]
    except _READ as error:
        raise FaultyFileError(Fault("file", f"is no calendar (RFC 5545): {error}"[:300])) from None


def _events(found: Numbered) -> list[Event]:
    changes, faults, events = [one for _, one in found if _CHANGED in one], list[Fault](), list[Event]()
    for number, one in found:
        if str(one.get("STATUS", "")).upper() == "CANCELLED":
            continue
        try:
            events.append(_event(one, changes))
        except _READ as error:
            faults.append(Fault(f"event {number}", str(error)[:300]))
    if faults:
        raise FaultyFileError(*faults)
    return events


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
        quantity=_quantity(str(one[QUANTITY])) if QUANTITY in one else None,
    )


def _quantity(text: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,15}", text):
        raise ValueError(f"{QUANTITY}:{text[:40]} is no whole number, as 480 is")
    return int(text)


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
