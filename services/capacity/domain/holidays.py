"""Days on which workshops are closed by law or by custom: public holidays by name, and the weeks of August."""

from datetime import date, timedelta
from functools import cache

_ITALY = ((1, 1), (1, 6), (4, 25), (5, 1), (6, 2), (8, 15), (11, 1), (12, 8), (12, 25), (12, 26))
_SAINT_FRANCIS = (10, 4)
"""A national holiday again since 2026 (law 151 of 8 October 2025)."""
_PATRONS = {"IT": [], "IT-MI": [(12, 7)]}
"""Of whom a name keeps the day besides the national holidays: Sant'Ambrogio, in the municipality of Milan alone."""
NAMES = tuple(_PATRONS)


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
def holidays(name: str, year: int) -> frozenset[date]:
    """The public holidays of a year: `IT`, or `IT-MI` with the patron's day of Milan."""
    sunday = easter(year)
    fixed = [*_ITALY, *([_SAINT_FRANCIS] if year >= 2026 else []), *_PATRONS[name]]
    return frozenset({sunday, sunday + timedelta(days=1), *(date(year, month, day) for month, day in fixed)})


@cache
def august(year: int, weeks: int) -> frozenset[date]:
    """The days of a summer closure of so many whole weeks, the week of Ferragosto (15 August) among them."""
    ferragosto = date(year, 8, 15)
    first = ferragosto - timedelta(days=ferragosto.weekday() + 7 * (weeks // 2))
    return frozenset(first + timedelta(days=n) for n in range(7 * weeks))
