"""The commands of capacity over HTTP, on the real application with its relay, consumer and sweeper."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx
import pytest
from asyncpg import ForeignKeyViolationError
from sqlalchemy import text

from libs.kit.db import Database
from libs.kit.ids import new_id
from libs.kit.testing import eventually, headers
from services.capacity import store
from services.capacity.domain.offer import Resource
from services.capacity.handlers import sites
from tests.services.capacity import world
from tests.services.capacity.world import bucket, day, faults, told

CALENDAR = {"weekly": [480] * 7, "starts_on": str(day(-5)), "ends_on": str(day(300))}
TERMS = {"price_per_unit": {"amount": 50, "currency": "EUR"}, "setup_price": {"amount": 1000}}


def a_body(**changes: object) -> dict[str, Any]:
    plain = {"site_id": str(new_id()), "name": "Bench", "kind": "bench", "processes": ["lockstitch"]}
    return plain | {"terms": TERMS, "calendar": CALENDAR | {"exceptions": {}}} | changes


async def publish(
    api: httpx.AsyncClient, db: Database, workshop: UUID | None = None, role: str = "workshop", **changes: object
) -> httpx.Response:
    """At a site of the workshop's that capacity knows of."""
    stands = world.a_resource(party_id=workshop or new_id())
    await world.know_sites(db, stands)
    body = a_body(site_id=str(stands.site_id), **changes)
    return await api.post("/resources", json=body, headers=headers(stands.party_id, role))


async def a_bench(api: httpx.AsyncClient, db: Database, workshop: UUID | None = None) -> dict[str, Any]:
    answer = await publish(api, db, workshop)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def asks(resource: dict[str, Any], quantity: object = 100, on: object = None, **changes: object) -> dict[str, Any]:
    part = {"resource_id": resource["id"], "day": str(on or day(1)), "quantity": quantity}
    return {"allocations": [part]} | changes


async def test_a_resource_is_answered_with_its_whole_state(api: httpx.AsyncClient, db: Database) -> None:
    workshop = new_id()
    exceptions = {str(day(3)): 240}
    answer = await publish(api, db, workshop, calendar=CALENDAR | {"exceptions": exceptions})
    resource = answer.json()
    assert (answer.status_code, resource["version"], resource["party_id"]) == (201, 1, str(workshop))
    assert resource["calendar"] == CALENDAR | {"exceptions": exceptions}
    assert resource["terms"]["setup_price"] == {"amount": 1000, "currency": "EUR"}
    assert await told(db, resource["id"], "capacity.resource") == ["resource_published"]


async def test_a_hold_lives_its_life_over_http(api: httpx.AsyncClient, db: Database) -> None:
    bench, brand = await a_bench(api, db), new_id()
    held = await api.post("/holds", json=asks(bench), headers=headers(brand, "brand"))
    assert (held.status_code, held.json()["state"], held.json()["version"]) == (201, "held", 1)
    booked = await api.post(f"/holds/{held.json()['id']}/confirm", headers=headers(brand, "brand"))
    assert (booked.status_code, booked.json()["price"]["amount"]) == (200, 6000)
    cancelled = await api.post(f"/bookings/{held.json()['id']}/cancel", headers=headers(brand, "brand"))
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    again = await api.post("/holds", json=asks(bench), headers=headers(brand, "brand"))
    released = await api.post(f"/holds/{again.json()['id']}/release", headers=headers(brand, "brand"))
    assert (released.status_code, released.json()["state"], released.json()["version"]) == (200, "released", 2)


async def test_the_room_of_a_hold_that_ran_out_returns_by_itself(api: httpx.AsyncClient, db: Database) -> None:
    bench = await a_bench(api, db)
    held = (await api.post("/holds", json=asks(bench, 480, seconds=1), headers=headers(new_id(), "brand"))).json()

    async def expired() -> bool:
        return await told(db, held["id"]) == ["hold_placed", "hold_expired"]

    await eventually(expired)
    answer = await api.post("/holds", json=asks(bench, 480), headers=headers(new_id(), "brand"))
    assert answer.status_code == 201


async def test_no_room_is_told_with_day_and_what_is_free(api: httpx.AsyncClient, db: Database) -> None:
    bench = await a_bench(api, db)
    answer = await api.post("/holds", json=asks(bench, 481), headers=headers(new_id(), "brand"))
    assert (answer.status_code, answer.headers["content-type"]) == (409, "application/problem+json")
    assert answer.json()["code"] == "NO_CAPACITY"
    assert (
        answer.json()["detail"]
        == f"Bench has 480 minutes free on {day(1)}; 481 were asked for: take less, or another day."
    )


