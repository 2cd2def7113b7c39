"""What a pattern of shifts, holidays, closures and overtime gives each day."""
# ruff: noqa: DTZ001 - clock times are told without a zone

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time, timedelta

import holidays as oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.capacity.domain.calendar import published_on
from services.capacity.domain.events import Event
from services.capacity.domain.holidays import NAMES, holidays
from services.capacity.domain.shifts import HORIZON, Overtime, Pattern, Shift, Span, calendar_of, quantities, rolled
from services.capacity.domain.terms import MOST
from services.capacity.files.told import as_events

ROME = "Europe/Rome"
WEEKDAYS, EVERY_DAY = [1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6, 7]
DAY_SHIFT = Shift(weekdays=WEEKDAYS, starts=time(8), ends=time(17), break_minutes=60)
NIGHT_SHIFT = Shift(weekdays=EVERY_DAY, starts=time(22), ends=time(6))
YEAR = Span(starts_on=date(2026, 1, 1), ends_on=date(2026, 12, 31))
dates = st.dates(date(2024, 1, 1), date(2030, 12, 31))
spans = st.tuples(dates, st.integers(0, 20)).map(lambda one: Span(starts_on=one[0], ends_on=one[0] + timedelta(one[1])))
weekdays = st.lists(st.integers(1, 7), min_size=1, max_size=7, unique=True)
times = st.times().map(lambda at: at.replace(microsecond=0, second=0))
patterns = st.builds(
    Pattern,
    shifts=st.lists(st.builds(Shift, weekdays=weekdays, starts=times, ends=times, teams=st.integers(1, 3)), max_size=3),
    holidays=st.sampled_from([None, *NAMES]),
    august_weeks=st.integers(0, 4),
    closures=st.lists(spans, max_size=3),
    overtime=st.lists(
        st.builds(
            Overtime,
            span=spans,
            weekdays=weekdays,
            quantity=st.integers(1, 120),
            most_a_week=st.none() | st.integers(1, 300),
        ),
        max_size=2,
    ),
    events=st.lists(
        st.builds(
            Event,
            starts=st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1)).map(lambda at: at.replace(microsecond=0)),
            minutes=st.integers(1, 1440),
            zone=st.sampled_from(["", "America/New_York", "Asia/Tokyo"]),
            rule=st.sampled_from(["", "FREQ=WEEKLY;BYDAY=MO,TH", "FREQ=MONTHLY;BYDAY=1SA;COUNT=9"]),
        ),
        max_size=2,
    ),
    exceptions=st.dictionaries(dates, st.integers(0, 600), max_size=5),
)


def on(pattern: Pattern, day: date, zone: str = ROME) -> int:
    return quantities(pattern, zone, day, day)[day]


# --- shifts by the clock ---------------------------------------------------------------------------------------------


def test_a_week_of_shifts_gives_its_minutes_without_the_breaks() -> None:
    week = quantities(Pattern(shifts=[DAY_SHIFT]), ROME, date(2026, 3, 2), date(2026, 3, 8))
    assert [*week.values()] == [480] * 5 + [0, 0]


def test_teams_and_shifts_side_by_side_add_up() -> None:
    two = Pattern(shifts=[replace(DAY_SHIFT, teams=3), replace(DAY_SHIFT, starts=time(18), ends=time(20))])
    assert on(two, date(2026, 3, 2)) == 3 * 480 + 60


@pytest.mark.parametrize(
    ("day", "zone", "minutes"),
    [
        (date(2026, 3, 28), ROME, 7 * 60),  # clocks go forward in the night to the 29th
        (date(2026, 3, 29), ROME, 8 * 60),
        (date(2026, 10, 24), ROME, 9 * 60),  # and back in the night to 25 October
        (date(2026, 10, 25), ROME, 8 * 60),
        (date(2026, 3, 7), "America/New_York", 7 * 60),
        (date(2026, 3, 28), "Asia/Tokyo", 8 * 60),
        (date(2026, 4, 4), "Australia/Lord_Howe", 8 * 60 + 30),  # by half an hour
    ],
)
def test_a_night_in_which_clocks_change_has_other_minutes(day: date, zone: str, minutes: int) -> None:
    assert on(Pattern(shifts=[NIGHT_SHIFT]), day, zone) == minutes


def test_round_the_clock_is_a_day_of_23_or_25_hours_where_clocks_change() -> None:
    always = Pattern(shifts=[Shift(weekdays=EVERY_DAY, starts=time(0), ends=time(0))])
    assert [on(always, day) for day in (date(2026, 3, 29), date(2026, 3, 30), date(2026, 10, 25))] == [1380, 1440, 1500]


def test_a_shift_counted_in_another_unit_gives_that_whatever_the_clock_does() -> None:
    burn_out = Pattern(shifts=[replace(NIGHT_SHIFT, quantity=12)])
    assert {on(burn_out, date(2026, 3, 20) + timedelta(n)) for n in range(14)} == {12}


