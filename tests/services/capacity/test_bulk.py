"""Publishing by the thousand: each row for itself, twice as good as once."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.kit.db import Database
from libs.kit.ids import new_id
from libs.kit.testing import headers
from services.capacity.domain.calendar import published_on
from services.capacity.files import Fault, FaultyFileError, table
from tests.services.capacity import world
from tests.services.capacity.rows import HEAD, ROW, a_table, counts, events, outcomes, resource, send, send_events
from tests.services.capacity.test_calendar_files import a_file
from tests.services.capacity.test_patterns import the_resource
from tests.services.capacity.world import day, faults, hold, told

# --- tables ----------------------------------------------------------------------------------------------------------


def read(body: bytes) -> list[Any]:
    return [made for _, _, made in table.rows(body)]


def test_a_row_of_a_table_says_what_the_api_is_sent() -> None:
    [made] = read(a_table(ROW.format(reference="B1", site="s", name="Bench")))
    days = {"weekdays": [1, 2, 3, 4, 5]}
    assert made == {
        "reference": "B1",
        "site_id": "s",
        "name": "Bench",
        "kind": "bench",
        "processes": ["lockstitch", "overlock"],
        "terms": {
            "price_per_unit": {"amount": "55"},
            "setup_price": {"amount": "2000"},
        },
        "pattern": {
            "holidays": "IT-MI",
            "shifts": [days | {"starts": "08:00", "ends": "12:00"}, days | {"starts": "13:00", "ends": "17:00"}],
        },
        "work": {"lockstitch": {"run": "20", "pieces": 1, "setup": "15"}},
    }


def test_terms_have_columns_of_their_own() -> None:
    head = "reference,site_id,name,kind,processes,price_per_unit,setup_price,hours,currency,minimum_charge,window_days"
    [made] = read(a_table("B,s,n,bench,x,1,2,Mon 08:00-12:00,CHF,900,60", head=head))
    assert made["terms"]["minimum_charge"] == {"amount": "900", "currency": "CHF"}
    assert made["terms"]["window_days"] == "60"


def test_what_an_italian_spreadsheet_writes_is_read() -> None:
    plain = ROW.format(reference="B1", site="s", name='"Banco ""1"", grande"').replace("Mon-Fri", "Lun-Ven")
    semicolons = plain.replace(",", ";").replace('""; grande', '"", grande')
    head = HEAD.replace(",", ";").upper()
    [made] = read(b"\xef\xbb\xbf" + a_table(semicolons, "", ";;;", head=head))
    assert made["name"] == 'Banco "1", grande'
    assert made["pattern"]["shifts"][0]["weekdays"] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("hours", "weekdays"),
    [("Sat-Mon 08:00-12:00", [6, 7, 1]), ("mon,wed,fri 8:00-12:00", [1, 3, 5]), ("Sabato 08:00-12:00", [6])],
)
def test_weekdays_are_named_in_english_or_italian(hours: str, weekdays: list[int]) -> None:
    head = "reference,site_id,name,kind,processes,price_per_unit,setup_price,hours"
    [made] = read(a_table(f'B,s,n,bench,x,1,1,"{hours}"', head=head))
    assert [shift["weekdays"] for shift in made["pattern"]["shifts"]] == [weekdays]


@pytest.mark.parametrize(
    ("change", "where", "why"),
    [
        (("Mon-Fri 08:00-12:00", "always"), "hours", "write e.g. Mon-Fri"),
        (("Mon-Fri", "Mon-Xyz"), "hours", "'Mon-Xyz' are no weekdays"),
        (("lockstitch=20+15", "20 minutes"), "work", "write process=run"),
        (("bench,", "bench,more,"), "row", "1 cells more"),
        (("Bench", ""), "name", "is empty"),
    ],
)
def test_what_a_row_has_wrong_is_said_of_its_cell(change: tuple[str, str], where: str, why: str) -> None:
    row = ROW.format(reference="B1", site="s", name="Bench")
    fault, good = read(a_table(row.replace(*change, 1), row))
    assert isinstance(fault, Fault)
    assert (fault.where, why in fault.message) == (where, True), fault
    assert isinstance(good, dict)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "has no column reference"),
        (b"\xff", "UTF-8"),
        (a_table(head=f"{HEAD},colour"), "unknown column 'colour'"),
        (a_table(head=f"{HEAD},name"), "a column twice"),
        (a_table(*["x"] * 10_001), "over 10,000 rows"),
    ],
)
def test_what_is_no_such_table_is_refused_whole(body: bytes, why: str) -> None:
    with pytest.raises(FaultyFileError) as refused:
        read(body)
    assert any(why in fault.message for fault in refused.value.faults), refused.value


@given(st.lists(st.text(alphabet=st.sampled_from(list('",;\n\r\x00 a1:-=/+é'))), max_size=8))
def test_whatever_is_in_the_rows_is_read_or_told(rows: list[str]) -> None:
    for _, _, made in table.rows(a_table(*rows)):
        assert isinstance(made, dict) or made.message


# --- over HTTP -------------------------------------------------------------------------------------------------------


async def test_one_bad_row_never_spoils_the_rest_and_twice_changes_nothing(
    api: httpx.AsyncClient, db: Database, site: tuple[UUID, UUID]
) -> None:
    workshop, at = site
    good = [ROW.format(reference=f"B{n}", site=at, name=f"Bench {n}") for n in range(3)]
    bad = [
        ROW.format(reference="X1", site=at, name="X").replace("bench", "oven"),
        ROW.format(reference="X2", site=new_id(), name="X"),
        ROW.format(reference="X3", site=at, name="X").replace("08:00-12:00", "late"),
        ROW.format(reference="X4", site=at, name="X").replace(",55,", ",-1,"),
        ROW.format(reference="B0", site=at, name="Bench 0"),
    ]
    body = a_table(good[0], *bad, *good[1:])
    first = await send(api, workshop, body)
    assert counts(first) == (3, 0, 5)
    wrong = {line["line"]: line["errors"][0]["path"] for line in first["lines"] if line["outcome"] == "refused"}
    assert wrong == {3: "kind", 4: "site_id", 5: "hours", 6: "terms", 7: "reference"}
    again = await send(api, workshop, body)
    assert counts(again) == (0, 3, 5)
    ids = [line["resource_id"] for line in first["lines"] if line["outcome"] == "published"]
    assert [line["resource_id"] for line in again["lines"] if line["outcome"] == "unchanged"] == ids
    assert [await told(db, id_, "capacity.resource") for id_ in ids] == [["resource_published"]] * 3


async def test_what_was_published_by_a_table_can_be_held(
    api: httpx.AsyncClient, db: Database, site: tuple[UUID, UUID]
) -> None:
    workshop, at = site
    row = ROW.format(reference="B", site=at, name="Bench").replace("Mon-Fri", "Mon-Sun").replace("IT-MI", "")
    report = await send(api, workshop, a_table(row))
    bench = await the_resource(db, report["lines"][0]["resource_id"])
    assert published_on(bench.calendar, day(5)) == 480
    assert (await hold(db, new_id(), (bench, day(5), 480)))["state"] == "held"


async def test_a_row_that_says_otherwise_than_before_is_refused_with_what_differs(
    api: httpx.AsyncClient, db: Database, site: tuple[UUID, UUID]
) -> None:
    workshop, at = site
    row = ROW.format(reference="B", site=at, name="Bench")
    await send(api, workshop, a_table(row))
    [line] = (await send(api, workshop, a_table(row.replace(",55,", ",60,").replace("IT-MI", "IT"))))["lines"]
    assert (line["outcome"], [error["path"] for error in line["errors"]]) == ("refused", ["terms", "pattern"])
    bench = await the_resource(db, line["resource_id"])
    assert (bench.version, bench.terms.price_per_unit.amount) == (1, 55)


async def test_the_same_key_gets_the_first_report_again(
    api: httpx.AsyncClient, db: Database, site: tuple[UUID, UUID]
) -> None:
    workshop, at = site
    body, key = a_table(ROW.format(reference="B", site=at, name="Bench")), str(new_id())
    assert await send(api, workshop, body, key) == await send(api, workshop, body, key)


async def test_two_workshops_may_call_theirs_the_same(api: httpx.AsyncClient, db: Database) -> None:
    ids = set()
    for _ in range(2):
        stands = world.a_resource()
        await world.know_sites(db, stands)
        report = await send(api, stands.party_id, a_table(ROW.format(reference="B1", site=stands.site_id, name="B")))
        ids.add(report["lines"][0]["resource_id"])
    assert len(ids) == 2


async def test_the_api_takes_the_same_as_json_with_a_calendar_if_need_be(
    api: httpx.AsyncClient, db: Database, site: tuple[UUID, UUID]
) -> None:
    workshop, at = site
    money = {"amount": 1, "currency": "EUR"}
    calendar = {"weekly": [60] * 7, "exceptions": {}, "starts_on": str(day(0)), "ends_on": str(day(30))}
    row = {"reference": "J", "site_id": str(at), "name": "J", "kind": "room", "processes": ["laser"], "unit": "m2"}
    row |= {"terms": {"price_per_unit": money, "setup_price": money}, "calendar": calendar}
    rows = [row, row | {"reference": "K", "unit": "barrels"}, {}, {"reference": 7}]
    for expected in ((1, 0, 3), (0, 1, 3)):
        answer = await api.post("/bulk/resources", json={"rows": rows}, headers=headers(workshop, "workshop"))
        assert counts(answer.json()) == expected
    assert [line["line"] for line in answer.json()["lines"]] == [1, 2, 3, 4]


async def test_one_calendar_file_brings_the_hours_of_many_resources(
    api: httpx.AsyncClient, db: Database, site: tuple[UUID, UUID]
) -> None:
    workshop, at = site
    await send(api, workshop, a_table(*(ROW.format(reference=f"B{n}", site=at, name=f"Bench {n}") for n in range(3))))
    body, key = events("B0", "B1", "B1", "nobody's"), str(new_id())
    report = await send_events(api, workshop, body, key)
    assert outcomes(report) == {"B0": "changed", "B1": "changed", "nobody's": "refused"}
    bench = await resource(db, workshop, "B1")
    assert published_on(bench.calendar, day(1)) == 720
    assert await send_events(api, workshop, body, key) == report
    again = await send_events(api, workshop, body)
    assert counts(again, "changed") == (0, 2, 1)
    await hold(db, new_id(), (bench, day(1), 720))
    assert await faults(db, bench) == []


async def test_a_resource_with_a_faulty_event_is_told_and_the_others_are_changed(
    api: httpx.AsyncClient, db: Database, site: tuple[UUID, UUID]
) -> None:
    workshop, at = site
    await send(api, workshop, a_table(*(ROW.format(reference=f"B{n}", site=at, name="B") for n in range(2))))
    report = await send_events(api, workshop, events("B0", "B1").replace(b"FREQ=DAILY", b"FREQ=HOURLY", 1))
    assert [line["outcome"] for line in report["lines"]] == ["refused", "changed"]
    assert report["lines"][0]["errors"][0]["path"] == "event 1"


async def test_what_a_calendar_file_does_not_say_stays_as_it_was(
    api: httpx.AsyncClient, db: Database, site: tuple[UUID, UUID]
) -> None:
    workshop, at = site
    await send(api, workshop, a_table(*(ROW.format(reference=f"B{n}", site=at, name="B") for n in range(2))))
    cancelled = events("B1").replace(b"DURATION", b"STATUS:CANCELLED\r\nDURATION")
    body = events("B0").replace(b"END:VCALENDAR\r\n", b"") + cancelled.partition(b"PRODID:x\r\n")[2]
    report = await send_events(api, workshop, body)
    assert [line["outcome"] for line in report["lines"]] == ["changed", "refused"]
    pattern = (await resource(db, workshop, "B0")).pattern
    assert pattern
    assert (pattern.holidays, pattern.shifts, len(pattern.events)) == ("IT-MI", [], 1)
    none = await api.post("/bulk/calendars.ics", content=a_file(), headers=headers(workshop, "workshop"))
    assert (none.status_code, none.json()["code"]) == (422, "FAULTY_FILE")


async def test_a_key_used_for_another_file_does_nothing(
    api: httpx.AsyncClient, db: Database, site: tuple[UUID, UUID]
) -> None:
    workshop, at = site
    await send(api, workshop, a_table(ROW.format(reference="B0", site=at, name="B")))
    mine = headers(workshop, "workshop")
    await api.post("/bulk/calendars.ics", content=events("B0"), headers=mine)
    other = await api.post("/bulk/calendars.ics", content=events("B0", begins="100000"), headers=mine)
    assert (other.status_code, other.json()["code"]) == (422, "KEY_REUSED")
    assert (await resource(db, workshop, "B0")).version == 2


async def test_brands_publish_nothing(api: httpx.AsyncClient) -> None:
    answer = await api.post("/bulk/resources.csv", content=a_table(), headers=headers(new_id(), "brand"))
    assert answer.status_code == 403