@pytest.mark.parametrize(("on", "status", "code"), [(day(301), 409, "NOT_OFFERED"), (day(-1), 409, "TOO_SHORT_NOTICE")])
async def test_what_is_not_sold_is_told(
    api: httpx.AsyncClient, db: Database, on: object, status: int, code: str
) -> None:
    answer = await api.post("/holds", json=asks(await a_bench(api, db), on=on), headers=headers(new_id(), "brand"))
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_hold_whose_price_could_not_be_shown_is_refused(api: httpx.AsyncClient, db: Database) -> None:
    dear = {"price_per_unit": {"amount": 10**9}, "setup_price": {"amount": 0}}
    bench = (await publish(api, db, terms=dear)).json()
    answer = await api.post("/holds", json=asks(bench, 10), headers=headers(new_id(), "brand"))
    assert (answer.status_code, answer.json()["code"]) == (409, "TOO_EXPENSIVE")


async def test_a_quote_is_what_holding_and_confirming_would_agree_on_and_takes_nothing(
    api: httpx.AsyncClient, db: Database
) -> None:
    terms = TERMS | {"deposit_percent": 20, "notice_days": 1, "material_days": 1, "approval": "by_hand"}
    bench = (await publish(api, db, terms=terms)).json()
    brand = new_id()
    held = (await api.post("/holds", json=asks(bench, 400), headers=headers(brand, "brand"))).json()
    quoted = await api.post("/quotes", json=asks(bench, 100), headers=headers(brand, "brand"))
    assert quoted.status_code == 200, quoted.text
    assert quoted.json()["days"] == [
        {"resource_id": bench["id"], "day": str(day(1)), "asked": 100, "available": 80},
    ]
    assert (quoted.json()["price"]["amount"], quoted.json()["agreed"][0]["deposit"]["amount"]) == (6000, 1200)
    assert (quoted.json()["by_hand"], quoted.json()["material_by"] is None) == (True, False)
    await api.post(f"/holds/{held['id']}/propose", headers=headers(brand, "brand"))
    workshop = headers(UUID(bench["party_id"]), "workshop")
    booked = (await api.post(f"/holds/{held['id']}/accept", headers=workshop)).json()
    again = (await api.post("/quotes", json=asks(bench, 400), headers=headers(brand, "brand"))).json()
    assert (booked["price"], booked["agreed"]) == (again["price"], again["agreed"])
    for wrong, status, code in (
        (asks(bench, 10, day(0)), 409, "TOO_SHORT_NOTICE"),
        (asks({"id": str(new_id())}), 404, "UNKNOWN_RESOURCE"),
    ):
        answer = await api.post("/quotes", json=wrong, headers=headers(brand, "brand"))
        assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_an_unknown_resource_is_not_found(api: httpx.AsyncClient) -> None:
    answer = await api.post("/holds", json=asks({"id": str(new_id())}), headers=headers(new_id(), "brand"))
    assert (answer.status_code, answer.json()["code"]) == (404, "UNKNOWN_RESOURCE")


async def test_holds_and_bookings_of_others_are_not_found(api: httpx.AsyncClient, db: Database) -> None:
    bench, brand = await a_bench(api, db), new_id()
    held = (await api.post("/holds", json=asks(bench), headers=headers(brand, "brand"))).json()
    for path in (f"/holds/{held['id']}/confirm", f"/holds/{held['id']}/release", f"/bookings/{held['id']}/cancel"):
        assert (await api.post(path, headers=headers(new_id(), "brand"))).status_code == 404
        assert (await api.post(path, headers=headers(UUID(bench["party_id"]), "workshop"))).status_code == 404
    assert await told(db, held["id"]) == ["hold_placed"]
    theirs = {"calendar": CALENDAR | {"exceptions": {}}}
    answer = await api.post(f"/resources/{bench['id']}/calendar", json=theirs, headers=headers(new_id(), "workshop"))
    assert answer.status_code == 404


