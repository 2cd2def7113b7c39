"""Recurrence rules fall on the days that RFC 5545 says; dateutil is the oracle, but for what it has wrong."""
# ruff: noqa: DTZ001 - clock times are told without a zone

from datetime import date, datetime, timedelta
from itertools import takewhile
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services.capacity.domain.recurrence import occurrences, parse

ROME = ZoneInfo("Europe/Rome")
DAY, YEAR = timedelta(1), timedelta(366)
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
starts_of = st.datetimes(datetime(2020, 1, 1), datetime(2026, 12, 31)).map(lambda at: at.replace(microsecond=0))


def numbers(least: int, most: int) -> st.SearchStrategy[str]:
    some = st.lists(st.integers(least, most).filter(bool), min_size=1, max_size=4, unique=True)
    return some.map(lambda chosen: ",".join(map(str, chosen)))


def weekdays(ordinals: bool) -> st.SearchStrategy[str]:
    """All with an ordinal, or all without: dateutil takes a mixture for both at once, and so for no day."""
    codes = st.sampled_from(WEEKDAYS)
    counted = st.tuples(st.sampled_from(["1", "2", "-1", "-2", "5"]), codes).map("".join)
    some = [st.lists(one, min_size=1, max_size=4, unique=True) for one in (codes, counted)[: 1 + ordinals]]
    return st.one_of(some).map(",".join)


@st.composite
def rules(draw: st.DrawFn) -> str:
    every = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]))
    parts = [f"FREQ={every}", f"INTERVAL={draw(st.integers(1, 5))}", f"WKST={draw(st.sampled_from(WEEKDAYS))}"]
    if draw(st.booleans()):
        parts.append(f"COUNT={draw(st.integers(1, 60))}")
    elif draw(st.booleans()):
        parts.append(f"UNTIL={draw(st.dates(date(2020, 1, 1), date(2027, 12, 31))):%Y%m%d}T120000")
    if draw(st.booleans()):
        parts.append(f"BYDAY={draw(weekdays(every in ('MONTHLY', 'YEARLY')))}")
    if every != "WEEKLY" and draw(st.booleans()):
        parts.append(f"BYMONTHDAY={draw(numbers(-31, 31))}")
    if draw(st.booleans()):
        parts.append(f"BYMONTH={draw(numbers(1, 12))}")
    if every in ("MONTHLY", "YEARLY") and any(part.startswith("BY") for part in parts) and draw(st.booleans()):
        parts.append(f"BYSETPOS={draw(numbers(-5, 5))}")
    return ";".join(parts)


def falls_on(rule: str, starts: datetime, first: date, last: date) -> list[date]:
    return [*occurrences(parse(rule), starts, ROME, first, last)]


@settings(deadline=None)  # the oracle takes its time
@given(rules(), starts_of, st.integers(0, 900), st.integers(0, 500))
def test_a_rule_falls_on_the_days_that_dateutil_finds(rule: str, starts: datetime, after: int, length: int) -> None:
    first = starts.date() + timedelta(after)
    last = first + timedelta(length)
    endless, ends = without_end(rule)
    # The oracle looks for a day that never comes up to the year 9999: ask only where there is one more.
    assume(falls_on(endless, starts, last + DAY, last + 4 * YEAR))
    oracle = rrulestr(f"{endless}{';' * bool(ends.count)}{ends.count}", dtstart=starts)
    found = takewhile(lambda at: at.date() <= last and at <= ends.until, oracle)
    assert falls_on(rule, starts, first, last) == [at.date() for at in found if at.date() >= first]


class Ends(NamedTuple):
    count: str
    until: datetime


def without_end(rule: str) -> tuple[str, Ends]:
    """A rule without COUNT and UNTIL, and what these say."""
    parts = dict(part.split("=") for part in rule.split(";"))
    count, until = parts.pop("COUNT", ""), parts.pop("UNTIL", "99991231T000000")
    plain = ";".join(f"{name}={value}" for name, value in parts.items())
    return plain, Ends(f"COUNT={count}" if count else "", datetime.strptime(until, "%Y%m%dT%H%M%S"))  # noqa: DTZ007 - a local time


@given(rules(), starts_of, st.integers(0, 400), st.integers(0, 400))
def test_a_day_is_found_whatever_part_of_the_calendar_is_looked_at(
    rule: str, starts: datetime, after: int, length: int
) -> None:
    everything = falls_on(rule, starts, starts.date(), starts.date() + timedelta(800))
    first = starts.date() + timedelta(after)
    last = first + timedelta(length)
    assert falls_on(rule, starts, first, last) == [day for day in everything if first <= day <= last]


