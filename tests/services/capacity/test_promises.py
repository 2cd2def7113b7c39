"""Promises over HTTP, on the real application with its index, its ledger and its jobs."""

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID

import httpx
import pytest

from libs.kit.db import Database
from libs.kit.ids import new_id
from libs.kit.testing import eventually, headers
from services.capacity import store
from services.capacity.domain.offer import Resource
from services.capacity.domain.qualification import Qualification
from services.capacity.domain.terms import Money
from services.capacity.domain.work import Work
from services.capacity.handlers import promises
from services.capacity.search.feed import Feed, Keeper
from services.capacity.search.offers import FIGURES
from tests.services.capacity import world
from tests.services.capacity.test_api import a_body
from tests.services.capacity.test_patterns import PATTERN
from tests.services.capacity.world import a_resource, bucket, day, faults, hold, publish

PLACE = {"latitude": 45.47, "longitude": 9.19}


def a_process() -> str:
    """One that no other test sells."""
    return f"p{new_id().hex}"


def a_bench(process: str, **given: Any) -> Resource:
    return a_resource(processes=[process], **{"weekly": [480] * 7} | given)


def operation(process: str, **changes: Any) -> dict[str, Any]:
    return {"process": process, "run_minutes": 10} | changes


async def ask(
    api: httpx.AsyncClient, *routing: dict[str, Any], party: UUID | None = None, key: str | None = None, **asked: Any
) -> httpx.Response:
    body = {"quantity": 12, "routing": list(routing), "place": PLACE, "first_day": str(day(1))} | asked
    given = headers(party or new_id(), "brand") | ({"Idempotency-Key": key} if key else {})
    return await api.post("/promises", json=body, headers=given)


async def answers(api: httpx.AsyncClient, *routing: dict[str, Any], **asked: Any) -> list[dict[str, Any]]:
    answer = await ask(api, *routing, **asked)
    return list(answer.json()["answers"]) if answer.status_code == 200 else []


async def known(api: httpx.AsyncClient, *processes: str) -> None:
    """Until the index has heard of whoever does these."""
    for process in processes:
        assert await eventually(lambda process=process: answers(api, operation(process), quantity=1))


async def test_an_answer_tells_who_makes_it_when_for_how_much_and_why(api: httpx.AsyncClient, db: Database) -> None:
    cutting, sewing = a_process(), a_process()
    cutter, sewer = a_bench(cutting), a_bench(sewing, notice_days=4)
    await publish(db, cutter, sewer)
    await known(api, cutting, sewing)
    [answer] = await answers(api, operation(cutting, setup_minutes=20), operation(sewing, wait_minutes=60))
    assert answer["best_at"] == ["earliest", "nearest", "cheapest"]
    assert (answer["leaves_day"], answer["ready_day"]) == (str(day(1)), str(day(4)))
    assert [(step["resource_id"], step["takes"]) for step in answer["steps"]] == [
        (str(cutter.id), [{"resource_id": str(cutter.id), "day": str(day(1)), "quantity": 140}]),
        (str(sewer.id), [{"resource_id": str(sewer.id), "day": str(day(4)), "quantity": 120}]),
    ]
    assert [(wait["code"], wait["until"][:10]) for wait in answer["steps"][1]["waits"]] == [
        ("PREVIOUS", str(day(1))),
        ("NOTICE", str(day(4))),
    ]
    assert [(line["what"], line["amount"]["amount"]) for line in answer["lines"]] == [
        ("set_up", 1000),
        ("time", 7000),
        ("set_up", 1000),
        ("time", 6000),
    ]
    assert answer["price"] == {"amount": 15000, "currency": "EUR"}
    assert answer["says"]["en"].startswith("12 pieces can be ready on ")
    assert f"{sewing} at Bench takes no work before" in answer["says"]["en"]
    assert answer["says"]["it"].startswith("12 pezzi possono essere pronti ")