async def test_only_workshops_and_labs_publish_and_only_hubs_import(api: httpx.AsyncClient, db: Database) -> None:
    for role, status in (("workshop", 201), ("lab", 201), ("brand", 403), ("retailer", 403), ("hub", 403)):
        answer = await publish(api, db, role=role)
        assert (role, answer.status_code) == (role, status)
    resources = {"resources": [a_body(id=str(new_id()), party_id=str(new_id()))]}
    answer = await api.post("/imports/resources", json=resources, headers=headers(new_id(), "workshop"))
    assert (answer.status_code, answer.json()["code"]) == (403, "WRONG_ROLE")


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"kind": "oven"}, "kind"),
        ({"processes": []}, "processes"),
        ({"processes": ["Lock Stitch"]}, "processes.0"),
        ({"name": ""}, "name"),
        ({"name": " "}, "name"),
        ({"name": "Ben\x01ch"}, "name"),
        ({"name": "Ben\u202ech"}, "name"),
        ({"name": "B" * 121}, "name"),
        ({"unit": "min\x01"}, "unit"),
        ({"unit": "hours"}, "unit"),
        ({"work": {"lockstitch": {"run": 0}}}, "work.lockstitch"),
        ({"work": {"linking": {"run": 1}}}, "body"),
        ({"processes": ["cut\x01"]}, "processes.0"),
        ({"time_zone": "Europe/Rome"}, "time_zone"),  # its site's is
        ({"terms": TERMS | {"price_per_unit": {"amount": 1, "currency": "E\x01R"}}}, "terms"),
        ({"calendar": CALENDAR | {"exceptions": {str(day(301)): 1}}}, "calendar"),
        ({"calendar": CALENDAR | {"starts_on": "9999-12-01", "ends_on": "9999-12-31", "exceptions": {}}}, "calendar"),
        ({"colour": "red"}, "colour"),
        ({"calendar": CALENDAR | {"weekly": [480] * 6, "exceptions": {}}}, "calendar"),
        ({"calendar": CALENDAR | {"exceptions": {"tomorrow": 1}}}, "calendar.exceptions.tomorrow.[key]"),
        ({"terms": TERMS | {"notice_days": -1}}, "terms"),
        ({"terms": TERMS | {"setup_price": {"amount": "much"}}}, "terms.setup_price.amount"),
    ],
)
async def test_a_wrong_resource_is_refused_naming_the_field(
    api: httpx.AsyncClient, wrong: dict[str, object], path: str
) -> None:
    answer = await api.post("/resources", json=a_body(**wrong), headers=headers(new_id(), "workshop"))
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID")
    assert [error["path"] for error in answer.json()["errors"]] == [path]


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"seconds": 0}, "seconds"),
        ({"seconds": 86_401}, "seconds"),
        ({"allocations": []}, "allocations"),
        (
            {"allocations": [{"resource_id": str(new_id()), "day": str(day(1)), "quantity": 1} for _ in range(101)]},
            "allocations",
        ),
        ({"allocations": [{"resource_id": "x", "day": str(day(1)), "quantity": 1}]}, "allocations.0.resource_id"),
        (
            {"allocations": [{"resource_id": str(new_id()), "day": str(day(1)), "quantity": 0}]},
            "allocations.0.quantity",
        ),
        ({"allocations": [{"resource_id": str(UUID(int=1)), "day": str(day(1)), "quantity": 1}] * 2}, "body"),
    ],
)
async def test_a_wrong_hold_is_refused_naming_the_field(
    api: httpx.AsyncClient, wrong: dict[str, object], path: str
) -> None:
    answer = await api.post("/holds", json=asks({"id": str(new_id())}) | wrong, headers=headers(new_id(), "brand"))
    assert (answer.status_code, [error["path"] for error in answer.json()["errors"]]) == (422, [path])


async def test_a_hold_sent_again_under_its_key_is_placed_once(api: httpx.AsyncClient, db: Database) -> None:
    bench, brand = await a_bench(api, db), new_id()
    same = headers(brand, "brand", "k1")
    first = await api.post("/holds", json=asks(bench), headers=same)
    again = await api.post("/holds", json=asks(bench), headers=same)
    assert (again.status_code, again.content, again.headers["idempotent-replay"]) == (201, first.content, "true")
    other = await api.post("/holds", json=asks(bench, 101), headers=same)
    assert (other.status_code, other.json()["code"]) == (422, "KEY_REUSED")
    elsewhere = await api.post(f"/holds/{first.json()['id']}/release", headers=same)
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (422, "KEY_REUSED")
    stranger = await api.post("/holds", json=asks(bench), headers=headers(new_id(), "brand", "k1"))
    assert stranger.json()["id"] != first.json()["id"]


