"""The commands of the catalog over HTTP, on the real application."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from libs.kit.db import Database
from libs.kit.ids import new_id
from libs.kit.testing import headers

SITE = {
    "name": "Via Conte Rosso",
    "municipality": "Milano",
    "latitude": 45.4837,
    "longitude": 9.2391,
    "time_zone": "Europe/Rome",
}
PRODUCT = {
    "name": "Overshirt",
    "description": "Unlined cotton",
    "price": {"amount": 18_500, "currency": "EUR"},
    "variants": [{"sku": "S", "label": "Small"}],
    "routing": [{"process": "cutting", "setup_minutes": 30, "run_minutes": 4}],
}


async def registered(api: httpx.AsyncClient, kind: str) -> UUID:
    party = new_id()
    body = {"kind": kind, "name": "Sartoria Lambrate"}
    assert (await api.post("/parties", json=body, headers=headers(party, kind))).status_code == 201
    return party


async def rows_of(db: Database, party: UUID) -> dict[str, int]:
    """How many rows of each table are a party's, and how many events were told of it."""
    queries = {
        "party": "SELECT count(*) FROM party WHERE id = :p",
        "site": "SELECT count(*) FROM site WHERE party_id = :p",
        "product": "SELECT count(*) FROM product WHERE party_id = :p",
        "told": "SELECT count(*) FROM outbox WHERE aggregateid = :p OR payload->>'party_id' = CAST(:p AS text)",
    }
    async with db.work() as session:
        return {name: await session.scalar(text(query), {"p": party}) for name, query in queries.items()}


# --- parties ---------------------------------------------------------------------------------------------------------


async def test_a_party_is_registered_under_the_id_of_its_token(api: httpx.AsyncClient, db: Database) -> None:
    party = new_id()
    body = {"kind": "workshop", "name": "  Sartoria Lambrate "}
    answer = await api.post("/parties", json=body, headers=headers(party, "workshop"))
    assert answer.status_code == 201
    assert answer.json() == {"id": str(party), "version": 1, "kind": "workshop", "name": "Sartoria Lambrate"}
    assert await rows_of(db, party) == {"party": 1, "site": 0, "product": 0, "told": 1}


async def test_a_party_is_registered_once(api: httpx.AsyncClient, db: Database) -> None:
    party = await registered(api, "brand")
    again = await api.post("/parties", json={"kind": "brand", "name": "Other"}, headers=headers(party, "brand"))
    assert (again.status_code, again.json()["code"]) == (409, "PARTY_EXISTS")
    assert (await rows_of(db, party))["told"] == 1


async def test_of_many_who_register_one_party_at_once_one_succeeds(api: httpx.AsyncClient, db: Database) -> None:
    party = new_id()
    body = {"kind": "brand", "name": "Atelier"}
    tries = await asyncio.gather(*(api.post("/parties", json=body, headers=headers(party, "brand")) for _ in range(8)))
    assert sorted(one.status_code for one in tries) == [201] + [409] * 7
    assert (await rows_of(db, party))["told"] == 1


async def test_nobody_registers_as_what_the_token_does_not_say(api: httpx.AsyncClient, db: Database) -> None:
    party = new_id()
    answer = await api.post("/parties", json={"kind": "hub", "name": "Milano"}, headers=headers(party, "brand"))
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "kind")
    assert (await rows_of(db, party))["party"] == 0


async def test_a_renamed_party_keeps_its_id_and_gets_the_next_version(api: httpx.AsyncClient) -> None:
    party = await registered(api, "lab")
    answer = await api.post("/parties/rename", json={"name": "FabLab"}, headers=headers(party, "lab"))
    assert answer.json() == {"id": str(party), "version": 2, "kind": "lab", "name": "FabLab"}


