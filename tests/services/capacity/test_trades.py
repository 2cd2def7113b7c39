"""What each trade counts in, from publishing to booking over HTTP; and two published reckonings that must come out."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from libs.kit.db import Database
from libs.kit.ids import new_id
from libs.kit.testing import headers
from services.capacity.domain.units import UNITS
from tests.services.capacity import world
from tests.services.capacity.rows import HEAD, ROW, a_table, send
from tests.services.capacity.test_api import publish
from tests.services.capacity.test_calendar_files import a_file
from tests.services.capacity.test_patterns import the_resource
from tests.services.capacity.world import bucket, day

TRADES: dict[str, tuple[str, str, dict[str, Any], dict[str, Any], int, int, int]] = {
    # unit: kind, process, its work, terms, what a day gives, pieces asked for, units that they take
    "minutes": ("operator_pool", "lockstitch", {"run": 20, "setup": 15}, {}, 480, 12, 15 + 12 * 20),
    "pieces": ("machine", "laser", {"run": 1}, {}, 90, 60, 60),
    "pairs": ("tool_set", "lasting", {"run": 1, "lot_multiple": 6}, {}, 24, 10, 12),
    "kg": ("machine", "dyeing", {"run": 2, "pieces": 5, "lot_multiple": 10}, {"lot_multiple": 25}, 100, 101, 50),
    "g": ("machine", "casting", {"run": 7, "setup": 30}, {}, 2_000, 40, 310),
    "m2": ("room", "printing", {"run": 3, "pieces": 2}, {}, 40, 15, 23),
    "dm2": ("room", "leather", {"run": 45}, {}, 3_000, 20, 900),
    "flasks": ("machine", "burnout", {"run": 1, "pieces": 12, "elapsed_minutes": 720}, {}, 8, 30, 3),
    "litres": ("machine", "sintering", {"run": 1, "pieces": 40}, {"minimum_quantity": 5}, 12, 100, 5),
    "ml": ("machine", "resin", {"run": 35}, {}, 5_000, 12, 420),
}


def test_every_unit_is_of_some_trade() -> None:
    assert TRADES.keys() == UNITS.keys()


@pytest.mark.parametrize("unit", TRADES)
async def test_a_trade_is_published_estimated_quoted_held_and_booked_in_its_unit(
    api: httpx.AsyncClient, db: Database, unit: str
) -> None:
    kind, process, work, more, gives, pieces, takes = TRADES[unit]
    terms = {"price_per_unit": {"amount": 30}, "setup_price": {"amount": 700}} | more
    shift = {"weekdays": [1, 2, 3, 4, 5, 6, 7], "starts": "08:00", "ends": "16:00"}
    pattern = {"shifts": [shift | ({} if unit == "minutes" else {"quantity": gives})]}
    made = {"kind": kind, "processes": [process], "unit": unit, "work": {process: work}, "terms": terms}
    published = await publish(api, db, **made, calendar=None, pattern=pattern)
    assert published.status_code == 201, published.text
    resource, brand = published.json(), headers(new_id(), "brand")
    asked = {"resource_id": resource["id"], "process": process, "pieces": pieces, "first_day": str(day(2))}
    told = (await api.post("/estimates", json=asked, headers=brand)).json()
    assert told["days"] == [{"day": str(day(2)), "quantity": takes}]
    assert told["price"]["amount"] == 700 + 30 * takes
    days = {"allocations": [{"resource_id": resource["id"], **one} for one in told["days"]]}
    quoted = (await api.post("/quotes", json=days, headers=brand)).json()
    assert (quoted["price"], quoted["days"][0]["available"]) == (told["price"], gives)
    held = (await api.post("/holds", json=days, headers=headers(UUID(int=1), "brand"))).json()
    booked = await api.post(f"/holds/{held['id']}/confirm", headers=headers(UUID(int=1), "brand"))
    assert (booked.status_code, booked.json()["price"]) == (200, told["price"])
    assert await bucket(db, await the_resource(db, resource["id"]), day(2)) == (gives, 0, takes)
    lot = more.get("lot_multiple", 1)
    days["allocations"][0]["quantity"] = too_many = (gives - takes) // lot * lot + max(
        lot, more.get("minimum_quantity", 1)
    )
    full = await api.post("/holds", json=days, headers=brand)
    expected = (
        f"Bench has {gives - takes} {unit} free on {day(2)}; {too_many} were asked for: take less, or another day."
    )
    assert (full.status_code, full.json()["detail"]) == (409, expected)


# --- hours where no minutes are counted ------------------------------------------------------------------------------

HOURS = {"shifts": [{"weekdays": [1], "starts": "08:00", "ends": "16:00"}]}


async def test_hours_alone_are_refused_where_something_else_is_counted(api: httpx.AsyncClient, db: Database) -> None:
    """Eight hours would be 480 flasks."""
    workshop = new_id()
    answer = await publish(api, db, workshop, unit="flasks", calendar=None, pattern=HOURS)
    assert answer.status_code == 422
    assert "counted in flasks; say by `quantity`" in answer.json()["errors"][0]["message"]
    kiln = (await publish(api, db, workshop, unit="flasks")).json()
    mine = headers(workshop, "workshop")
    changed = await api.post(f"/resources/{kiln['id']}/pattern", json={"pattern": HOURS}, headers=mine)
    assert (changed.status_code, changed.json()["errors"][0]["path"]) == (422, "pattern")
    work = a_file("DTSTART;TZID=Europe/Rome:20260302T080000\nDURATION:PT8H\nRRULE:FREQ=DAILY")
    sent = await api.post(f"/resources/{kiln['id']}/calendar.ics", content=work, headers=headers(workshop, "workshop"))
    assert sent.status_code == 422
    assert (await the_resource(db, kiln["id"])).version == 1
    counted = work.replace(b"DURATION", b"X-FILIERA-QUANTITY:6\r\nDURATION")
    sent = await api.post(
        f"/resources/{kiln['id']}/calendar.ics", content=counted, headers=headers(workshop, "workshop")
    )
    assert sent.status_code == 200


async def test_a_table_says_what_a_shift_gives_in_flasks(api: httpx.AsyncClient, db: Database) -> None:
    stands = world.a_resource()
    await world.know_sites(db, stands)
    row = ROW.format(reference="K", site=stands.site_id, name="Kiln").replace("Mon-Fri", "Mon-Sun").replace("IT-MI", "")
    report = await send(
        api, stands.party_id, a_table(f"{row},flasks,", f"{row},flasks,6", head=f"{HEAD},unit,quantity")
    )
    [refused, published] = report["lines"]
    assert "counted in flasks" in refused["errors"][0]["message"]
    kiln = await the_resource(db, published["resource_id"])
    assert kiln.calendar.weekly == [12] * 7  # mornings and afternoons


# --- published reckonings --------------------------------------------------------------------------------------------


async def estimated(api: httpx.AsyncClient, resource: dict[str, Any], pieces: int) -> list[int]:
    """What so many take of each day."""
    asked = {"resource_id": resource["id"], "process": "lockstitch", "pieces": pieces}
    answer = await api.post("/estimates", json=asked, headers=headers(new_id(), "brand"))
    return [one["quantity"] for one in answer.json()["days"]]


async def test_29268_standard_minutes_a_day_are_1463_shirts_and_not_one_more(
    api: httpx.AsyncClient, db: Database
) -> None:
    """The source is told in test_work.py, where its five lines are reckoned."""
    calendar = {"weekly": [29_268] * 7, "exceptions": {}, "starts_on": str(day(0)), "ends_on": str(day(30))}
    floor = (await publish(api, db, calendar=calendar, work={"lockstitch": {"run": 20}})).json()
    assert await estimated(api, floor, 1_463) == [29_260]
    assert await estimated(api, floor, 1_464) == [29_268, 12]


@pytest.mark.parametrize(("pairs", "minutes", "a_shift"), [(10, 23, 209), (100, 41, 1170)])
async def test_a_shift_cuts_209_pairs_in_lots_of_10_and_1170_in_lots_of_100(
    api: httpx.AsyncClient, db: Database, pairs: int, minutes: int, a_shift: int
) -> None:
    press = (await publish(api, db, work={"lockstitch": {"run": 1, "pieces": 5, "setup": 21}})).json()
    assert await estimated(api, press, pairs) == [minutes]
    assert round(round(480 / minutes, 1) * pairs) == a_shift