async def test_the_same_key_many_times_at_once_holds_once(api: httpx.AsyncClient, db: Database) -> None:
    bench, brand = await a_bench(api, db), new_id()
    same = headers(brand, "brand", "k1")
    answers = await asyncio.gather(*(api.post("/holds", json=asks(bench), headers=same) for _ in range(20)))
    placed = {answer.content for answer in answers if answer.status_code == 201}
    rest = {answer.json()["code"] for answer in answers if answer.status_code != 201}
    assert len(placed) == 1
    assert rest <= {"STILL_RUNNING"}
    async with db.work() as session:
        query = text("SELECT count(*) FROM hold WHERE party_id = :party")
        assert await session.scalar(query, {"party": brand}) == 1


async def test_a_refused_hold_may_be_sent_again_under_its_key(api: httpx.AsyncClient, db: Database) -> None:
    bench, brand = await a_bench(api, db), new_id()
    full = (await api.post("/holds", json=asks(bench, 480), headers=headers(brand, "brand"))).json()
    same = headers(brand, "brand", "k1")
    assert (await api.post("/holds", json=asks(bench), headers=same)).status_code == 409
    await api.post(f"/holds/{full['id']}/release", headers=headers(brand, "brand"))
    assert (await api.post("/holds", json=asks(bench), headers=same)).status_code == 201


async def test_many_at_once_over_http_never_oversell(api: httpx.AsyncClient, db: Database) -> None:
    bench = await a_bench(api, db)
    answers = await asyncio.gather(
        *(api.post("/holds", json=asks(bench, 30), headers=headers(new_id(), "brand")) for _ in range(40))
    )
    assert sorted(answer.status_code for answer in answers) == [201] * 16 + [409] * 24


async def test_a_calendar_may_fall_below_what_is_held_and_the_job_takes_the_hold_back(
    api: httpx.AsyncClient, db: Database
) -> None:
    workshop = new_id()
    bench = await a_bench(api, db, workshop)
    held = await api.post("/holds", json=asks(bench, 300), headers=headers(new_id(), "brand"))
    path = f"/resources/{bench['id']}/calendar"
    shorter = {"calendar": CALENDAR | {"weekly": [299] * 7, "exceptions": {}}}
    changed = await api.post(path, json=shorter, headers=headers(workshop, "workshop"))
    assert (changed.status_code, changed.json()["version"]) == (200, 2)

    async def released() -> bool:
        return (await told(db, held.json()["id"]))[-1] == "hold_released"

    await eventually(released)
    again = await api.post("/holds", json=asks(bench, 299), headers=headers(new_id(), "brand"))
    assert again.status_code == 201


async def test_what_was_taken_for_an_order_is_given_back_by_cancelling_the_order(
    api: httpx.AsyncClient, db: Database
) -> None:
    craft = f"craft_{new_id().hex}"
    await world.publish(db, world.a_resource(processes=[craft]))
    order = world.an_order((craft, 60))
    await world.hear(db, order)
    answer = await api.post(f"/holds/{order.id}/release", headers=headers(order.party_id, "retailer"))
    assert (answer.status_code, answer.json()["code"]) == (409, "BELONGS_TO_ORDER")


def imported(stands: Resource, **changes: object) -> dict[str, Any]:
    ids = {"id": stands.id, "party_id": stands.party_id, "site_id": stands.site_id}
    return a_body(**{name: str(value) for name, value in ids.items()} | changes)


async def test_a_hub_imports_once_what_it_sends_twice(api: httpx.AsyncClient, db: Database) -> None:
    stand = [world.a_resource() for _ in range(501)]
    await world.know_sites(db, *stand)
    sent = [imported(one) for one in stand[:500]]
    first = await api.post("/imports/resources", json={"resources": sent}, headers=headers(new_id(), "hub"))
    assert (first.status_code, first.json()) == (200, {"accepted": 500, "skipped": 0})
    more = [*sent[:3], imported(stand[500])]
    again = await api.post("/imports/resources", json={"resources": more}, headers=headers(new_id(), "hub"))
    assert again.json() == {"accepted": 1, "skipped": 3}
    assert await told(db, sent[0]["id"], "capacity.resource") == ["resource_published"]
    placed = await api.post("/holds", json=asks(sent[7]), headers=headers(new_id(), "brand"))
    assert placed.status_code == 201
    resource = world.a_resource(id=UUID(sent[7]["id"]))
    assert await bucket(db, resource, day(1)) == (480, 100, 0)
    assert await faults(db, resource) == []