@pytest.mark.parametrize(
    ("route", "body", "role"),
    [("/parties/rename", {"name": "x"}, "brand"), ("/sites", SITE, "workshop"), ("/products", PRODUCT, "brand")],
)
async def test_who_is_not_registered_is_told_to(
    api: httpx.AsyncClient, route: str, body: dict[str, Any], role: str
) -> None:
    answer = await api.post(route, json=body, headers=headers(new_id(), role))
    assert (answer.status_code, answer.json()["code"]) == (409, "PARTY_UNKNOWN")


# --- sites and products ----------------------------------------------------------------------------------------------


async def test_a_site_is_answered_with_its_whole_state(api: httpx.AsyncClient) -> None:
    party = await registered(api, "workshop")
    site = (await api.post("/sites", json=SITE, headers=headers(party, "workshop"))).json()
    assert site == SITE | {"id": site["id"], "version": 1, "party_id": str(party)}


async def test_a_product_is_answered_with_its_whole_state(api: httpx.AsyncClient) -> None:
    brand = await registered(api, "brand")
    product = (await api.post("/products", json=PRODUCT, headers=headers(brand, "brand"))).json()
    assert product == PRODUCT | {"id": product["id"], "version": 1, "party_id": str(brand)}


async def test_only_brands_offer_products(api: httpx.AsyncClient, db: Database) -> None:
    party = await registered(api, "workshop")
    answer = await api.post("/products", json=PRODUCT, headers=headers(party, "workshop"))
    assert (answer.status_code, answer.json()["code"]) == (403, "WRONG_ROLE")
    assert (await rows_of(db, party))["product"] == 0


@pytest.mark.parametrize(
    ("route", "body", "path"),
    [
        ("/parties/rename", {"name": " "}, "name"),
        ("/sites", SITE | {"latitude": 91}, "latitude"),
        ("/sites", SITE | {"latitude": True}, "latitude"),
        ("/sites", SITE | {"time_zone": "Mars/Olympus"}, "time_zone"),
        ("/sites", SITE | {"color": "red"}, "color"),
        ("/products", PRODUCT | {"price": {"amount": 0, "currency": "EUR"}}, "price.amount"),
        ("/products", PRODUCT | {"price": {"amount": 1.5, "currency": "EUR"}}, "price.amount"),
        ("/products", PRODUCT | {"variants": PRODUCT["variants"] * 2}, "variants.1.sku"),
        ("/products", PRODUCT | {"routing": []}, "routing"),
    ],
)
async def test_bad_input_names_its_field_and_writes_nothing(
    api: httpx.AsyncClient, db: Database, route: str, body: dict[str, Any], path: str
) -> None:
    party = await registered(api, "brand")
    answer = await api.post(route, json=body, headers=headers(party, "brand"))
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert [error["path"] for error in answer.json()["errors"]] == [path]
    assert await rows_of(db, party) == {"party": 1, "site": 0, "product": 0, "told": 1}


async def test_a_product_is_withdrawn_once(api: httpx.AsyncClient, db: Database) -> None:
    brand = await registered(api, "brand")
    product = (await api.post("/products", json=PRODUCT, headers=headers(brand, "brand"))).json()
    withdrawn = await api.post(f"/products/{product['id']}/withdraw", headers=headers(brand, "brand"))
    again = await api.post(f"/products/{product['id']}/withdraw", headers=headers(brand, "brand"))
    assert withdrawn.json() == product | {"version": 2}
    assert (again.status_code, again.json()["code"]) == (409, "WITHDRAWN")


async def test_the_product_of_another_brand_is_not_found_and_stays(api: httpx.AsyncClient, db: Database) -> None:
    brand, other = await registered(api, "brand"), await registered(api, "brand")
    product = (await api.post("/products", json=PRODUCT, headers=headers(brand, "brand"))).json()
    answer = await api.post(f"/products/{product['id']}/withdraw", headers=headers(other, "brand"))
    assert answer.status_code == 404
    assert (await rows_of(db, brand))["told"] == 2


# --- what every command does -----------------------------------------------------------------------------------------


