"""The commands of orders over HTTP, on the real application."""

from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from libs.contracts import catalog
from libs.kit.db import Database
from libs.kit.ids import new_id
from libs.kit.testing import eventually, headers
from tests.services.orders import world


@pytest.fixture
async def product(db: Database) -> catalog.Product:
    return await world.sell(db, world.product_event())


def body(product_id: UUID, **changes: object) -> dict[str, object]:
    line = {"product_id": str(product_id), "sku": "S", "quantity": 3}
    return {"lines": [line], "earliest_day": "2126-03-02", "due_day": "2126-03-20"} | changes


_WRITTEN = text("""
    SELECT (SELECT count(*) FROM orders WHERE party_id = :p) + (SELECT count(*) FROM deadline WHERE party_id = :p)
""")


async def written_by(db: Database, party: UUID) -> int:
    """Rows of orders and of deadlines."""
    async with db.work() as session:
        return await session.scalar(_WRITTEN, {"p": party})


async def test_an_order_is_answered_with_its_whole_state(api: httpx.AsyncClient, product: catalog.Product) -> None:
    shop = new_id()
    answer = await api.post("/orders", json=body(product.id), headers=headers(shop, "retailer"))
    order = answer.json()
    assert answer.status_code == 201
    assert (order["state"], order["version"], order["party_id"]) == ("placed", 1, str(shop))
    assert order["total"] == {"amount": 29_700, "currency": "EUR"}
    assert order["lines"][0]["needs"] == [
        {"process": "cutting", "minutes": 42, "steps": 1},
        {"process": "lockstitch", "minutes": 85, "steps": 1},
    ]


async def test_a_placed_order_can_be_cancelled_once(api: httpx.AsyncClient, product: catalog.Product) -> None:
    shop = new_id()
    order = (await api.post("/orders", json=body(product.id), headers=headers(shop, "brand"))).json()
    cancelled = await api.post(f"/orders/{order['id']}/cancel", headers=headers(shop, "brand"))
    assert (cancelled.status_code, cancelled.json()["state"], cancelled.json()["version"]) == (200, "cancelled", 2)
    again = await api.post(f"/orders/{order['id']}/cancel", headers=headers(shop, "brand"))
    assert (again.status_code, again.json()["code"]) == (409, "NOT_CANCELLABLE")
    assert "The order is cancelled" in again.json()["detail"]


async def test_the_same_key_and_body_give_the_first_answer_again(
    api: httpx.AsyncClient, db: Database, product: catalog.Product
) -> None:
    shop, key = new_id(), str(new_id())
    first, again = [
        await api.post("/orders", json=body(product.id), headers=headers(shop, "retailer", key)) for _ in range(2)
    ]
    assert (again.status_code, again.content) == (201, first.content)
    assert await written_by(db, shop) == 2


async def test_the_same_key_with_another_body_is_refused(
    api: httpx.AsyncClient, db: Database, product: catalog.Product
) -> None:
    shop, key = new_id(), str(new_id())
    await api.post("/orders", json=body(product.id), headers=headers(shop, "retailer", key))
    other = body(product.id, due_day="2126-03-21")
    answer = await api.post("/orders", json=other, headers=headers(shop, "retailer", key))
    assert (answer.status_code, answer.json()["code"]) == (422, "KEY_REUSED")
    assert await written_by(db, shop) == 2


async def test_a_command_without_a_key_is_refused(
    api: httpx.AsyncClient, db: Database, product: catalog.Product
) -> None:
    shop = new_id()
    sent = headers(shop, "retailer")
    del sent["Idempotency-Key"]
    answer = await api.post("/orders", json=body(product.id), headers=sent)
    assert (answer.status_code, answer.json()["code"]) == (400, "KEY_MISSING")
    assert await written_by(db, shop) == 0


async def test_a_command_without_a_token_is_refused(api: httpx.AsyncClient, product: catalog.Product) -> None:
    answer = await api.post("/orders", json=body(product.id), headers={"Idempotency-Key": "k"})
    assert answer.status_code == 401


@pytest.mark.parametrize("role", ["workshop", "lab", "hub"])
async def test_only_retailers_and_brands_order(
    api: httpx.AsyncClient, db: Database, product: catalog.Product, role: str
) -> None:
    party = new_id()
    answer = await api.post("/orders", json=body(product.id), headers=headers(party, role))
    assert (answer.status_code, answer.json()["code"]) == (403, "WRONG_ROLE")
    assert await written_by(db, party) == 0


@pytest.mark.parametrize(
    ("changes", "paths"),
    [
        ({"lines": []}, ["lines"]),
        ({"due_day": "2126-03-01"}, ["due_day"]),
        ({"earliest_day": "2026-03-02", "due_day": "2026-03-20"}, ["due_day"]),
        ({"due_day": "soon"}, ["due_day"]),
        ({"unknown": 1}, ["unknown"]),
        (
            {"lines": [{"product_id": str(new_id()), "sku": "S", "quantity": 0}]},
            ["lines.0.quantity", "lines.0.product_id"],
        ),
        ({"lines": [{"product_id": "x", "sku": "S", "quantity": "3"}]}, ["lines.0.product_id", "lines.0.quantity"]),
    ],
)
async def test_bad_input_names_its_fields_and_writes_nothing(
    api: httpx.AsyncClient, db: Database, product: catalog.Product, changes: dict[str, object], paths: list[str]
) -> None:
    shop = new_id()
    answer = await api.post("/orders", json=body(product.id, **changes), headers=headers(shop, "retailer"))
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert [error["path"] for error in answer.json()["errors"]] == paths
    assert await written_by(db, shop) == 0


async def test_the_order_of_another_party_is_not_found_and_stays(
    api: httpx.AsyncClient, db: Database, product: catalog.Product
) -> None:
    order = (await api.post("/orders", json=body(product.id), headers=headers(new_id(), "retailer"))).json()
    theirs = await api.post(f"/orders/{order['id']}/cancel", headers=headers(new_id(), "retailer"))
    nobodys = await api.post(f"/orders/{new_id()}/cancel", headers=headers(new_id(), "retailer"))
    assert (theirs.status_code, theirs.json()) == (404, nobodys.json())
    assert await world.state_of(db, UUID(order["id"])) == "placed"


async def test_deadlines_pass_by_themselves(api: httpx.AsyncClient, db: Database, product: catalog.Product) -> None:
    order = (await api.post("/orders", json=body(product.id), headers=headers(new_id(), "retailer"))).json()
    order_id = UUID(order["id"])
    await world.make_overdue(db, order_id)

    async def failed() -> bool:
        return await world.state_of(db, order_id) == "failed"

    await eventually(failed)