# --- holidays --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "subdivision"), [("IT", None), ("IT-MI", "MI")])
def test_public_holidays_are_those_of_an_independent_list(name: str, subdivision: str | None) -> None:
    # But for Sundays, on which nobody works by law: Easter, and until 2023 what was moved to one.
    for year in range(2020, 2040):
        listed = oracle.country_holidays("IT", subdiv=subdivision, years=year)
        ours, theirs = ({day for day in days if day.weekday() != 6} for days in (holidays(name, year), listed))
        assert ours == theirs, year


def test_workshops_of_milan_are_closed_on_holidays_and_on_sant_ambrogio() -> None:
    milan, italy = (Pattern(shifts=[DAY_SHIFT], holidays=name) for name in ("IT-MI", "IT"))
    assert [on(milan, date(2026, 12, day)) for day in (4, 7, 8)] == [480, 0, 0]
    assert [on(italy, date(2026, 12, day)) for day in (4, 7, 8)] == [480, 480, 0]
    assert on(Pattern(shifts=[DAY_SHIFT]), date(2026, 12, 8)) == 480


def test_august_is_closed_for_whole_weeks_with_ferragosto_among_them() -> None:
    closed = Pattern(shifts=[replace(DAY_SHIFT, weekdays=EVERY_DAY)], august_weeks=3)
    days = [day for day, gives in quantities(closed, ROME, date(2026, 7, 1), date(2026, 9, 30)).items() if not gives]
    assert (len(days), days[0], days[-1]) == (21, date(2026, 8, 3), date(2026, 8, 23))


# --- what wins -------------------------------------------------------------------------------------------------------


def test_the_strongest_word_wins() -> None:
    day, monday = date(2026, 8, 10), date(2026, 8, 3)
    stays_open = Event(starts=datetime(2026, 8, 10), minutes=1440, all_day=True, quantity=100)
    pattern = Pattern(shifts=[DAY_SHIFT])
    assert on(pattern, day) == 480
    pattern = replace(pattern, closures=[Span(starts_on=monday, ends_on=day)])
    assert on(pattern, day) == 0
    pattern = replace(pattern, events=[stays_open])
    assert on(pattern, day) == 100
    pattern = replace(pattern, exceptions={day: 30})
    assert (on(pattern, day), on(pattern, monday)) == (30, 0)


def test_of_two_events_of_a_whole_day_the_one_that_gives_less_counts() -> None:
    events = [Event(starts=datetime(2026, 3, 2), minutes=1440, all_day=True, quantity=n) for n in (100, 40)]
    assert on(Pattern(shifts=[DAY_SHIFT], events=events), date(2026, 3, 2)) == 40


def test_a_day_told_by_itself_counts_among_days_told_together() -> None:
    holiday = Event(starts=datetime(2026, 8, 3), minutes=21 * 1440, all_day=True)
    stays = Event(starts=datetime(2026, 8, 10), minutes=1440, all_day=True, quantity=100)
    closed = Pattern(shifts=[DAY_SHIFT], events=[holiday, stays])
    assert [on(closed, date(2026, 8, day)) for day in (7, 10, 11, 24)] == [0, 100, 0, 480]


def test_overtime_adds_up_to_its_weekly_limit_and_never_on_closed_days() -> None:
    more = Overtime(span=YEAR, weekdays=[1, 2, 3, 4, 5, 6], quantity=120, most_a_week=300)
    pattern = Pattern(shifts=[DAY_SHIFT], holidays="IT", overtime=[more])
    week = quantities(pattern, ROME, date(2026, 6, 1), date(2026, 6, 7))
    assert [*week.values()] == [600, 0, 600, 540, 480, 0, 0]  # 2 June is a holiday
    assert on(pattern, date(2026, 6, 4)) == 540  # also if only that day is asked for
    assert on(pattern, date(2027, 6, 7)) == 480


def test_an_event_elsewhere_counts_on_the_day_that_it_is_here() -> None:
    tokyo = Event(starts=datetime(2026, 3, 3, 5), minutes=120, zone="Asia/Tokyo", rule="FREQ=DAILY;COUNT=2")
    days = quantities(Pattern(events=[tokyo]), ROME, date(2026, 3, 1), date(2026, 3, 5))
    assert [*days.values()] == [0, 120, 120, 0, 0]  # 05:00 in Tokyo is 21:00 of the day before in Rome


def test_an_event_leaves_out_and_adds_times() -> None:
    event = Event(
        starts=datetime(2026, 3, 2, 8),
        minutes=60,
        rule="FREQ=DAILY;COUNT=4",
        without=[datetime(2026, 3, 3, 8)],
        also=[datetime(2026, 3, 2, 14), datetime(2026, 3, 9, 8)],
    )
    days = quantities(Pattern(events=[event]), ROME, date(2026, 3, 2), date(2026, 3, 9))
    assert [*days.values()] == [120, 0, 60, 60, 0, 0, 0, 60]