async def test_the_same_key_and_body_give_the_first_answer_again(api: httpx.AsyncClient, db: Database) -> None:
    party, key = await registered(api, "workshop"), str(new_id())
    first, again = [await api.post("/sites", json=SITE, headers=headers(party, "workshop", key)) for _ in range(2)]
    assert (again.status_code, again.content) == (201, first.content)
    assert (await rows_of(db, party))["site"] == 1


async def test_the_same_key_with_another_body_is_refused(api: httpx.AsyncClient, db: Database) -> None:
    party, key = await registered(api, "workshop"), str(new_id())
    await api.post("/sites", json=SITE, headers=headers(party, "workshop", key))
    answer = await api.post("/sites", json=SITE | {"name": "Elsewhere"}, headers=headers(party, "workshop", key))
    assert (answer.status_code, answer.json()["code"]) == (422, "KEY_REUSED")
    assert (await rows_of(db, party))["site"] == 1


@pytest.mark.parametrize("missing", ["Authorization", "Idempotency-Key"])
async def test_a_command_needs_a_token_and_a_key(api: httpx.AsyncClient, missing: str) -> None:
    sent = headers(new_id(), "brand")
    del sent[missing]
    answer = await api.post("/parties", json={"kind": "brand", "name": "Anna"}, headers=sent)
    assert answer.status_code == {"Authorization": 401, "Idempotency-Key": 400}[missing]


async def test_anybody_may_read_the_taxonomy(api: httpx.AsyncClient) -> None:
    processes = (await api.get("/processes")).json()
    assert {"code": "lockstitch", "trade": "garment", "label": "Lockstitch sewing"} in processes


@pytest.mark.parametrize("table", ["party", "site", "product"])
async def test_a_party_sees_its_own_rows_alone(api: httpx.AsyncClient, db: Database, table: str) -> None:
    brands = [await registered(api, "brand") for _ in range(2)]
    for brand in brands:
        await api.post("/sites", json=SITE, headers=headers(brand, "brand"))
        await api.post("/products", json=PRODUCT, headers=headers(brand, "brand"))
    owner = "id" if table == "party" else "party_id"
    async with db.read(brands[0]) as session:
        assert (await session.scalars(text(f"SELECT {owner} FROM {table}"))).all() == [brands[0]]
    async with db.read() as session:
        assert (await session.scalars(text(f"SELECT id FROM {table}"))).all() == []


# --- a hub's list ----------------------------------------------------------------------------------------------------


def firm(**changes: object) -> dict[str, Any]:
    site = SITE | {"id": str(new_id())}
    return {"id": str(new_id()), "kind": "workshop", "name": "Officina", "sites": [site]} | changes


async def imported(api: httpx.AsyncClient, *firms: dict[str, Any], role: str = "hub") -> httpx.Response:
    return await api.post("/imports/parties", json={"parties": firms}, headers=headers(new_id(), role))


async def test_a_hub_takes_over_a_list_with_sites(api: httpx.AsyncClient, db: Database) -> None:
    firms = [firm(), firm(sites=[])]
    answer = await imported(api, *firms)
    assert (answer.status_code, answer.json()) == (200, {"accepted": 2, "skipped": 0})
    assert await rows_of(db, UUID(firms[0]["id"])) == {"party": 1, "site": 1, "product": 0, "told": 2}


async def test_a_party_known_already_is_left_as_it_is(api: httpx.AsyncClient, db: Database) -> None:
    party = await registered(api, "workshop")
    answer = await imported(api, firm(id=str(party), name="Taken over"), firm())
    assert answer.json() == {"accepted": 1, "skipped": 1}
    assert await rows_of(db, party) == {"party": 1, "site": 0, "product": 0, "told": 1}


async def test_a_list_sent_again_changes_nothing(api: httpx.AsyncClient, db: Database) -> None:
    one = firm()
    assert [(await imported(api, one)).json() for _ in range(2)] == [
        {"accepted": 1, "skipped": 0},
        {"accepted": 0, "skipped": 1},
    ]
    assert (await rows_of(db, UUID(one["id"])))["told"] == 2


