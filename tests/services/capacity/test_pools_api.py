"""Pools over HTTP, on the real application with its jobs."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from libs.kit.db import Database
from libs.kit.ids import new_id
from libs.kit.testing import eventually, headers
from services.capacity.domain.offer import Resource
from tests.services.capacity import line, pooling, world
from tests.services.capacity.world import day


@pytest.fixture
async def bench(db: Database) -> Resource:
    resource = world.a_resource(minimum_quantity=240)
    await world.publish(db, resource)
    return resource


def an_opening(resource: UUID, **changes: object) -> dict[str, Any]:
    closes = (datetime.now(UTC) + timedelta(hours=12)).isoformat()
    return {"resource_id": str(resource), "day": str(day(2)), "quantity": 300, "closes_at": closes} | changes


async def opened(api: httpx.AsyncClient, bench: Resource, **changes: object) -> dict[str, Any]:
    workshop = headers(bench.party_id, "workshop")
    answer = await api.post("/pools", json=an_opening(bench.id, **changes), headers=workshop)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_a_pool_lives_its_life_over_http(api: httpx.AsyncClient, bench: Resource) -> None:
    pool, brands = await opened(api, bench), [new_id(), new_id()]
    path = f"/pools/{pool['id']}"
    assert (pool["state"], pool["version"], pool["minimum"], pool["pledged"]) == ("open", 1, 240, 0)
    joined = await api.post(f"{path}/join", json={"quantity": 100}, headers=headers(brands[0], "brand"))
    assert (joined.status_code, joined.json()["state"], joined.json()["price"]) == (201, "pledged", None)
    left = await api.post(f"{path}/leave", headers=headers(brands[0], "brand"))
    assert (left.status_code, left.json()["state"]) == (200, "withdrawn")
    for brand, quantity in zip(brands, (100, 150), strict=True):
        last = await api.post(f"{path}/join", json={"quantity": quantity}, headers=headers(brand, "brand"))
    assert (last.json()["state"], last.json()["price"]["amount"]) == ("booked", 600 + 7500)
    seen = (await api.get(path, headers=headers(brands[0], "brand"))).json()
    assert (seen["pool"]["state"], seen["share"]["price"]["amount"]) == ("fired", 400 + 5000)
    cancelled = await api.post(f"/bookings/{seen['share']['id']}/cancel", headers=headers(brands[0], "brand"))
    assert cancelled.status_code == 200
    late = await api.post(f"{path}/close", headers=headers(bench.party_id, "workshop"))
    assert (late.status_code, late.json()["code"]) == (409, "POOL_OVER")


async def test_a_pool_whose_time_has_come_lets_everybody_go_by_itself(
    api: httpx.AsyncClient, db: Database, bench: Resource
) -> None:
    pool = await pooling.open_pool(db, bench)
    share = await pooling.join(db, pool, 100)
    await line.end(db, pool.id)

    async def over() -> bool:
        return await pooling.states(db, pool, [share]) == ["lapsed", "released"]

    await eventually(over)
    assert await pooling.faults(db, pool) == []


async def test_a_stranger_sees_a_pool_and_nothing_of_who_is_in_it(api: httpx.AsyncClient, bench: Resource) -> None:
    pool, brand = await opened(api, bench), new_id()
    share = await api.post(f"/pools/{pool['id']}/join", json={"quantity": 9}, headers=headers(brand, "brand"))
    seen = await api.get(f"/pools/{pool['id']}", headers=headers(new_id(), "brand"))
    assert (seen.json()["pool"]["pledged"], seen.json()["share"]) == (9, None)
    assert str(brand) not in seen.text
    assert share.json()["id"] not in seen.text
    for path in ("close", "leave"):
        answer = await api.post(f"/pools/{pool['id']}/{path}", headers=headers(new_id(), "workshop"))
        assert (path, answer.status_code) == (path, 404)


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"quantity": 0}, "quantity"),
        ({"minimum": 0}, "minimum"),
        ({"closes_at": "tomorrow"}, "closes_at"),
        ({"closes_at": "2027-03-01T08:00:00"}, "closes_at"),
        ({"day": "soon"}, "day"),
    ],
)
async def test_a_wrong_opening_is_refused_naming_the_field(
    api: httpx.AsyncClient, wrong: dict[str, object], path: str
) -> None:
    answer = await api.post("/pools", json=an_opening(new_id()) | wrong, headers=headers(new_id(), "workshop"))
    assert (answer.status_code, [error["path"] for error in answer.json()["errors"]]) == (422, [path])


async def test_joining_again_under_the_same_key_is_one_share(api: httpx.AsyncClient, bench: Resource) -> None:
    pool, same = await opened(api, bench), headers(new_id(), "brand", "k1")
    first, again = [await api.post(f"/pools/{pool['id']}/join", json={"quantity": 9}, headers=same) for _ in range(2)]
    assert (again.status_code, again.content, again.headers["idempotent-replay"]) == (201, first.content, "true")