async def test_a_resource_is_planned_by_the_work_that_it_publishes_and_held_like_that(
    api: httpx.AsyncClient, db: Database
) -> None:
    gluing, sewing, brand = a_process(), a_process(), new_id()
    glue = Work(run=8, setup=30, cleanup=20, changes={"colour": 12}, lot_multiple=10, elapsed_minutes=3 * 24 * 60)
    gluer, sewer = a_bench(gluing, work={gluing: glue}), a_bench(sewing)
    await publish(db, gluer, sewer)
    await known(api, gluing, sewing)
    routing = operation(gluing, changed=["colour"]), operation(sewing)
    answer = await ask(api, *routing, party=brand, hold=True)
    assert answer.status_code == 201, answer.text
    glued, sewn = answer.json()["answers"][0]["steps"]
    assert (glued["works_by"], glued["pieces"], glued["lot"]) == ("resource", 12, 20)
    assert [glued[f"{what}_minutes"] for what in ("setup", "run", "cleanup", "elapsed")] == [42, 160, 20, 4320]
    assert [one["quantity"] for one in glued["takes"]] == [42 + 160 + 20]
    assert (sewn["works_by"], sewn["run_minutes"]) == ("routing", 120)
    assert [wait["code"] for wait in sewn["waits"]][:2] == ["PREVIOUS", "DRYING"]
    assert sewn["starts_at"][:10] >= str(day(4))
    assert await bucket(db, gluer, day(1)) == (480, 222, 0)
    assert await faults(db, gluer, sewer) == []


async def test_an_index_from_the_rows_knows_of_the_work(api: httpx.AsyncClient, db: Database) -> None:
    process = a_process()
    await publish(db, a_bench(process, work={process: Work(run=7, ramp_percent=[50], transfer_batch=3)}))
    await known(api, process)
    await Keeper(db).keep()
    feed = Feed(db)
    await feed.look()
    assert feed.index is not None
    offers = feed.index.offers(process)
    assert offers is not None
    assert offers.work[0] == Work(run=7, ramp_percent=[50], transfer_batch=3)
    assert dict(zip(FIGURES, offers.figures[:, 0].tolist(), strict=True)) == {
        "once": 0,
        "run": 7,
        "per": 1,
        "efficiency": 100,
        "multiple": 1,
        "fewest": 1,
        "batch": 3,
    }


async def test_who_must_be_qualified_is_so_on_the_days_of_the_work_and_not_when_it_is_asked(
    api: httpx.AsyncClient, db: Database
) -> None:
    bench, scheme = a_bench(a_process()), a_process()
    await publish(db, bench)
    await known(api, *bench.processes)
    span = {"valid_from": day(3), "valid_until": day(5)}
    shown = Qualification(id=new_id(), party_id=bench.party_id, version=1, scheme=scheme, state="shown", **span)
    async with db.work() as session:
        await store.keep_qualifications(session, [shown])
    asked = operation(bench.processes[0], qualifications=[scheme])
    [answer] = await answers(api, asked, quantity=3 * 48)
    assert [one["day"] for one in answer["steps"][0]["takes"]] == [str(day(n)) for n in (3, 4, 5)]
    [wait] = answer["steps"][0]["waits"]
    assert (wait["code"], wait["waits_for"], wait["until"][:10]) == ("QUALIFICATION", scheme, str(day(3)))
    assert f"is not qualified ({scheme}) for" in answer["says"]["en"]
    over = await ask(api, asked, quantity=3 * 48 + 1)
    assert (over.status_code, over.json()["code"]) == (409, "NOT_QUALIFIED")
    assert f"from {day(3)} on at the earliest, and until {day(5)} at the latest" in over.json()["detail"]
    held = await ask(api, asked, quantity=48, hold=True)
    assert [one["day"] for one in held.json()["hold"]["allocations"]] == [str(day(3))]


async def test_only_telling_changes_nothing_and_needs_no_key(api: httpx.AsyncClient, db: Database) -> None:
    bench = a_bench(a_process())
    await publish(db, bench)
    await known(api, *bench.processes)
    dry = await ask(api, operation(bench.processes[0]), dryRun=True)
    assert (dry.status_code, dry.json()["hold"]) == (200, None)
    assert await bucket(db, bench, day(1)) is None


