"""Calendar files (RFC 5545), in and out."""
# ruff: noqa: DTZ001 - clock times are told without a zone

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, time
from uuid import UUID

import httpx
import icalendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import to_builtins

from libs.kit.db import Database
from libs.kit.ids import new_id
from libs.kit.testing import eventually, headers
from services.capacity import store
from services.capacity.domain.calendar import published_on
from services.capacity.domain.events import Event
from services.capacity.domain.offer import Resource
from services.capacity.domain.shifts import Overtime, Pattern, Shift, Span, calendar_of, quantities
from services.capacity.files import FaultyFileError, ics_in, ics_out
from tests.services.capacity import world
from tests.services.capacity.test_shifts import ROME, dates, patterns
from tests.services.capacity.world import a_resource, day

MARCH = Span(starts_on=date(2026, 3, 1), ends_on=date(2026, 3, 31))
EIGHT_TO_NOON = Shift(weekdays=[1, 2, 3, 4, 5], starts=time(8), ends=time(12))
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def a_file(*events: str) -> bytes:
    body = "".join(f"BEGIN:VEVENT\nUID:u{number}\n{event}\nEND:VEVENT\n" for number, event in enumerate(events))
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{body}END:VCALENDAR\n".replace("\n", "\r\n").encode()


def gives(body: bytes, first: date, last: date, zone: str = ROME) -> list[int]:
    return [*quantities(Pattern(events=ics_in.read(body)), zone, first, last).values()]


def faults(body: bytes) -> list[tuple[str, str]]:
    with pytest.raises(FaultyFileError) as refused:
        ics_in.read(body)
    return [(fault.where, fault.message) for fault in refused.value.faults]


# --- reading ---------------------------------------------------------------------------------------------------------


def test_a_phones_working_hours_are_shifts_and_its_whole_days_are_closed() -> None:
    body = a_file(
        "SUMMARY:Lavoro\nDTSTART;TZID=Europe/Rome:20260302T080000\nDTEND;TZID=Europe/Rome:20260302T120000\n"
        "RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR\nEXDATE;TZID=Europe/Rome:20260305T080000",
        "SUMMARY:Ferie\nDTSTART;VALUE=DATE:20260306\nDTEND;VALUE=DATE:20260308\nTRANSP:TRANSPARENT",
    )
    assert gives(body, date(2026, 3, 2), date(2026, 3, 9)) == [240, 240, 240, 0, 0, 0, 0, 240]


def test_outlooks_names_of_zones_are_understood() -> None:
    body = a_file(
        "DTSTART;TZID=W. Europe Standard Time:20260327T080000\nDTEND;TZID=W. Europe Standard Time:20260327T100000\n"
        "RRULE:FREQ=DAILY;UNTIL=20260329T220000Z\nEXDATE:20260328T070000Z"
    )
    [event] = ics_in.read(body)
    assert event.zone == "Europe/Berlin"
    assert gives(body, date(2026, 3, 26), date(2026, 3, 31)) == [0, 120, 0, 120, 0, 0]


@pytest.mark.filterwarnings("ignore::icalendar.error.GloballyUniqueTZIDGuessed")
def test_a_prefix_before_the_name_of_a_zone_is_left_aside() -> None:
    body = a_file("DTSTART;TZID=/freeassociation.sourceforge.net/Europe/Rome:20260302T080000\nDURATION:PT1H")
    assert ics_in.read(body)[0].zone == ROME


def test_times_in_utc_count_on_the_day_of_the_site() -> None:
    body = a_file("DTSTART:20260302T233000Z\nDURATION:PT1H")
    assert gives(body, date(2026, 3, 2), date(2026, 3, 3)) == [0, 60]
    assert gives(body, date(2026, 3, 2), date(2026, 3, 3), "UTC") == [60, 0]


def test_times_are_added_left_out_moved_and_cancelled() -> None:
    master = "DTSTART;TZID=Europe/Rome:20260302T080000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=4"
    changed = "UID:u0\nRECURRENCE-ID;TZID=Europe/Rome:20260303T080000\n"
    moved = f"{changed}DTSTART;TZID=Europe/Rome:20260307T080000\nDURATION:PT2H"
    changed = "UID:u0\nRECURRENCE-ID:20260304T070000Z\n"
    cancelled = f"{changed}DTSTART;TZID=Europe/Rome:20260304T080000\nDURATION:PT1H\nSTATUS:CANCELLED"
    added = f"{master}\nRDATE;TZID=Europe/Rome:20260308T080000,20260308T140000"
    body = a_file(added).decode()
    for change in (moved, cancelled):
        event = "BEGIN:VEVENT\n" + change + "\nEND:VEVENT\n"
        body = body.replace("END:VCALENDAR", event.replace("\n", "\r\n") + "END:VCALENDAR")
    assert gives(body.encode(), date(2026, 3, 2), date(2026, 3, 8)) == [60, 0, 0, 60, 0, 120, 120]