# --- the horizon -----------------------------------------------------------------------------------------------------


@given(patterns, dates, st.integers(0, 40), st.integers(0, 40))
def test_a_day_gives_the_same_whatever_span_is_published(pattern: Pattern, day: date, before: int, after: int) -> None:
    span = quantities(pattern, ROME, day - timedelta(before), day + timedelta(after))
    assert span[day] == on(pattern, day)
    assert 0 <= min(span.values()) <= max(span.values()) <= MOST


@given(patterns, dates)
def test_a_calendar_says_of_every_day_what_the_pattern_gives(pattern: Pattern, today: date) -> None:
    calendar = calendar_of(pattern, ROME, today)
    gives = quantities(pattern, ROME, today, calendar.ends_on)
    assert {day: published_on(calendar, day) for day in gives} == gives
    assert (calendar.ends_on - today).days >= HORIZON
    assert len(calendar.exceptions) < len(gives) / 2 or not pattern.shifts


@given(patterns, patterns, dates, st.integers(0, 900))
def test_rolling_on_keeps_what_was_published_and_adds_what_the_pattern_gives(
    first: Pattern, now: Pattern, start: date, later: int
) -> None:
    before, today = calendar_of(first, ROME, start), start + timedelta(later)
    after = rolled(before, now, ROME, today)
    assert (after.ends_on - today).days >= HORIZON
    added = quantities(now, ROME, before.ends_on + timedelta(1), after.ends_on)
    for number in range((after.ends_on - today).days + 1):
        day = today + timedelta(number)
        assert published_on(after, day) == (published_on(before, day) if day <= before.ends_on else added[day])


@given(patterns, dates)
def test_what_is_told_as_events_gives_each_published_day_the_same(pattern: Pattern, today: date) -> None:
    calendar = calendar_of(pattern, ROME, today)
    for told in (as_events(calendar, pattern, ROME), as_events(calendar, None, ROME)):
        gives = quantities(Pattern(events=told), ROME, calendar.starts_on, calendar.ends_on)
        assert gives == {day: published_on(calendar, day) for day in gives}


# --- nonsense --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (lambda: replace(DAY_SHIFT, weekdays=[]), "weekdays"),
        (lambda: replace(DAY_SHIFT, weekdays=[0]), "weekdays"),
        (lambda: replace(DAY_SHIFT, break_minutes=-1), "break_minutes"),
        (lambda: replace(DAY_SHIFT, teams=0), "teams"),
        (lambda: replace(DAY_SHIFT, quantity=-1), "quantity"),
        (lambda: Span(starts_on=date(2026, 2, 2), ends_on=date(2026, 2, 1)), "ends_on"),
        (lambda: Overtime(span=YEAR, weekdays=[1], quantity=0), "quantity"),
        (lambda: Pattern(holidays="FR"), "holidays is one of IT, IT-MI"),
        (lambda: Pattern(august_weeks=9), "august_weeks"),
        (lambda: Pattern(shifts=[DAY_SHIFT] * 101), "at most 100 shifts"),
        (lambda: Pattern(shifts=[replace(DAY_SHIFT, quantity=MOST)] * 2), "no day more than 1,000,000"),
        (lambda: Pattern(exceptions={date(2026, 1, 1): -1}), "exceptions"),
        (lambda: Event(starts=datetime(1, 1, 1, 8), minutes=60), "1900"),
        (lambda: Event(starts=datetime(2026, 1, 1, 8), minutes=0), "24 hours"),
        (lambda: Event(starts=datetime(2026, 1, 1, 8), minutes=1441), "24 hours"),
        (lambda: Event(starts=datetime(2026, 1, 1, 8), minutes=1440, all_day=True), "midnight"),
        (lambda: Event(starts=datetime(2026, 1, 1, 8).astimezone(), minutes=60), "offset"),
        (lambda: Event(starts=datetime(2026, 1, 1, 8), minutes=60, zone="Mars/Base"), "Mars/Base"),
        (lambda: Event(starts=datetime(2026, 1, 1, 8), minutes=60, zone="../etc"), "no time zone"),
        (lambda: Event(starts=datetime(2026, 1, 1, 8), minutes=60, rule="FREQ=SECONDLY"), "SECONDLY"),
        (lambda: Event(starts=datetime(2026, 1, 1, 8), minutes=60, rule="FREQ=DAILY;BYDAY=" + "MO," * 200), "500"),
        (lambda: Event(starts=datetime(2014, 1, 1, 8), minutes=60, rule="FREQ=DAILY;COUNT=9"), "2015 or later"),
    ],
)
def test_a_pattern_that_makes_no_sense_cannot_be(wrong: Callable[[], object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        wrong()
