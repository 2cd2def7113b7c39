"""Several lots together over HTTP, on the real application with its index, its ledger and, if there, its optimiser."""

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from libs.kit.db import Database
from libs.kit.ids import new_id
from libs.kit.testing import headers
from services.capacity.domain.offer import Resource
from services.capacity.handlers import together
from services.capacity.together import optimiser
from tests.services.capacity import world
from tests.services.capacity.test_optimiser import installed
from tests.services.capacity.test_promises import PLACE, a_bench, a_process, known, operation
from tests.services.capacity.world import bucket, day, faults, hold, publish


def lot(*routing: dict[str, Any], **asked: Any) -> dict[str, Any]:
    return {"quantity": 12, "routing": list(routing), "place": PLACE, "first_day": str(day(1))} | asked


async def ask(
    api: httpx.AsyncClient, *lots: dict[str, Any], party: UUID | None = None, key: str | None = None, **asked: Any
) -> httpx.Response:
    given = headers(party or new_id(), "brand") | ({"Idempotency-Key": key} if key else {})
    return await api.post("/promises/together", json={"lots": list(lots)} | asked, headers=given)


async def a_line(api: httpx.AsyncClient, db: Database, **given: Any) -> tuple[Resource, Resource, list[dict[str, Any]]]:
    """Who cuts and who sews, and a routing over both."""
    cutter, sewer = a_bench(a_process(), **given), a_bench(a_process(), **given)
    await publish(db, cutter, sewer)
    await known(api, *cutter.processes, *sewer.processes)
    return cutter, sewer, [operation(cutter.processes[0]), operation(sewer.processes[0])]


def taken(told: dict[str, Any]) -> Counter[tuple[str, str]]:
    found = Counter[tuple[str, str]]()
    for one in told["lots"]:
        for step in one["answer"]["steps"]:
            for part in step["takes"]:
                found[part["resource_id"], part["day"]] += part["quantity"]
    return found


async def test_lots_together_are_told_who_found_it_and_how_far_from_the_bound(
    api: httpx.AsyncClient, db: Database
) -> None:
    cutter, sewer, routing = await a_line(api, db, weekly=[120] * 7)
    told = (await ask(api, lot(*routing), lot(*routing, due_day=str(day(2))), optimise_seconds=0)).json()
    assert (told["found_by"], told["optimiser"], told["hold"]) == ("greedy", "NOT_ASKED", None)
    assert told["value"] == told["greedy"]
    assert {name: told["value"][name] - told["bound"][name] for name in told["gap"]} == told["gap"]
    assert min(told["gap"].values()) >= 0
    assert [one["days_late"] for one in told["lots"]] == [None, told["value"]["days_late"]]
    assert max(taken(told).values()) <= 120
    assert await bucket(db, cutter, day(1)) is None
    assert await bucket(db, sewer, day(1)) is None


@installed
async def test_none_of_the_lots_begins_before_tomorrow(api: httpx.AsyncClient, db: Database) -> None:
    _, _, routing = await a_line(api, db, weekly=[120] * 7)
    lots = [lot(*routing, first_day=str(date.min), due_day=str(due)) for due in (day(0), day(1))]
    told = (await ask(api, *lots, optimise_seconds=5)).json()
    assert {one["answer"]["leaves_day"] for one in told["lots"]} == {str(day(1))}
    assert min(on for _, on in taken(told)) == str(day(1))
    assert [one["days_late"] > 0 for one in told["lots"]] == [True, True]


@installed
async def test_what_greedy_makes_late_the_optimiser_makes_in_time(api: httpx.AsyncClient, db: Database) -> None:
    _, _, routing = await a_line(api, db, weekly=[60] * 7)
    urgent = lot(*routing, quantity=3, due_day=str(day(2)))
    told = (await ask(api, lot(*routing), urgent, optimise_seconds=20)).json()
    assert (told["found_by"], told["optimiser"]) == ("optimiser", "BETTER")
    assert told["value"]["days_late"] == 0 < told["greedy"]["days_late"]
    assert told["lots"][1]["days_late"] == 0
    assert max(taken(told).values()) <= 60