def test_a_cancelled_event_is_none() -> None:
    assert ics_in.read(a_file("DTSTART:20260302T080000\nDURATION:PT1H\nSTATUS:CANCELLED")) == []


def test_the_last_working_day_of_the_month_is_found_by_its_position() -> None:
    body = a_file("DTSTART:20260302T080000\nDURATION:PT1H\nRRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1")
    event = Pattern(events=ics_in.read(body))
    worked = [on for on, minutes in quantities(event, ROME, date(2026, 3, 1), date(2026, 6, 30)).items() if minutes]
    assert worked == [date(2026, 3, 31), date(2026, 4, 30), date(2026, 5, 29), date(2026, 6, 30)]


def test_an_event_lasts_as_long_in_a_night_in_which_clocks_change() -> None:
    body = a_file(
        "DTSTART;TZID=Europe/Rome:20260327T220000\nDTEND;TZID=Europe/Rome:20260328T060000\nRRULE:FREQ=DAILY;COUNT=3"
    )
    assert gives(body, date(2026, 3, 27), date(2026, 3, 29)) == [480, 480, 480]


def test_nothing_but_times_is_read() -> None:
    secret = "SUMMARY:Dentist\nLOCATION:Via Segreta 1\nATTENDEE:mailto:a@example.org\nDESCRIPTION:pay Rossi"
    [event] = ics_in.read(a_file(f"DTSTART:20260302T080000\nDURATION:PT1H\n{secret}"))
    assert event == Event(starts=datetime(2026, 3, 2, 8), minutes=60)


@pytest.mark.parametrize(
    ("event", "why"),
    [
        ("SUMMARY:when?", "has no DTSTART"),
        ("DTSTART:20260302T080000", "has neither DTEND nor DURATION"),
        ("DTSTART:20260302T080000\nDTEND:20260302T080000", "work lasts from 1 minute"),
        ("DTSTART:20260302T080000\nDTEND:20260304T080000", "work lasts from 1 minute to 24 hours"),
        ("DTSTART:soon\nDURATION:PT1H", "DTSTART"),
        ("DTSTART;TZID=Middle Earth:20260302T080000\nDURATION:PT1H", "TZID=Middle Earth is no time zone"),
        ("DTSTART:20260302T080000\nDURATION:PT1H\nRRULE:FREQ=HOURLY", "FREQ=HOURLY is none of DAILY"),
        ("DTSTART:20260302T080000\nDURATION:PT1H\nRRULE:FREQ=YEARLY;BYWEEKNO=20", "BYWEEKNO is not understood"),
        ("DTSTART:20260302T080000\nDURATION:PT1H\nRRULE:FREQ=DAILY\nRRULE:FREQ=WEEKLY", "RRULE is not understood so"),
        ("DTSTART:20260302T080000\nDURATION:PT1H\nEXRULE:FREQ=WEEKLY", "EXRULE is not understood so"),
        ("DTSTART:20260302T080000\nDURATION:PT1H\nRDATE;VALUE=PERIOD:20260303T080000/PT1H", "RDATE of periods"),
        ("DTSTART:20260302T080000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;FREQ=DAILY", "FREQ comes twice in one rule"),
        ("DTSTART:20260302T080000\nDURATION:PT1H\nRRULE:FREQ=DAILY;byday=MO;BYDAY=TU", "BYDAY comes twice"),
        ("DTSTART:20260302T080000\nDURATION:PT1H\nRRULE:FREQ=MONTHLY;BYSETPOS=-1", "BYSETPOS chooses from days"),
        *(
            (f"DTSTART:20260302T080000\nDURATION:PT1H\nX-FILIERA-QUANTITY:{quantity}", f"{quantity} is no whole number")
            for quantity in ("many", "1e400", "8.5")
        ),
    ],
)
def test_what_cannot_be_taken_is_told_with_its_reason_and_the_rest_is_still_read(event: str, why: str) -> None:
    [(where, message)] = faults(a_file("DTSTART:20260302T080000\nDURATION:PT1H", event))
    assert (where, why in message) == ("event 2", True), message