async def test_a_held_promise_takes_the_whole_plan_and_confirms_at_the_price_it_told(
    api: httpx.AsyncClient, db: Database
) -> None:
    cutting, sewing, brand = a_process(), a_process(), new_id()
    cutter, sewer = a_bench(cutting, minimum_charge=Money(20_000)), a_bench(sewing)
    await publish(db, cutter, sewer)
    await known(api, cutting, sewing)
    answer = await ask(api, operation(cutting), operation(sewing), party=brand, hold=True, key="k")
    held = answer.json()
    assert answer.status_code == 201, answer.text
    assert held["hold"]["state"] == "held"
    plan = held["answers"][held["held"]]
    assert ("minimum_charge", 13_000) in [(line["what"], line["amount"]["amount"]) for line in plan["lines"]]
    taken = Counter({(one["resource_id"], one["day"]): one["quantity"] for one in held["hold"]["allocations"]})
    assert taken == Counter(
        {(one["resource_id"], one["day"]): one["quantity"] for step in plan["steps"] for one in step["takes"]}
    )
    booked = await world.confirm(db, brand, held["hold"]["id"])
    assert booked.price.amount == plan["price"]["amount"]
    assert await faults(db, cutter, sewer) == []


async def test_the_same_key_gives_the_first_answer_again_and_takes_nothing_more(
    api: httpx.AsyncClient, db: Database
) -> None:
    bench, brand = a_bench(a_process(), weekly=[120] * 7), new_id()
    await publish(db, bench)
    await known(api, *bench.processes)
    given: dict[str, Any] = {"party": brand, "hold": True, "key": "again"}
    first = await ask(api, operation(bench.processes[0]), **given)
    again = await ask(api, operation(bench.processes[0]), **given)
    assert (first.status_code, again.content) == (201, first.content)
    assert again.headers["Idempotent-Replay"] == "true"
    assert await bucket(db, bench, day(1)) == (120, 120, 0)


