"""The waitlist over HTTP, on the real application with its jobs: nobody has to ask twice."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from libs.kit.db import Database
from libs.kit.ids import new_id
from libs.kit.testing import eventually, headers
from tests.services.capacity import world
from tests.services.capacity.world import bucket, day


def a_wish(resource: UUID | None = None, quantity: object = 300, **changes: object) -> dict[str, Any]:
    days = {"first_day": str(day(1)), "last_day": str(day(1))}
    return days | ({"resource_id": str(resource)} if resource else {}) | {"quantity": quantity} | changes


async def join(api: httpx.AsyncClient, party: UUID, wish: dict[str, Any]) -> dict[str, Any]:
    answer = await api.post("/waitlist", json=wish, headers=headers(party, "brand"))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def place(api: httpx.AsyncClient, party: UUID, entry: dict[str, Any]) -> dict[str, Any]:
    return dict((await api.get(f"/waitlist/{entry['id']}", headers=headers(party, "brand"))).json())


async def test_who_waits_is_offered_what_becomes_free_and_books_it(api: httpx.AsyncClient, db: Database) -> None:
    bench, holder, brands = world.a_resource(), new_id(), [new_id(), new_id()]
    await world.publish(db, bench)
    full = await world.hold(db, holder, (bench, day(1), 480))
    first, second = [await join(api, brand, a_wish(bench.id)) for brand in brands]
    assert (first["state"], first["version"], first["allocations"]) == ("waiting", 1, [])
    assert (await place(api, brands[1], second))["ahead"] == 1
    await api.post(f"/holds/{full['id']}/release", headers=headers(holder, "brand"))

    async def offered() -> bool:
        return bool((await place(api, brands[0], first))["entry"]["state"] == "offered")

    await eventually(offered)
    entry = (await place(api, brands[0], first))["entry"]
    assert [part["quantity"] for part in entry["allocations"]] == [300]
    assert entry["expires_at"] > entry["joined_at"]
    assert await place(api, brands[1], second) == {"entry": second, "ahead": 0}
    booked = await api.post(f"/holds/{first['id']}/confirm", headers=headers(brands[0], "brand"))
    assert (booked.status_code, booked.json()["id"]) == (200, first["id"])

    async def taken() -> bool:
        return bool((await place(api, brands[0], first))["entry"]["state"] == "accepted")

    await eventually(taken)
    assert await bucket(db, bench, day(1)) == (480, 0, 300)


async def test_who_leaves_is_passed_by(api: httpx.AsyncClient, db: Database) -> None:
    bench, brands = world.a_resource(), [new_id(), new_id()]
    await world.publish(db, bench)
    first, second = [await join(api, brand, a_wish(bench.id)) for brand in brands]

    async def stands(party: UUID, entry: dict[str, Any], state: str) -> bool:
        return bool((await place(api, party, entry))["entry"]["state"] == state)

    await eventually(lambda: stands(brands[0], first, "offered"))
    left = await api.post(f"/waitlist/{first['id']}/leave", headers=headers(brands[0], "brand"))
    assert (left.status_code, left.json()["state"]) == (200, "withdrawn")
    await eventually(lambda: stands(brands[1], second, "offered"))
    again = await api.post(f"/waitlist/{first['id']}/leave", headers=headers(brands[0], "brand"))
    assert (again.status_code, again.json()["code"]) == (409, "NOT_IN_LINE")


async def test_places_in_line_of_others_are_not_found(api: httpx.AsyncClient, db: Database) -> None:
    bench, brand = world.a_resource(), new_id()
    await world.publish(db, bench)
    entry = await join(api, brand, a_wish(bench.id))
    for stranger in (headers(new_id(), "brand"), headers(bench.party_id, "workshop")):
        assert (await api.get(f"/waitlist/{entry['id']}", headers=stranger)).status_code == 404
        assert (await api.post(f"/waitlist/{entry['id']}/leave", headers=stranger)).status_code == 404
    assert (await place(api, brand, entry))["entry"]["state"] in ("waiting", "offered")


async def test_joining_again_under_the_same_key_is_one_place_in_line(api: httpx.AsyncClient, db: Database) -> None:
    bench, same = world.a_resource(), headers(new_id(), "brand", "k1")
    await world.publish(db, bench)
    first = await api.post("/waitlist", json=a_wish(bench.id), headers=same)
    again = await api.post("/waitlist", json=a_wish(bench.id), headers=same)
    assert (again.status_code, again.content, again.headers["idempotent-replay"]) == (201, first.content, "true")


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"quantity": 0}, "quantity"),
        ({"quantity": "many"}, "quantity"),
        ({"process": "Lock Stitch"}, "process"),
        ({"process": "cutting", "resource_id": str(new_id())}, "body"),
        ({}, "body"),
        ({"process": "cutting", "last_day": str(day(0))}, "body"),
        ({"process": "cutting", "last_day": str(day(368))}, "body"),
        ({"process": "cutting", "currency": "euro"}, "currency"),
        ({"process": "cutting", "seconds": 86_400}, "seconds"),
    ],
)
async def test_a_wrong_wish_is_refused_naming_the_field(
    api: httpx.AsyncClient, wrong: dict[str, object], path: str
) -> None:
    answer = await api.post("/waitlist", json=a_wish() | wrong, headers=headers(new_id(), "brand"))
    assert (answer.status_code, [error["path"] for error in answer.json()["errors"]]) == (422, [path])