@pytest.mark.parametrize("body", [b"", b"hello", b"\xff\xfe", b"BEGIN:VCALENDAR\r\n", b"\x00"])
def test_what_is_no_calendar_is_refused(body: bytes) -> None:
    [(where, message)] = faults(body)
    assert where == "file"
    assert message.startswith("is no calendar (RFC 5545)")


ODD = """BEGIN:VEVENT|END:VEVENT|BEGIN:VTIMEZONE|END:VTIMEZONE|TZID:Europe/Rome|DTSTART:20260302T080000|DURATION:PT1H
DTSTART;TZID=Europe/Rome:20260302T080000|DTEND:20260302|RRULE:FREQ=DAILY;COUNT=|EXDATE:x|DURATION:-P1D| x
RRULE:FREQ=WEEKLY;BYDAY=9MO|RDATE;VALUE=PERIOD:x/y|RECURRENCE-ID:20260302T080000|DTSTART;VALUE=DATE:20260302
RRULE:UNTIL=9;INTERVAL=0;FREQ=MONTHLY|DTSTART:00010101T000000|X-FILIERA-QUANTITY:-1|RRULE:FREQ=DAILY;COUNT=9"""
LINES = st.sampled_from(ODD.replace("\n", "|").split("|"))


@given(st.lists(LINES | st.text(max_size=20), max_size=25))
def test_whatever_is_sent_becomes_events_or_sentences(lines: list[str]) -> None:
    body = "\r\n".join(["BEGIN:VCALENDAR", "BEGIN:VEVENT", *lines, "END:VEVENT", "END:VCALENDAR"]).encode()
    with suppress(FaultyFileError):
        quantities(Pattern(events=ics_in.read(body)), ROME, date(2026, 3, 1), date(2026, 3, 9))


# --- writing ---------------------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(patterns, dates)
def test_what_is_written_is_read_back_day_by_day(pattern: Pattern, today: date) -> None:
    calendar = calendar_of(pattern, ROME, today)
    resource = replace(a_resource(), calendar=calendar, pattern=pattern)
    events = ics_in.read(ics_out.write(resource, NOW))
    for after in (Pattern(events=events), replace(pattern, shifts=[], events=events)):
        back = quantities(after, ROME, calendar.starts_on, calendar.ends_on)
        assert back == {on: published_on(calendar, on) for on in back}


def test_overtime_of_a_week_is_read_back_on_the_days_that_had_it() -> None:
    """Its week is full on Thursday: Friday, which had none, gets none."""
    start, overtime = date(2026, 3, 2), Overtime(span=MARCH, weekdays=[2, 4, 5], quantity=120, most_a_week=240)
    pattern = Pattern(shifts=[EIGHT_TO_NOON], overtime=[overtime])
    calendar = calendar_of(pattern, ROME, start)
    events = ics_in.read(ics_out.write(replace(a_resource(), calendar=calendar, pattern=pattern), NOW))
    back = quantities(replace(pattern, shifts=[], events=events), ROME, start, date(2026, 3, 8))
    assert [*back.values()] == [240, 360, 240, 360, 240, 0, 0]


def test_a_file_has_what_the_standard_demands() -> None:
    bench = a_resource(name="Macchina, lineare; 1")
    file = icalendar.Calendar.from_ical(ics_out.write(bench, NOW))
    assert file["X-WR-CALNAME"] == bench.name
    [event] = file.walk("VEVENT")
    assert {"UID", "DTSTAMP", "DTSTART", "DURATION", "RRULE"} <= event.keys()
    assert (file["VERSION"], "PRODID" in file) == ("2.0", True)


# --- over HTTP -------------------------------------------------------------------------------------------------------


def hours(first: date) -> bytes:
    return a_file(f"DTSTART;TZID=Europe/Rome:{first:%Y%m%d}T080000\nDURATION:PT6H\nRRULE:FREQ=DAILY\nSUMMARY:Segreto")


async def test_a_file_is_sent_and_what_is_fetched_says_the_same(
    api: httpx.AsyncClient, db: Database, bench: Resource
) -> None:
    url, mine = f"/resources/{bench.id}/calendar.ics", headers(bench.party_id, "workshop")
    sent = await api.post(url, content=hours(day(0)), headers=mine)
    assert (sent.status_code, sent.json()["version"]) == (200, 2), sent.text
    assert sent.json()["calendar"]["weekly"] == [360] * 7
    fetched = await api.get(url, headers=mine)
    assert fetched.headers["content-type"].startswith("text/calendar")
    assert "Segreto" not in fetched.text
    again = await api.post(url, content=fetched.content, headers=headers(bench.party_id, "workshop"))
    assert again.json()["calendar"] == sent.json()["calendar"]
    await world.hold(db, new_id(), (bench, day(1), 360))
    assert await world.faults(db, bench) == []


