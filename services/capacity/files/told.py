"""A resource's calendar told as events, for a file: what is read back gives each published day the same."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from services.capacity.domain.calendar import Calendar, published_on
from services.capacity.domain.events import MOST_TIMES, Event, days_of
from services.capacity.domain.shifts import Pattern, Shift, quantities

_CODES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_DAY = timedelta(days=1)


def as_events(calendar: Calendar, pattern: Pattern | None, zone: str) -> list[Event]:
    """Shifts and events of the pattern, or what each weekday gives; then the days that give something else.

    Read back, they take the place of shifts and events alone (`handlers.calendars`): so days with overtime are told
    each, or what a week has left of it would go to days that had none.
    """
    usual = [*_usual(calendar)]
    if pattern:
        usual = [*(_shift(shift, calendar) for shift in pattern.shifts), *pattern.events]
    gives = quantities(Pattern(events=usual), zone, calendar.starts_on, calendar.ends_on)
    wanted = {day: published_on(calendar, day) for day in gives}
    different = {day: quantity for day, quantity in wanted.items() if quantity != gives[day] or _overtime(pattern, day)}
    return [*(_but(event, different, zone) for event in usual), *_days(different)]


def _overtime(pattern: Pattern | None, day: date) -> bool:
    rules = pattern.overtime if pattern else []
    return any(day in rule.span and day.isoweekday() in rule.weekdays for rule in rules)


def _usual(calendar: Calendar) -> Iterator[Event]:
    """One event for all weekdays that give as much."""
    for quantity in sorted({*calendar.weekly} - {0}):
        weekdays = [number + 1 for number, gives in enumerate(calendar.weekly) if gives == quantity]
        if first := _first(weekdays, calendar):
            rule = f"{_weekly(weekdays)};UNTIL={calendar.ends_on:%Y%m%d}"
            yield _whole_day(first, quantity, rule=rule)


def _shift(shift: Shift, calendar: Calendar) -> Event:
    """Its minutes by the clock; what it gives is said where that is not the same."""
    minutes = shift.minutes
    gives = (minutes - shift.break_minutes) * shift.teams if shift.quantity is None else shift.quantity
    first = _first(shift.weekdays, calendar) or calendar.starts_on
    starts = datetime.combine(first, shift.starts.replace(second=0, microsecond=0))
    quantity = None if gives == minutes else max(0, gives)
    return Event(starts=starts, minutes=minutes, rule=_weekly(shift.weekdays), quantity=quantity)


def _but(event: Event, different: dict[date, int], zone: str) -> Event:
    """Left out on days that another event speaks for: of whole days always, else where nothing is worked."""
    days = [day for day, gives in different.items() if event.all_day or not gives]
    if not days or event.zone not in ("", zone):
        return event
    falls_on = {*days_of(event, ZoneInfo(zone), min(days), max(days))}
    times = {datetime.combine(day, event.starts.time()) for day in falls_on.intersection(days)}
    return replace(event, without=sorted(times.union(event.without))[:MOST_TIMES])


def _days(different: dict[date, int]) -> Iterator[Event]:
    """An event for all days that give as much."""
    alike = defaultdict(list)
    for day, quantity in sorted(different.items()):
        alike[quantity].append(day)
    for quantity, days in alike.items():
        for start in range(0, len(days), MOST_TIMES):
            first, *others = days[start : start + MOST_TIMES]
            yield _whole_day(first, quantity, also=[datetime.combine(day, time.min) for day in others])


def _whole_day(day: date, quantity: int, rule: str = "", also: list[datetime] | None = None) -> Event:
    starts = datetime.combine(day, time.min)
    return Event(starts=starts, minutes=1440, all_day=True, rule=rule, also=also or [], quantity=quantity or None)


def _weekly(weekdays: list[int]) -> str:
    return "FREQ=WEEKLY;BYDAY=" + ",".join(_CODES[number - 1] for number in sorted(set(weekdays)))


def _first(weekdays: list[int], calendar: Calendar) -> date | None:
    """The first of these weekdays in the calendar's span."""
    days = (calendar.starts_on + n * _DAY for n in range(min(7, (calendar.ends_on - calendar.starts_on).days + 1)))
    return next((day for day in days if day.isoweekday() in weekdays), None)
