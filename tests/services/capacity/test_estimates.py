"""What so many pieces would take, asked over HTTP of the ledger as it stands."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from libs.kit.db import Database
from libs.kit.ids import new_id
from libs.kit.testing import headers
from services.capacity.domain.offer import Resource
from services.capacity.domain.work import Work
from tests.services.capacity import world
from tests.services.capacity.world import a_resource, day, hold

SEWING = Work(run=20, setup=15, changes={"thread": 10}, lot_multiple=4, transfer_batch=8, elapsed_minutes=120)


async def a_bench(db: Database, **changes: Any) -> Resource:
    bench = a_resource(work={"lockstitch": SEWING}, notice_days=1, **changes)
    await world.publish(db, bench)
    return bench


async def ask(api: httpx.AsyncClient, resource: UUID, pieces: int, /, **changes: Any) -> httpx.Response:
    body = {"resource_id": str(resource), "process": "lockstitch", "pieces": pieces} | changes
    return await api.post("/estimates", json=body, headers=headers(new_id(), "brand"))


async def test_pieces_become_days_and_a_price_that_can_be_held_as_told(api: httpx.AsyncClient, db: Database) -> None:
    bench = await a_bench(db)
    await hold(db, new_id(), (bench, day(1), 400))
    told = (await ask(api, bench.id, 30, changed=["thread"])).json()
    assert told["pieces"] == 32
    assert [one["quantity"] for one in told["days"]] == [80, 480, 15 + 10 + 32 * 20 - 560]
    assert (told["first_batch_on"], told["ends_on"]) == (str(day(2)), str(day(3)))
    assert (told["price"], told["elapsed_minutes"]) == ({"amount": 1000 + 665 * 50, "currency": "EUR"}, 120)
    placed = await hold(db, new_id(), *((bench, day(n), one["quantity"]) for n, one in enumerate(told["days"], 1)))
    assert placed["state"] == "held"


async def test_an_estimate_holds_nothing(api: httpx.AsyncClient, db: Database) -> None:
    bench = await a_bench(db)
    first, again = await ask(api, bench.id, 8), await ask(api, bench.id, 8)
    assert first.json() == again.json()
    assert await world.bucket(db, bench, day(1)) is None


async def test_a_small_lot_takes_what_the_workshop_sells_at_least(api: httpx.AsyncClient, db: Database) -> None:
    bench = await a_bench(db, minimum_quantity=500)
    told = (await ask(api, bench.id, 4, first_day=str(day(10)))).json()
    assert [(one["day"], one["quantity"]) for one in told["days"]] == [(str(day(10)), 480), (str(day(11)), 20)]
    assert told["first_batch_on"] == str(day(10))


async def test_what_is_sold_in_lots_is_estimated_in_whole_ones(api: httpx.AsyncClient, db: Database) -> None:
    bench = await a_bench(db, lot_multiple=60)
    told = (await ask(api, bench.id, 8)).json()
    assert [one["quantity"] for one in told["days"]] == [180]  # 15 + 8 * 20 = 175


async def test_what_is_private_is_not_there_for_strangers(api: httpx.AsyncClient, db: Database) -> None:
    bench = await a_bench(db, visibility="private")
    answer = await ask(api, bench.id, 8)
    assert (answer.status_code, answer.json()["code"]) == (404, "UNKNOWN_RESOURCE")


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"process": "linking"}, 409, "NOT_OFFERED"),
        ({"pieces": 100_000}, 409, "NO_CAPACITY"),
        ({"resource_id": str(new_id())}, 404, "UNKNOWN_RESOURCE"),
        ({"pieces": 0}, 422, "INVALID"),
        ({"first_day": str(day(400))}, 409, "NO_CAPACITY"),
    ],
)
async def test_what_cannot_be_is_told_with_its_reason(
    api: httpx.AsyncClient, db: Database, asked: dict[str, Any], status: int, code: str
) -> None:
    bench = await a_bench(db)
    answer = await ask(api, bench.id, 8, **asked)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_work_is_told_with_the_resource(db: Database) -> None:
    bench = await a_bench(db)
    told = await world.last_told(db, bench.id, "capacity.resource")
    assert told["work"]["lockstitch"]["changes"] == {"thread": 10}
    assert told["work"]["lockstitch"]["transfer_batch"] == 8


async def test_units_are_listed(api: httpx.AsyncClient) -> None:
    units = (await api.get("/units")).json()
    assert {"minutes", "pieces", "pairs", "kg", "m2", "flasks", "litres"} <= set(units)