def test_positions_are_counted_in_the_whole_week_also_in_the_first() -> None:
    # DTSTART is a Wednesday: Monday, which lies before it, is that week's first. dateutil counts from DTSTART and
    # answers 2026-01-07, a Wednesday, as the first (dateutil issue 1398).
    rule, starts = "FREQ=WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=1;COUNT=2", datetime(2026, 1, 7, 8)
    assert falls_on(rule, starts, date(2026, 1, 1), date(2026, 2, 1)) == [date(2026, 1, 12), date(2026, 1, 19)]
    assert next(iter(rrulestr(rule, dtstart=starts))).date() == date(2026, 1, 7)


def test_weekdays_with_and_without_an_ordinal_are_any_of_them() -> None:
    found = falls_on("FREQ=MONTHLY;BYDAY=SA,1MO", datetime(2026, 3, 1), date(2026, 3, 1), date(2026, 3, 15))
    assert found == [date(2026, 3, 2), date(2026, 3, 7), date(2026, 3, 14)]


def test_a_rule_that_never_falls_ends_at_the_last_day_that_is_looked_at() -> None:
    # dateutil looks for it up to the year 9999, for each event of a file.
    for rule in ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=DAILY;BYDAY=MO;BYSETPOS=2"):
        assert falls_on(rule, datetime(2026, 1, 1), date(2026, 1, 1), date(2027, 1, 1)) == []


@pytest.mark.parametrize(
    ("rule", "starts", "days"),
    [
        # RFC 5545, section 3.8.5.3, examples of RRULE
        ("FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", "1997-09-04", "1997-09-04 1997-10-07 1997-11-06"),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2;COUNT=3", "1997-09-29", "1997-09-29 1997-10-30 1997-11-27"),
        ("FREQ=WEEKLY;INTERVAL=2;COUNT=3;BYDAY=TU,SU;WKST=MO", "1997-08-05", "1997-08-05 1997-08-10 1997-08-19"),
        ("FREQ=WEEKLY;INTERVAL=2;COUNT=3;BYDAY=TU,SU;WKST=SU", "1997-08-05", "1997-08-05 1997-08-17 1997-08-19"),
        ("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=3", "1997-09-02", "1998-02-13 1998-03-13 1998-11-13"),
        ("FREQ=MONTHLY;COUNT=4;BYMONTHDAY=1,-1", "1997-09-30", "1997-09-30 1997-10-01 1997-10-31 1997-11-01"),
        ("FREQ=YEARLY;BYDAY=20MO;COUNT=3", "1997-05-19", "1997-05-19 1998-05-18 1999-05-17"),
        (
            "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8;COUNT=3",
            "1996-11-05",
            "1996-11-05 2000-11-07 2004-11-02",
        ),
    ],
)
def test_the_examples_of_the_standard_come_out(rule: str, starts: str, days: str) -> None:
    begins = datetime.fromisoformat(f"{starts}T09:00:00")
    found = falls_on(rule, begins, begins.date(), date(2005, 1, 1))
    assert found == [date.fromisoformat(day) for day in days.split()]


def test_an_end_in_utc_is_that_instant_on_the_rules_own_clock() -> None:
    late, starts = "FREQ=DAILY;UNTIL=20260102T230000Z", datetime(2026, 1, 1, 0, 0)
    assert falls_on(late, starts, date(2026, 1, 1), date(2026, 1, 9)) == [date(2026, 1, n) for n in (1, 2, 3)]


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("FREQ=HOURLY", "HOURLY"),
        ("INTERVAL=2", "FREQ"),
        ("FREQ=DAILY;BYHOUR=8", "BYHOUR is not understood"),
        ("FREQ=YEARLY;BYWEEKNO=20", "BYWEEKNO is not understood"),
        ("FREQ=DAILY;COUNT=1;UNTIL=20260101", "exclude each other"),
        ("FREQ=DAILY;COUNT=0", "COUNT=0"),
        ("FREQ=DAILY;INTERVAL=1001", "INTERVAL=1001"),
        ("FREQ=DAILY;COUNT=x", "COUNT=X"),
        ("FREQ=DAILY;UNTIL=tomorrow", "UNTIL=TOMORROW"),
        ("FREQ=WEEKLY;BYDAY=2MO", "which FREQ=WEEKLY cannot"),
        ("FREQ=WEEKLY;BYDAY=XX", "XX is no weekday"),
        ("FREQ=MONTHLY;BYDAY=xMO", "BYDAY=XMO"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY=32"),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=0", "BYSETPOS=0"),
        ("FREQ=MONTHLY;BYSETPOS=1", "add BYDAY, BYMONTHDAY or BYMONTH"),
        ("FREQ=WEEKLY;FREQ=DAILY", "FREQ comes twice"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_reason(rule: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse(rule)