async def test_what_was_taken_after_the_index_heard_is_refused_with_ask_again_and_takes_nothing(
    api: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody takes the room between planning and holding."""
    cutting, sewing = a_process(), a_process()
    cutter, sewer = a_bench(cutting), a_bench(sewing)
    await publish(db, cutter, sewer)
    await known(api, cutting, sewing)
    world.once_found(monkeypatch, promises, lambda: hold(db, new_id(), (sewer, day(1), 480)))
    answer = await ask(api, operation(cutting), operation(sewing), hold=True)
    assert (answer.status_code, answer.json()["code"]) == (409, "ASK_AGAIN")
    assert "Ask again" in answer.json()["detail"]
    assert (await bucket(db, cutter, day(1)) or (0, 0, 0))[1] == 0
    assert await faults(db, cutter, sewer) == []


async def test_of_many_who_hold_at_once_no_room_is_taken_twice(api: httpx.AsyncClient, db: Database) -> None:
    bench = a_bench(a_process(), weekly=[300] * 7)
    await publish(db, bench)
    await known(api, *bench.processes)
    asked = (ask(api, operation(bench.processes[0]), due_day=str(day(1)), hold=True) for _ in range(6))
    codes = Counter((one.status_code, one.json().get("code")) for one in await asyncio.gather(*asked))
    assert codes[201, None] == 2
    assert {code for status, code in codes if status != 201} <= {"ASK_AGAIN", "NO_CAPACITY"}
    assert await bucket(db, bench, day(1)) == (300, 240, 0)
    assert await faults(db, bench) == []


async def test_what_a_workshop_does_not_sell_to_this_party_is_never_in_an_answer(
    api: httpx.AsyncClient, db: Database
) -> None:
    process, guest = a_process(), new_id()
    private = a_bench(process, price_per_unit=Money(1), visibility="private", invited=[guest])
    public = a_bench(process)
    await publish(db, private, public)
    await known(api, process)
    for party, expected in ((guest, private), (new_id(), public)):
        [answer] = await eventually(lambda party=party: answers(api, operation(process), party=party))
        assert answer["steps"][0]["resource_id"] == str(expected.id)


async def test_a_promise_is_held_on_a_resource_by_pattern_in_whole_lots_and_within_the_share_of_a_party(
    api: httpx.AsyncClient, db: Database
) -> None:
    process, brand, workshop = a_process(), new_id(), new_id()
    stands = a_bench(process, party_id=workshop)
    await world.know_sites(db, stands)
    body = a_body(site_id=str(stands.site_id), processes=[process], pattern=PATTERN)
    body["terms"] = body["terms"] | {"lot_multiple": 50, "minimum_charge": {"amount": 90_000}, "party_percent": 50}
    del body["calendar"]
    published = await api.post("/resources", json=body, headers=headers(workshop, "workshop"))
    assert published.status_code == 201, published.text
    await known(api, process)
    given: dict[str, Any] = {"party": brand, "hold": True, "first_day": str(day(0))}
    held = (await ask(api, operation(process), quantity=9, **given)).json()
    assert sum(one["quantity"] for one in held["hold"]["allocations"]) == 100
    assert {limit["code"] for limit in held["hold"]["limits"]} == {"open_holds", "of_day"}
    booked = await world.confirm(db, brand, held["hold"]["id"])
    assert booked.price.amount == held["answers"][held["held"]]["price"]["amount"] == 90_000
    async with db.work() as session:
        resource = (await store.resources(session, [UUID(published.json()["id"])])).popitem()[1]
    assert await faults(db, resource) == []


async def test_more_of_a_day_than_a_party_may_have_is_not_promised(api: httpx.AsyncClient, db: Database) -> None:
    process = a_process()
    shared_out, dear = a_bench(process, party_percent=20), a_bench(process, price_per_unit=Money(500))
    await publish(db, shared_out, dear)
    await known(api, process)
    [answer] = await eventually(lambda: answers(api, operation(process)))
    assert answer["steps"][0]["resource_id"] == str(dear.id)
    kept = await ask(api, operation(process), hold=True)
    assert kept.status_code == 201, kept.text


async def test_backward_ends_on_the_due_day(api: httpx.AsyncClient, db: Database) -> None:
    bench = a_bench(a_process())
    await publish(db, bench)
    await known(api, *bench.processes)
    [answer] = await answers(api, operation(bench.processes[0]), quantity=96, backward=True, due_day=str(day(9)))
    assert (answer["leaves_day"], answer["ready_day"]) == (str(day(8)), str(day(9)))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"backward": True}, "backward is from a day on which the goods are due; give due_day"),
        ({"dryRun": True, "hold": True}, "either dryRun, which only tells, or hold, which takes"),
        ({"due_day": str(day(0))}, "due_day is not before first_day"),
        ({"quantity": 0}, "must be greater than or equal to 1"),
        ({"carriage": {"weekdays": [7]}}, "must be less than or equal to 6"),
    ],
)
async def test_what_makes_no_sense_is_refused_with_one_sentence(
    api: httpx.AsyncClient, asked: dict[str, Any], said: str
) -> None:
    answer = await ask(api, operation("cutting"), **asked)
    assert (answer.status_code, [one["message"] for one in answer.json()["errors"]]) == (422, [said])


async def test_a_dye_lot_is_not_shared(api: httpx.AsyncClient) -> None:
    answer = await ask(api, operation("dyeing", split_over=2, stays_whole="dye_lot"))
    assert answer.status_code == 422
    assert "a lot of one dye_lot is not shared" in answer.text


async def test_what_nobody_does_and_what_is_due_too_soon_is_refused(api: httpx.AsyncClient, db: Database) -> None:
    bench = a_bench(a_process(), notice_days=3)
    await publish(db, bench)
    await known(api, *bench.processes)
    nobody = await ask(api, operation(a_process()))
    soon = await ask(api, operation(bench.processes[0]), due_day=str(day(2)))
    never = await ask(api, operation(bench.processes[0]), first_day="9999-12-31")
    assert (never.status_code, never.json()["code"]) == (409, "NO_CAPACITY")
    assert never.json()["detail"].endswith("not from 9999-12-31 on; ask for an earlier first day.")
    assert (nobody.status_code, nobody.json()["code"]) == (409, "NOT_OFFERED")
    assert (soon.json()["code"], f"on {day(3)} at the earliest" in soon.json()["detail"]) == ("NO_CAPACITY", True)
