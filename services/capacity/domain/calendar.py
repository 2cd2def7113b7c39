"""When a resource works: weekly shifts, and what is different on some days."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from services.capacity.domain.terms import MOST


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Weekly shifts (seven quantities, Monday first), and what is different on some days, in a span of days."""

    weekly: list[int]
    exceptions: dict[date, int]
    starts_on: date
    ends_on: date

    def __post_init__(self) -> None:
        if len(self.weekly) != 7 or not all(0 <= quantity <= MOST for quantity in self.weekly):
            raise ValueError(f"weekly has seven quantities, Monday first, each from 0 to {MOST:,}")
        if not all(0 <= quantity <= MOST for quantity in self.exceptions.values()):
            raise ValueError(f"each exception is from 0 to {MOST:,}")
        if not 0 <= (self.ends_on - self.starts_on).days <= 1100:
            raise ValueError("ends_on is not before starts_on, and at most 1,100 days after it")
        if not (self.starts_on.year >= 1900 and self.ends_on.year <= 2100):
            raise ValueError("starts_on and ends_on are between 1900 and 2100")
        if not all(self.starts_on <= day <= self.ends_on for day in self.exceptions):
            raise ValueError("exceptions are of days from starts_on to ends_on")


def days_between(first: date, last: date) -> Iterator[date]:
    """Each day from one to another, both of them too."""
    return (first + timedelta(number) for number in range((last - first).days + 1))


def published_on(calendar: Calendar, day: date) -> int:
    """What the calendar gives on a day: nothing outside its span, else the exception, else the weekly shift."""
    if not calendar.starts_on <= day <= calendar.ends_on:
        return 0
    return calendar.exceptions.get(day, calendar.weekly[day.weekday()])