async def test_a_resource_keeps_the_clock_of_its_site(api: httpx.AsyncClient, db: Database) -> None:
    stands = world.a_resource(time_zone="Pacific/Auckland")
    await world.know_sites(db, stands)
    body = a_body(site_id=str(stands.site_id))
    answer = await api.post("/resources", json=body, headers=headers(stands.party_id, "workshop"))
    assert answer.json()["time_zone"] == "Pacific/Auckland"


@pytest.mark.parametrize("site", ["another's", "nobody's"])
async def test_nobody_publishes_at_a_site_that_is_not_the_workshops_own(
    api: httpx.AsyncClient, db: Database, site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sites, "LOOKS", 2)
    stands, stranger = world.a_resource(), world.a_resource()
    if site == "another's":
        await world.know_sites(db, stands)
    wrong = a_body(site_id=str(stands.site_id))
    answer = await api.post("/resources", json=wrong, headers=headers(stranger.party_id, "workshop"))
    assert (answer.status_code, [one["path"] for one in answer.json()["errors"]]) == (422, ["site_id"])
    assert "registered just now, send this again" in answer.json()["errors"][0]["message"]
    await world.know_sites(db, stranger)
    both = {"resources": [imported(stranger), imported(stranger, id=str(new_id()), site_id=str(stands.site_id))]}
    answer = await api.post("/imports/resources", json=both, headers=headers(new_id(), "hub"))
    assert (answer.status_code, [one["path"] for one in answer.json()["errors"]]) == (422, ["resources.1.site_id"])
    assert await told(db, stranger.id, "capacity.resource") == []


async def test_a_site_registered_a_moment_ago_is_waited_for(api: httpx.AsyncClient, db: Database) -> None:
    stands = world.a_resource()
    body = a_body(site_id=str(stands.site_id))
    asked = asyncio.create_task(api.post("/resources", json=body, headers=headers(stands.party_id, "workshop")))
    await asyncio.sleep(0.3)
    await world.know_sites(db, stands)
    assert (await asked).status_code == 201


async def test_the_database_itself_lets_no_resource_stand_elsewhere(db: Database) -> None:
    stands, other = world.a_resource(), world.a_resource()
    await world.know_sites(db, stands)
    with pytest.raises(ForeignKeyViolationError, match="at_own_site"):
        async with db.work() as session:
            await store.publish(session, [replace(other, site_id=stands.site_id)])


async def test_what_is_wrong_with_a_field_reads_on_from_its_name(api: httpx.AsyncClient) -> None:
    wrong = a_body(name="", calendar=CALENDAR | {"weekly": [480], "exceptions": {}})
    answer = await api.post("/resources", json=wrong, headers=headers(new_id(), "workshop"))
    assert [f"{one['path']} {one['message']}" for one in answer.json()["errors"]] == [
        "name must have at least 1 character",
        "calendar weekly has seven quantities, Monday first, each from 0 to 1,000,000",
    ]


# --- text that cannot be written -------------------------------------------------------------------------------------

HALF = r'"\ud800"'
EVENTS = f'{{"events": [{{"starts": "2026-03-02T08:00:00", "minutes": 60, "rule": {HALF}}}]}}'


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/resources", f'{{"pattern": {EVENTS}}}'),
        ("/resources/{id}/pattern", f'{{"pattern": {EVENTS}}}'),
        ("/bulk/resources", f'{{"rows": [{{"reference": {HALF}}}]}}'),
        ("/bulk/resources", f'{{"rows": [{{"pattern": {EVENTS}}}]}}'),
        ("/resources/{id}/work", f'{{"work": {{"lockstitch": {{"run": 1, "changes": {{{HALF}: 8}}}}}}}}'),
        ("/resources/{id}/work", f"{{{HALF}: 1}}"),
        ("/resources/{id}/work", f'{{"name": {HALF}}}'),
    ],
)
async def test_half_a_character_is_refused_wherever_it_comes(
    api: httpx.AsyncClient, bench: Resource, path: str, body: str
) -> None:
    mine = headers(bench.party_id, "workshop") | {"content-type": "application/json"}
    answer = await api.post(path.format(id=bench.id), content=body, headers=mine)
    assert (answer.status_code, answer.json()["code"]) == (400, "NOT_UTF_8"), answer.text
    assert "half a character" in answer.json()["detail"]