async def test_a_site_of_somebody_else_is_never_taken(api: httpx.AsyncClient, db: Database) -> None:
    theirs, thief = firm(), firm()
    thief["sites"] = theirs["sites"]
    await imported(api, theirs)
    await imported(api, thief)
    assert (await rows_of(db, UUID(thief["id"])))["site"] == 0
    assert (await rows_of(db, UUID(theirs["id"])))["site"] == 1


async def test_hubs_that_bring_the_same_parties_at_once_never_wait_in_a_ring(
    api: httpx.AsyncClient, db: Database
) -> None:
    firms = [firm() for _ in range(60)]
    answers = await asyncio.gather(*(imported(api, *order) for order in (firms, firms[::-1]) for _ in range(3)))
    assert sum(answer.json()["accepted"] for answer in answers) == 60
    assert {(await rows_of(db, UUID(one["id"])))["told"] for one in firms} == {2}


async def test_a_list_is_taken_whole_or_not_at_all(api: httpx.AsyncClient, db: Database) -> None:
    good, bad = firm(), firm(name="")
    answer = await imported(api, good, bad)
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "parties.1.name")
    assert (await rows_of(db, UUID(good["id"])))["party"] == 0


async def test_only_a_hub_imports(api: httpx.AsyncClient, db: Database) -> None:
    one = firm()
    answer = await imported(api, one, role="workshop")
    assert (answer.status_code, answer.json()["code"]) == (403, "WRONG_ROLE")
    assert (await rows_of(db, UUID(one["id"])))["party"] == 0


async def test_500_parties_fit_in_one_list(api: httpx.AsyncClient) -> None:
    assert (await imported(api, *(firm() for _ in range(500)))).json() == {"accepted": 500, "skipped": 0}


# --- qualifications --------------------------------------------------------------------------------------------------

SHOWN = {
    "scheme": "gots",
    "issuer": "ICEA",
    "evidence_url": "https://example.org/certificates/4711",
    "valid_from": "2026-01-01",
    "valid_until": "2026-12-31",
}


async def test_a_qualification_is_shown_with_its_whole_state_and_withdrawn_once(api: httpx.AsyncClient) -> None:
    party = await registered(api, "workshop")
    shown = (await api.post("/qualifications", json=SHOWN, headers=headers(party, "workshop"))).json()
    assert shown == SHOWN | {"id": shown["id"], "version": 1, "party_id": str(party), "state": "shown"}
    route = f"/qualifications/{shown['id']}/withdraw"
    withdrawn = await api.post(route, headers=headers(party, "workshop"))
    assert withdrawn.json() == shown | {"version": 2, "state": "withdrawn"}
    again = await api.post(route, headers=headers(party, "workshop"))
    assert (again.status_code, again.json()["code"]) == (409, "WITHDRAWN")
    stranger = await api.post(route, headers=headers(await registered(api, "workshop"), "workshop"))
    assert stranger.status_code == 404


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("scheme", "GOTS"),
        ("issuer", ""),
        ("evidence_url", "ftp://example.org/x"),
        ("evidence_url", "https://user:secret@example.org/"),
        ("evidence_url", "https:///nowhere"),
        ("evidence_url", "https://[::1"),
        ("valid_until", "2025-12-31"),
        ("valid_until", "2037-01-01"),
    ],
)
async def test_a_qualification_that_says_nothing_is_refused(api: httpx.AsyncClient, field: str, value: str) -> None:
    party = await registered(api, "lab")
    answer = await api.post("/qualifications", json=SHOWN | {field: value}, headers=headers(party, "lab"))
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, field)


async def test_only_workshops_and_labs_show_qualifications(api: httpx.AsyncClient) -> None:
    party = await registered(api, "brand")
    answer = await api.post("/qualifications", json=SHOWN, headers=headers(party, "brand"))
    assert (answer.status_code, answer.json()["code"]) == (403, "WRONG_ROLE")
