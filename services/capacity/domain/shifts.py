"""When a workshop works, as it says it: shifts by the clock, holidays by name, closures, overtime.

What a day gives, the strongest first: its dated exception; events of whole days; nothing, if it is closed (closures,
holidays, August); else its shifts, its events with clock times and its overtime. A shift belongs to the day on which it
begins. It follows from the pattern and the day alone, so a horizon may be published bit by bit.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from services.capacity.domain.calendar import Calendar, days_between, published_on
from services.capacity.domain.events import Event, days_of
from services.capacity.domain.holidays import NAMES, august, holidays
from services.capacity.domain.terms import MOST, check_range

HORIZON = 365
"""Days ahead that are published at least, of whoever works by a pattern."""
_AHEAD = HORIZON + 30
"""As far as is published at a time: so a resource is published again once a month and not every day."""
_KEPT = 31
"""Days that are over and still told."""
_DAY = timedelta(days=1)
_LONGEST = 25 * 60
"""Minutes from a time of a day to the same of the next, where clocks are put back."""


@cache
def _changes(zone: ZoneInfo, year: int) -> frozenset[date]:
    """Days in a year on which clocks change, or on the next."""
    days = [*days_between(date(year, 1, 1), date(year + 1, 1, 2))]
    offsets = [datetime.combine(day, time.min, zone).utcoffset() for day in days]
    return frozenset(day for number, day in enumerate(days[:-2]) if len({*offsets[number : number + 3]}) > 1)


def _check_weekdays(weekdays: list[int]) -> None:
    if not weekdays or not set(weekdays) <= set(range(1, 8)):
        raise ValueError("weekdays are from 1, Monday, to 7, Sunday (ISO 8601), and at least one")


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Days from one to another, both of them too."""

    starts_on: date
    ends_on: date

    def __post_init__(self) -> None:
        if self.ends_on < self.starts_on:
            raise ValueError("ends_on is not before starts_on")

    def __contains__(self, day: date) -> bool:
        return self.starts_on <= day <= self.ends_on


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Hours on the site's clock; one that ends no later than it starts ends on the next day."""

    weekdays: list[int]
    starts: time
    ends: time
    break_minutes: int = 0
    teams: int = 1
    """How many work side by side."""
    quantity: int | None = None
    """What it gives in the resource's unit; none: its minutes, of every team."""

    def __post_init__(self) -> None:
        _check_weekdays(self.weekdays)
        if self.starts.tzinfo or self.ends.tzinfo:
            raise ValueError("starts and ends are on the site's clock, without an offset of their own")
        if not (0 <= self.break_minutes <= 1440 and 1 <= self.teams <= 500):
            raise ValueError("break_minutes is from 0 to 1,440, teams from 1 to 500")
        check_range(0, MOST, quantity=self.quantity)

    @property
    def minutes(self) -> int:
        """From its start to its end on a usual day, break and all."""
        begins, ends = (at.hour * 60 + at.minute for at in (self.starts, self.ends))
        return (ends - begins) % 1440 or 1440

    @property
    def most(self) -> int:
        """What it gives on one day, at most."""
        return _LONGEST * self.teams if self.quantity is None else self.quantity

    def gives(self, day: date, zone: ZoneInfo) -> int:
        """What it gives if it begins on this day: where clocks change, it has other minutes."""
        if self.quantity is not None:
            return self.quantity
        begins = datetime.combine(day, self.starts, zone).astimezone(UTC)
        ends = datetime.combine(day + _DAY * (self.ends <= self.starts), self.ends, zone).astimezone(UTC)
        return max(0, (ends - begins) // timedelta(minutes=1) - self.break_minutes) * self.teams


@dataclass(frozen=True, slots=True, kw_only=True)
class Overtime:
    """More on some weekdays of a span, up to so much in a week; never on days that are closed."""

    span: Span
    weekdays: list[int]
    quantity: int
    most_a_week: int | None = None

    def __post_init__(self) -> None:
        _check_weekdays(self.weekdays)
        if not (1 <= self.quantity <= MOST and (self.most_a_week is None or 1 <= self.most_a_week <= MOST)):
            raise ValueError(f"quantity and most_a_week are from 1 to {MOST:,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """When a resource works, for as long as the workshop does not say otherwise."""

    shifts: list[Shift] = field(default_factory=list)
    holidays: str | None = None
    """`IT`, or `IT-MI` with Sant'Ambrogio; none: it works through."""
    august_weeks: int = 0
    closures: list[Span] = field(default_factory=list)
    overtime: list[Overtime] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    exceptions: dict[date, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.holidays is not None and self.holidays not in NAMES:
            raise ValueError(f"holidays is one of {', '.join(NAMES)}, or left out")
        check_range(0, 8, august_weeks=self.august_weeks)
        if max(len(self.shifts) + len(self.events), len(self.overtime), len(self.closures)) > 100:
            raise ValueError("a pattern has at most 100 shifts and events, 100 closures, 100 times of overtime")
        if len(self.exceptions) > 1100 or not all(0 <= quantity <= MOST for quantity in self.exceptions.values()):
            raise ValueError(f"at most 1,100 days are exceptions, each from 0 to {MOST:,}")
        most = [*(shift.most for shift in self.shifts), *(event.most for event in self.events)]
        if sum(most) + sum(more.quantity for more in self.overtime) > MOST:
            raise ValueError(f"all together give no day more than {MOST:,}")


def check_hours(pattern: Pattern, unit: str) -> None:
    """Refuse hours that cannot be meant: breaks as long as their shifts, and hours where something else than minutes is
    counted. Raises ValueError."""
    if any(shift.quantity is None and shift.break_minutes >= shift.minutes for shift in pattern.shifts):
        raise ValueError("has a break that is as long as its shift")
    told = [*(one.quantity for one in pattern.shifts), *(one.quantity for one in pattern.events if not one.all_day)]
    if unit != "minutes" and None in told:
        said = "say by `quantity` what each shift or event gives"
        raise ValueError(f"is in hours, and this is counted in {unit}; {said}")


def calendar_of(pattern: Pattern, zone: str, today: date) -> Calendar:
    """A calendar of the whole horizon from today on."""
    return _calendar(quantities(pattern, zone, today, today + _AHEAD * _DAY))


def rolled(calendar: Calendar, pattern: Pattern, zone: str, today: date) -> Calendar:
    """The calendar with days added up to the horizon. What is published stays as it is; what is long over goes."""
    begins = max(calendar.starts_on, today - _KEPT * _DAY)
    known = {day: published_on(calendar, day) for day in days_between(begins, calendar.ends_on)}
    first = max(calendar.ends_on + _DAY, begins)
    return _calendar(known | quantities(pattern, zone, first, today + _AHEAD * _DAY))


def quantities(pattern: Pattern, zone: str, first: date, last: date) -> dict[date, int]:
    """What each day from first to last gives."""
    monday, site = first - first.weekday() * _DAY, ZoneInfo(zone)  # overtime is counted from Monday on
    days = [*days_between(monday, last)]
    worked = _shifts(pattern, days, site)
    for event in (one for one in pattern.events if not one.all_day):
        for day in days_of(event, site, monday, last):
            worked[day] += event.minutes if event.quantity is None else event.quantity
    told, closed = _whole_days(pattern, site, monday, last), _closed(pattern, days)
    worked += _overtime(pattern, [day for day in days if day not in closed and day not in told])
    known = {day: 0 if day in closed else worked[day] for day in days} | told
    return {day: pattern.exceptions.get(day, known[day]) for day in days_between(first, last)}


def _shifts(pattern: Pattern, days: list[date], site: ZoneInfo) -> Counter[date]:
    """Where no clock changes, what a weekday gives is worked out once."""
    known, gives = dict[date | int, int](), Counter[date]()
    for day in days:
        weekday = day.isoweekday()
        like = day if day in _changes(site, day.year) else weekday
        if like not in known:
            known[like] = sum(shift.gives(day, site) for shift in pattern.shifts if weekday in shift.weekdays)
        gives[day] = known[like]
    return gives


def _whole_days(pattern: Pattern, site: ZoneInfo, first: date, last: date) -> dict[date, int]:
    """What events of whole days say; of several the shortest, of equals what gives less."""
    told: dict[date, tuple[int, int]] = {}
    for event in (one for one in pattern.events if one.all_day):
        for day in days_of(event, site, first, last):
            says = event.minutes, event.quantity or 0
            told[day] = min(told.get(day, says), says)
    return {day: quantity for day, (_, quantity) in told.items()}


def _closed(pattern: Pattern, days: list[date]) -> set[date]:
    closed = {day for day in days if any(day in span for span in pattern.closures)}
    for year in {day.year for day in days}:
        closed |= august(year, pattern.august_weeks)
        closed |= holidays(pattern.holidays, year) if pattern.holidays else set()
    return closed


def _overtime(pattern: Pattern, days: list[date]) -> Counter[date]:
    more: Counter[date] = Counter()
    for rule in pattern.overtime:
        weeks: Counter[date] = Counter()
        for day in (day for day in days if day in rule.span and day.isoweekday() in rule.weekdays):
            week = day - day.weekday() * _DAY
            extra = min(rule.quantity, (rule.most_a_week or MOST) - weeks[week])
            weeks[week] += extra
            more[day] += extra
    return more


def _calendar(gives: Mapping[date, int]) -> Calendar:
    """The same in few words: what each weekday usually gives, and the days that differ."""
    usual = [Counter[int]() for _ in range(7)]
    for day, quantity in gives.items():
        usual[day.weekday()][quantity] += 1
    weekly = [counts.most_common(1)[0][0] if counts else 0 for counts in usual]
    different = {day: n for day, n in gives.items() if n != weekly[day.weekday()]}
    return Calendar(weekly=weekly, exceptions=different, starts_on=min(gives), ends_on=max(gives))
