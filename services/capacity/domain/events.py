"""What a calendar file says: events, once or again and again. One with clock times is work; one of whole days is what
these days give, nothing unless it says so."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from services.capacity.domain.calendar import days_between
from services.capacity.domain.recurrence import occurrences, parse
from services.capacity.domain.terms import MOST, check_range

_DAY = timedelta(days=1)
_DAY_MINUTES = 1440
MOST_TIMES = 1100
_LONGEST_RULE = 500
_COUNTED_SINCE = 2015
"""What counts is counted from its beginning each time that it is looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event, with its rule and what is different from it. Clock times are those of `zone`."""

    starts: datetime
    minutes: int
    """Of each time that it happens, also where clocks change (RFC 5545, section 3.8.5.3)."""
    zone: str = ""
    """IANA name; none: the site's."""
    all_day: bool = False
    rule: str = ""
    """As RRULE has it; none: once."""
    without: list[datetime] = field(default_factory=list)
    also: list[datetime] = field(default_factory=list)
    quantity: int | None = None
    """What each time gives in the resource's unit; none: the minutes of work, or nothing of whole days."""

    def __post_init__(self) -> None:
        if any(at.tzinfo for at in (self.starts, *self.without, *self.also)):
            raise ValueError("times are told on the clock of `zone`, without an offset of their own")
        if not 1900 <= self.starts.year <= 2100:
            raise ValueError("an event begins between 1900 and 2100")
        if not 1 <= self.minutes <= (366 * _DAY_MINUTES if self.all_day else _DAY_MINUTES):
            raise ValueError("work lasts from 1 minute to 24 hours, whole days are at most 366; make several events")
        if self.all_day and (self.minutes % _DAY_MINUTES or self.starts.time() != time.min):
            raise ValueError("whole days begin at midnight")
        if len(self.without) > MOST_TIMES or len(self.also) > MOST_TIMES:
            raise ValueError(f"at most {MOST_TIMES} times are left out, and at most so many added")
        check_range(0, MOST, quantity=self.quantity)
        _known(self.zone)
        if len(self.rule) > _LONGEST_RULE:
            raise ValueError(f"a rule has at most {_LONGEST_RULE} characters")
        if self.rule and parse(self.rule).count and self.starts.year < _COUNTED_SINCE:
            raise ValueError(f"a rule with COUNT begins in {_COUNTED_SINCE} or later; give it an UNTIL")

    @property
    def most(self) -> int:
        """What it can give to one day, at most: where clocks are put back, the same time may come twice."""
        if self.all_day:
            return 0
        return (2 + len(self.also)) * (self.minutes if self.quantity is None else self.quantity)


def days_of(event: Event, site: ZoneInfo, first: date, last: date) -> Iterator[date]:
    """The site's days from first to last on which an event happens, each as often as it does; whole days one by one."""
    length = event.minutes // _DAY_MINUTES if event.all_day else 1
    for at in _times(event, site, first - (length + 2) * _DAY, last + 2 * _DAY):
        there = at if event.all_day else at.replace(tzinfo=_zone(event, site)).astimezone(UTC).astimezone(site)
        day = there.date()
        yield from days_between(max(first, day), min(last, day + (length - 1) * _DAY))


def _times(event: Event, site: ZoneInfo, first: date, last: date) -> Iterator[datetime]:
    """When it happens, on the clock of its own zone."""
    days = [event.starts.date()]
    if event.rule:
        days = [*occurrences(parse(event.rule), event.starts, _zone(event, site), first, last)]
    found = {datetime.combine(day, event.starts.time()) for day in days if first <= day <= last}
    also = {at for at in event.also if first <= at.date() <= last}
    return iter(sorted((found | also) - set(event.without)))


def _zone(event: Event, site: ZoneInfo) -> ZoneInfo:
    return _known(event.zone) or site


def _known(zone: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(zone) if zone else None
    except (ValueError, OSError, LookupError):
        raise ValueError(f"{zone!r} is no time zone that is known; use an IANA name, e.g. Europe/Rome") from None