async def test_what_cannot_be_better_is_not_given_to_the_optimiser(api: httpx.AsyncClient, db: Database) -> None:
    _, _, routing = await a_line(api, db)
    told = (await ask(api, lot(*routing), lot(*routing))).json()
    assert (told["optimiser"], set(told["gap"].values())) == ("AT_BOUND", {0})


async def test_without_the_optimiser_greedy_is_told_and_why(
    api: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _, _, routing = await a_line(api, db, weekly=[60] * 7)
    monkeypatch.setattr(optimiser, "FOLDER", tmp_path)
    told = (await ask(api, lot(*routing), lot(*routing, quantity=3, due_day=str(day(2))))).json()
    assert (told["found_by"], told["optimiser"]) == ("greedy", "NOT_INSTALLED")
    assert told["value"]["days_late"] > 0


async def test_all_lots_are_held_in_one_hold_and_confirm_at_the_price_that_was_told(
    api: httpx.AsyncClient, db: Database
) -> None:
    cutter, sewer, routing = await a_line(api, db, weekly=[180] * 7)
    brand = new_id()
    answer = await ask(api, lot(*routing), lot(*routing), party=brand, key="k", hold=True)
    told = answer.json()
    assert answer.status_code == 201, answer.text
    held = {(one["resource_id"], one["day"]): one["quantity"] for one in told["hold"]["allocations"]}
    assert held == taken(told)
    booked = await world.confirm(db, brand, told["hold"]["id"])
    assert booked.price.amount == told["price"]["amount"]
    apart = sum(one["answer"]["price"]["amount"] for one in told["lots"])
    assert apart - told["price"]["amount"] == 2 * 1000, "setting up is paid once at each"
    again = await ask(api, lot(*routing), lot(*routing), party=brand, key="k", hold=True)
    assert again.content == answer.content
    assert again.headers["Idempotent-Replay"] == "true"
    assert await faults(db, cutter, sewer) == []


async def test_if_room_for_one_lot_has_gone_nothing_is_held_of_any(
    api: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody takes the room between planning and holding."""
    cutter, sewer, routing = await a_line(api, db)
    world.once_found(monkeypatch, together, lambda: hold(db, new_id(), (sewer, day(1), 300)))
    answer = await ask(api, lot(*routing), lot(*routing), hold=True, key="k")
    assert (answer.status_code, answer.json()["code"]) == (409, "ASK_AGAIN")
    assert (await bucket(db, cutter, day(1)) or (0, 0, 0))[1] == 0
    assert await bucket(db, sewer, day(1)) == (480, 300, 0)
    assert await faults(db, cutter, sewer) == []


async def test_more_of_a_day_than_a_party_may_have_is_not_taken_by_its_lots_together(
    api: httpx.AsyncClient, db: Database
) -> None:
    process = a_process()
    shared_out, dear = a_bench(process, party_percent=40), a_bench(process, price_per_unit=world.sold_on.Money(500))
    await publish(db, shared_out, dear)
    await known(api, process)
    answer = await ask(api, lot(operation(process)), lot(operation(process)), hold=True, key="k")
    assert answer.status_code == 201, answer.text
    assert await faults(db, shared_out, dear) == []


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"dryRun": True, "hold": True}, "either dryRun, which only tells, or hold, which takes"),
        ({"lots": [lot(operation("cutting"))]}, "at least 2 items"),
        ({"optimise_seconds": 21}, "less than or equal to 20"),
        ({"lots": [lot(operation("cutting"), due_day=str(day(0)))] * 2}, "due_day is not before first_day"),
    ],
)
async def test_what_makes_no_sense_is_refused_with_one_sentence(
    api: httpx.AsyncClient, asked: dict[str, Any], said: str
) -> None:
    answer = await ask(api, *[lot(operation("cutting"))] * 2, **asked)
    assert answer.status_code == 422
    assert said in answer.json()["errors"][0]["message"]


async def test_the_lot_that_nobody_can_make_is_named(api: httpx.AsyncClient, db: Database) -> None:
    _, _, routing = await a_line(api, db)
    answer = await ask(api, lot(*routing), lot(operation(a_process())))
    assert (answer.status_code, answer.json()["code"]) == (409, "NOT_OFFERED")
    assert answer.json()["detail"].startswith("Lot 2 of 2: No workshop offers ")
