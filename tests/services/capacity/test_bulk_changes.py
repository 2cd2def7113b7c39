"""A workshop sends its list again, corrected: what differs is changed, what it does not say stays as it is."""

from datetime import date
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.values import PartyKind
from libs.kit.db import Database, WriteSession
from libs.kit.ids import new_id
from libs.kit.testing import headers
from services.capacity import store
from services.capacity.api.bulk import _over
from services.capacity.domain.calendar import published_on
from services.capacity.domain.ledger import Ledger
from services.capacity.domain.terms import Money, Rung
from services.capacity.handlers import bulk, resources
from tests.services.capacity import world
from tests.services.capacity.rows import DAILY, HEAD, ROW, a_table, events, outcomes, put, resource, send, send_events
from tests.services.capacity.world import bucket, day, faults, hold, told

TOPIC = "capacity.resource"


def changes(report: dict[str, Any]) -> dict[str, list[str]]:
    return {line["reference"]: line["changed"] for line in report["lines"] if "changed" in line}


async def test_rows_that_differ_are_changed_and_the_second_time_nothing_is(
    api: httpx.AsyncClient, db: Database, site: tuple[UUID, UUID]
) -> None:
    workshop, at = site
    rows = {
        name: ROW.format(reference=name, site=at, name="Bench") for name in ("same", "price", "hours", "work", "all")
    }
    await send(api, workshop, a_table(*rows.values()))
    rows["price"] = rows["price"].replace(",55,", ",60,")
    rows["hours"] = rows["hours"].replace("IT-MI", "IT")
    rows["work"] = rows["work"].replace("=20+15", "=18+15").replace("Bench", "Banco")
    rows["all"] = rows["all"].replace(",55,2000,Mon-Fri", ",60,1000,Mon-Sat").replace("overlock", "cutting")
    rows["new"] = ROW.format(reference="new", site=at, name="Bench")
    rows["spoilt"] = rows["same"].replace("same", "spoilt").replace("bench", "oven")
    body = a_table(*rows.values())
    report = await put(api, workshop, body)
    assert outcomes(report) == dict.fromkeys(rows, "changed") | {
        "same": "unchanged",
        "new": "published",
        "spoilt": "refused",
    }
    assert changes(report) == {
        "price": ["terms.price_per_unit"],
        "hours": ["pattern"],
        "work": ["name", "work"],
        "all": ["processes", "terms.price_per_unit", "terms.setup_price", "pattern"],
    }
    ends = {name: (await told(db, bulk.resource_id(workshop, name), TOPIC))[-1] for name in rows if name != "spoilt"}
    assert ends == {
        "same": "resource_published",
        "price": "terms_changed",
        "hours": "calendar_changed",
        "work": "resource_changed",
        "all": "resource_changed",
        "new": "resource_published",
    }
    again = await put(api, workshop, body)
    assert (again["published"], again["changed"], again["unchanged"], again["refused"]) == (0, 0, 6, 1)
    assert (await resource(db, workshop, "all")).version == 2


async def test_a_table_may_tell_of_one_column_alone(
    api: httpx.AsyncClient, db: Database, site: tuple[UUID, UUID]
) -> None:
    workshop, at = site
    await send(api, workshop, a_table(*(ROW.format(reference=f"B{n}", site=at, name=f"Bench {n}") for n in range(2))))
    before = await resource(db, workshop, "B1")
    body = a_table("B0,60,", "B1,,90", "B2,60,90", head="reference,price_per_unit,setup_price")
    report = await put(api, workshop, body)
    assert outcomes(report) == {"B0": "changed", "B1": "changed", "B2": "refused"}
    needs = {error["path"] for error in report["lines"][2]["errors"]}
    assert {"site_id", "name", "kind", "processes"} <= needs
    after = await resource(db, workshop, "B1")
    assert (after.terms.price_per_unit, after.terms.setup_price) == (Money(55), Money(90))
    assert (after.pattern, after.calendar, after.work) == (before.pattern, before.calendar, before.work)


