"""Days on which workshops in Milan are closed: public holidays, the patron's day, the weeks of August."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import cache

_FIXED = ((1, 1), (1, 6), (4, 25), (5, 1), (6, 2), (8, 15), (11, 1), (12, 8), (12, 25), (12, 26))
_SAINT_FRANCIS = (10, 4)
"""A national holiday again since 2026 (law 151 of 8 October 2025)."""
_SANT_AMBROGIO = (12, 7)
_YEAR = 365


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (the anonymous algorithm, Meeus, Astronomical Algorithms, ch. 8)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e, g = b // 4, b % 4, (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = c // 4, c % 4
    m = (a + 11 * h) // 319
    r = (2 * e + 2 * i - k - h + m + 32) % 7
    month = (h - m + r + 90) // 25
    return date(year, month, (h - m + r + month + 19) % 32)


@cache
def holidays(year: int, municipality: str) -> frozenset[date]:
    """National holidays of that year and, in the municipality of Milan alone, Sant'Ambrogio."""
    fixed = [
        *_FIXED,
        *([_SAINT_FRANCIS] if year >= 2026 else []),
        *([_SANT_AMBROGIO] if municipality == "Milano" else []),
    ]
    sunday = easter(year)
    return frozenset({sunday, sunday + timedelta(days=1), *(date(year, month, day) for month, day in fixed)})


def august(year: int, weeks: int) -> frozenset[date]:
    """The days of a summer closure of so many whole weeks, the week of Ferragosto (15 August) among them."""
    ferragosto = date(year, 8, 15)
    first = ferragosto - timedelta(days=ferragosto.weekday() + 7 * (weeks // 2))
    return frozenset(first + timedelta(days=n) for n in range(7 * weeks))


def last_day(starts_on: date) -> date:
    """The last day of a calendar of one year."""
    return starts_on + timedelta(days=_YEAR - 1)


def closed_days(starts_on: date, weekly: Sequence[int], municipality: str, august_weeks: int) -> Iterator[date]:
    """Days of the year from `starts_on` that the weekly shifts would work and that are closed, in order."""
    years = {starts_on.year, last_day(starts_on).year}
    closed = frozenset().union(*(holidays(y, municipality) | august(y, august_weeks) for y in years))
    for day in sorted(closed):
        if starts_on <= day <= last_day(starts_on) and weekly[day.weekday()]:
            yield day