async def test_a_calendar_without_clock_times_goes_out_and_in(
    api: httpx.AsyncClient, db: Database, bench: Resource
) -> None:
    await world.change_calendar(db, bench, weekly=[480] * 5 + [0, 0], exceptions={day(3): 60, day(4): 0})
    url = f"/resources/{bench.id}/calendar.ics"
    fetched = await api.get(url, headers=headers(bench.party_id, "workshop"))
    await api.post(url, content=fetched.content, headers=headers(bench.party_id, "workshop"))
    async with db.work() as session:
        [after] = (await store.resources(session, [bench.id])).values()
    assert [published_on(after.calendar, day(n)) for n in (3, 4)] == [60, 0]
    week = [published_on(after.calendar, day(n)) for n in range(10, 17)]
    assert week == [0 if day(n).weekday() > 4 else 480 for n in range(10, 17)]


async def test_a_file_takes_the_place_of_shifts_and_leaves_what_else_the_pattern_says(
    api: httpx.AsyncClient, db: Database, bench: Resource
) -> None:
    mine, closed = headers(bench.party_id, "workshop"), Span(starts_on=day(3), ends_on=day(4))
    kept = Pattern(holidays="IT-MI", closures=[closed], exceptions={day(5): 30}, august_weeks=2)
    before = to_builtins(replace(kept, shifts=[EIGHT_TO_NOON]), str_keys=True)
    await api.post(f"/resources/{bench.id}/pattern", json={"pattern": before}, headers=mine)
    sent = await api.post(
        f"/resources/{bench.id}/calendar.ics", content=hours(day(0)), headers=headers(bench.party_id, "workshop")
    )
    assert sent.status_code == 200, sent.text
    async with db.work() as session:
        [after] = (await store.resources(session, [bench.id])).values()
    assert after.pattern
    assert replace(after.pattern, events=[]) == kept
    assert [published_on(after.calendar, day(n)) for n in (3, 4, 5)] == [0, 0, 30]
    christmas = [on for on in map(day, range(366)) if (on.month, on.day) == (12, 25)]
    assert [published_on(after.calendar, on) for on in christmas] == [0]


async def test_a_faulty_file_changes_nothing(api: httpx.AsyncClient, db: Database, bench: Resource) -> None:
    url = f"/resources/{bench.id}/calendar.ics"
    for body in (
        a_file("DTSTART:x"),
        b"no calendar",
        a_file(),
        a_file("DTSTART:20260302T080000\nDURATION:PT1H\nSTATUS:CANCELLED"),
        b" " * 300_000,
        a_file(*["DTSTART:20260302T080000\nDURATION:PT1H"] * 101),
    ):
        answer = await api.post(url, content=body, headers=headers(bench.party_id, "workshop"))
        assert (answer.status_code, answer.json()["code"], len(answer.json()["errors"])) == (422, "FAULTY_FILE", 1)
    assert await world.told(db, bench.id, "capacity.resource") == ["resource_published"]


async def test_a_file_below_what_is_booked_displaces_it(api: httpx.AsyncClient, db: Database, bench: Resource) -> None:
    booked = await world.book(db, new_id(), (bench, day(1), 400))
    url = f"/resources/{bench.id}/calendar.ics"
    answer = await api.post(url, content=hours(day(0)), headers=headers(bench.party_id, "workshop"))
    assert answer.status_code == 200

    async def displaced() -> bool:
        return (await world.told(db, booked.id, "capacity.booking"))[-1] == "booking_displaced"

    await eventually(displaced)


@pytest.mark.parametrize("resource", ["theirs", "nobody's"])
async def test_only_the_workshop_sends_and_fetches_its_file(
    api: httpx.AsyncClient, bench: Resource, resource: str
) -> None:
    url = f"/resources/{bench.id if resource == 'theirs' else UUID(int=1)}/calendar.ics"
    stranger = headers(new_id(), "workshop")
    assert (await api.get(url, headers=stranger)).status_code == 404
    assert (await api.post(url, content=b"", headers=stranger)).status_code == 404