async def test_what_a_table_has_no_column_for_stays(
    api: httpx.AsyncClient, db: Database, site: tuple[UUID, UUID]
) -> None:
    """A ladder that was agreed on, hours that came from a phone: a new price list does not undo them."""
    workshop, at = site
    await send(api, workshop, a_table(ROW.format(reference="B0", site=at, name="Bench")))
    bench = await resource(db, workshop, "B0")
    await world.change_terms(db, bench, cancellation=[Rung(days_before=9, buyer_percent=50)], approval="by_hand")
    await send_events(api, workshop, events("B0"))
    await put(api, workshop, a_table("B0,61", head="reference,price_per_unit"))
    after = await resource(db, workshop, "B0")
    assert (after.terms.price_per_unit, after.terms.approval) == (Money(61), "by_hand")
    assert len(after.terms.cancellation) == 1
    assert published_on(after.calendar, day(1)) == 360


async def test_fewer_hours_displace_as_a_single_calendar_does(
    api: httpx.AsyncClient, db: Database, site: tuple[UUID, UUID]
) -> None:
    workshop, at = site
    rows = [DAILY.format(reference=f"B{n}", site=at, name="Bench") for n in range(3)]
    await send(api, workshop, a_table(*rows))
    benches = [await resource(db, workshop, f"B{n}") for n in range(3)]
    booked = [await world.book(db, new_id(), (bench, day(2), 300)) for bench in benches]
    held = await hold(db, new_id(), (benches[0], day(3), 480))
    report = await put(api, workshop, a_table(*(row.replace("13:00-17:00", "") for row in rows[:2]), rows[2]))
    assert outcomes(report) == {"B0": "changed", "B1": "changed", "B2": "unchanged"}
    assert [await bucket(db, bench, day(2)) for bench in benches] == [(300, 0, 300)] * 2 + [(480, 0, 300)]
    assert [await world.unattainable(db, bench, day(2)) for bench in benches] == [60, 60, 0]
    await world.sweep(db)
    stages = [(await world.last_told(db, one.id, "capacity.booking"))["stage"] for one in booked]
    assert stages == ["displaced", "displaced", "firm"]
    assert (await told(db, held["id"]))[-1] == "hold_released"
    await put(api, workshop, a_table(*rows))
    await world.sweep(db)
    assert [(await world.last_told(db, one.id, "capacity.booking"))["stage"] for one in booked] == ["firm"] * 3
    assert await faults(db, *benches) == []


PIECES = {"shifts": [{"weekdays": [1], "starts": "08:00", "ends": "12:00", "quantity": 9}]}


@pytest.mark.parametrize(("path", "change"), [("site_id", {}), ("unit", {"unit": "pieces", "pattern": PIECES})])
async def test_a_resource_stays_at_its_site_and_is_counted_as_it_was(
    api: httpx.AsyncClient, db: Database, site: tuple[UUID, UUID], path: str, change: dict[str, Any]
) -> None:
    workshop, at = site
    await send(api, workshop, a_table(ROW.format(reference="B0", site=at, name="Bench")))
    other = world.a_resource(party_id=workshop)
    await world.know_sites(db, other)
    row = {"reference": "B0", **(change or {"site_id": str(other.site_id)}), "name": "Banco"}
    answer = await api.put("/bulk/resources", json={"rows": [row]}, headers=headers(workshop, "workshop"))
    [line] = answer.json()["lines"]
    assert (line["outcome"], [error["path"] for error in line["errors"]]) == ("refused", [path])
    assert "new reference" in line["errors"][0]["message"]
    assert (await resource(db, workshop, "B0")).name == "Bench"


async def test_a_process_that_is_dropped_takes_its_work_along_and_is_found_no_more(
    api: httpx.AsyncClient, db: Database, site: tuple[UUID, UUID]
) -> None:
    workshop, at = site
    await send(api, workshop, a_table(ROW.format(reference="B0", site=at, name="Bench")))
    row = {"reference": "B0", "processes": ["overlock"]}
    answer = await api.put("/bulk/resources", json={"rows": [row]}, headers=headers(workshop, "workshop"))
    assert answer.json()["lines"][0]["changed"] == ["processes", "work"]
    bench = await resource(db, workshop, "B0")
    assert (bench.processes, bench.work) == (["overlock"], {})


async def test_what_somebody_changed_meanwhile_is_not_overwritten(
    api: httpx.AsyncClient, db: Database, site: tuple[UUID, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop, at = site
    await send(api, workshop, a_table(ROW.format(reference="B0", site=at, name="Bench")))
    bench, change_rows = await resource(db, workshop, "B0"), bulk.change_rows

    async def after_another(*given: Any) -> bulk.Report:
        async with db.write(workshop) as session:
            caller = world.principal(PartyKind.WORKSHOP, workshop)
            await resources.change_terms(session, caller, bench.id, world.a_resource().terms)
        return await change_rows(*given)

    monkeypatch.setattr(bulk, "change_rows", after_another)
    report = await put(api, workshop, a_table("B0,60", head="reference,price_per_unit"))
    assert "changed by somebody else" in report["lines"][0]["errors"][0]["message"]
    assert (await resource(db, workshop, "B0")).terms.price_per_unit == Money(50)


async def test_the_same_key_gets_the_first_report_again_and_another_file_none(
    api: httpx.AsyncClient, db: Database, site: tuple[UUID, UUID]
) -> None:
    workshop, at = site
    body, key = a_table(ROW.format(reference="B", site=at, name="Bench")), str(new_id())
    assert await put(api, workshop, body, key) == await put(api, workshop, body, key)
    other = await api.put("/bulk/resources.csv", content=body + b"C", headers=headers(workshop, "workshop", key))
    assert (other.status_code, other.json()["code"]) == (422, "KEY_REUSED")


async def test_nobody_changes_what_others_call_the_same(api: httpx.AsyncClient, db: Database) -> None:
    mine, theirs = world.a_resource(), world.a_resource()
    await world.know_sites(db, mine, theirs)
    for one in (mine, theirs):
        await put(api, one.party_id, a_table(ROW.format(reference="B", site=one.site_id, name="Bench")))
    await put(api, mine.party_id, a_table("B,Banco", head="reference,name"))
    assert (await resource(db, theirs.party_id, "B")).name == "Bench"


async def test_a_new_name_waits_for_nobody_who_takes_of_the_days(
    api: httpx.AsyncClient, db: Database, site: tuple[UUID, UUID]
) -> None:
    """Days are locked where they follow another calendar, and there alone."""
    workshop, at = site
    row = DAILY.format(reference="B", site=at, name="Bench")
    await send(api, workshop, a_table(row))
    bench = await resource(db, workshop, "B")
    await hold(db, new_id(), (bench, day(1), 60))
    async with db.work() as session:
        await store.open_ledger(session, [bench.allocate(day(1), 1)])
        renamed = await put(api, workshop, a_table(row.replace("Bench", "Banco").replace("=20+15", "=18+15")))
        assert changes(renamed) == {"B": ["name", "work"]}


async def test_many_days_follow_some_at_a_time(
    api: httpx.AsyncClient, db: Database, site: tuple[UUID, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop, at = site
    rows = [DAILY.format(reference=f"R{n}", site=at, name="Bench") for n in range(5)]
    await send(api, workshop, a_table(*rows))
    benches = [await resource(db, workshop, f"R{n}") for n in range(5)]
    await hold(db, new_id(), *((bench, day(n), 60) for bench in benches for n in (1, 2)))
    monkeypatch.setattr(bulk, "_DAYS_AT_ONCE", 4)
    locked, ledger_from = list[int](), store.ledger_from

    async def counted(session: WriteSession, first: dict[UUID, date]) -> Ledger:
        ledger = await ledger_from(session, first)
        locked.append(len(ledger.buckets))
        return ledger

    monkeypatch.setattr(store, "ledger_from", counted)
    report = await put(api, workshop, a_table(*(row.replace("17:00", "16:00") for row in rows)))
    assert (report["changed"], locked) == (5, [4, 4, 2])
    assert [await bucket(db, bench, day(1)) for bench in benches] == [(420, 60, 0)] * 5
    assert await faults(db, *benches) == []


# --- what a row says of what is known --------------------------------------------------------------------------------

columns = st.sets(st.sampled_from(HEAD.split(",")[1:]))


@given(columns)
def test_whatever_a_row_leaves_out_is_as_it_was(said: set[str]) -> None:
    known = world.a_resource(work={})
    full = {"site_id": str(known.site_id), "name": "Banco", "kind": "machine", "processes": ["overlock"]}
    row = {"reference": "B"} | {name: value for name, value in full.items() if name in said}
    merged = _over(known, row)
    for name, new in full.items():
        was = new if name == "site_id" else getattr(known, name)
        assert merged[name] == (new if name in said else was)
    assert merged["calendar"]["weekly"] == known.calendar.weekly
