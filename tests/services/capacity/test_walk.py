"""A sceptical workshop owner and a brand go through all that can be done over HTTP, and try what they should not."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest

from libs.kit.db import Database
from libs.kit.ids import new_id
from libs.kit.testing import eventually, headers
from services.capacity.domain.life import WHY_NOT
from tests.services.capacity import world
from tests.services.capacity.test_api import CALENDAR, TERMS, publish
from tests.services.capacity.test_patterns import the_resource
from tests.services.capacity.world import day, faults, told

LADDER = [{"days_before": 30, "buyer_percent": 50, "workshop_percent": 20}]
NAP = {"weekdays": [1], "starts": "08:00", "ends": "09:00", "break_minutes": 60}
BY_HAND = TERMS | {"approval": "by_hand", "cancellation": LADDER, "notice_days": 1}


@dataclass
class Side:
    """Who does something, over HTTP."""

    api: httpx.AsyncClient
    role: str
    party: UUID

    async def do(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """What is done is answered with its state."""
        answer = await self.api.post(path, json=body, headers=headers(self.party, self.role))
        assert answer.status_code in (200, 201), answer.text
        return dict(answer.json())

    async def may_not(self, path: str, code: str, body: dict[str, Any] | None = None) -> str:
        """What is refused says so with a code and a sentence."""
        answer = await self.api.post(path, json=body, headers=headers(self.party, self.role))
        problem = answer.json()
        assert (answer.status_code // 100, problem.get("code")) == (4, code), answer.text
        assert " " in problem["detail"]
        assert problem["detail"].endswith(".")
        return str(problem["detail"])


@pytest.fixture
def owner(api: httpx.AsyncClient) -> Side:
    return Side(api, "workshop", new_id())


@pytest.fixture
def brand(api: httpx.AsyncClient) -> Side:
    return Side(api, "brand", new_id())


async def a_bench(owner: Side, db: Database, **given: Any) -> dict[str, Any]:
    answer = await publish(owner.api, db, owner.party, **given)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def days(bench: dict[str, Any], *parts: tuple[int, int]) -> dict[str, Any]:
    return {"allocations": [{"resource_id": bench["id"], "day": str(day(n)), "quantity": q} for n, q in parts]}


# --- publishing ------------------------------------------------------------------------------------------------------


async def test_an_owner_corrects_what_is_published_one_thing_at_a_time(owner: Side, db: Database) -> None:
    bench = await a_bench(owner, db, work={"lockstitch": {"run": 20}})
    at = f"/resources/{bench['id']}"
    named = await owner.do(f"{at}/work", {"name": "Banco 1", "work": {"lockstitch": {"run": 18, "setup": 5}}})
    assert (named["name"], named["work"]["lockstitch"]["run"], named["processes"]) == ("Banco 1", 18, ["lockstitch"])
    dearer = await owner.do(f"{at}/terms", {"terms": TERMS | {"price_per_unit": {"amount": 60}}})
    shorter = await owner.do(f"{at}/calendar", {"calendar": CALENDAR | {"exceptions": {str(day(2)): 0}}})
    assert [one["version"] for one in (named, dearer, shorter)] == [2, 3, 4]
    other = await owner.do(f"{at}/work", {"processes": ["overlock"]})
    assert (other["work"], other["terms"]["price_per_unit"]["amount"]) == ({}, 60)
    changes = ["resource_published", "resource_changed", "terms_changed", "calendar_changed", "resource_changed"]
    assert await told(db, bench["id"], "capacity.resource") == changes


@pytest.mark.parametrize(
    ("given", "path", "told"),
    [
        ({"terms": TERMS | {"notice": 3}}, "terms.notice", "is not known here; is it misspelt?"),
        ({"colour": "red"}, "colour", "is not known here; is it misspelt?"),
        ({"terms": {"setup_price": {"amount": 1}}}, "terms.price_per_unit", "is missing"),
        ({"processes": ["lockstitch", "lockstitch"]}, "processes", "names a process twice"),
        ({"calendar": None, "pattern": {"shifts": [NAP]}}, "body", "pattern has a break that is as long as its shift"),
    ],
)
async def test_a_slip_in_what_is_published_is_told_in_plain_words(
    owner: Side, db: Database, given: dict[str, Any], path: str, told: str
) -> None:
    answer = await publish(owner.api, db, owner.party, **given)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"path": path, "message": told}]


async def test_a_change_that_says_nothing_changes_nothing(owner: Side, db: Database) -> None:
    bench = await a_bench(owner, db)
    await owner.may_not(f"/resources/{bench['id']}/work", "INVALID", {})
    assert (await the_resource(db, bench["id"])).version == 1


async def test_an_owner_cannot_tell_of_work_that_is_not_done_or_change_what_is_another_s(
    owner: Side, brand: Side, db: Database
) -> None:
    bench = await a_bench(owner, db)
    at = f"/resources/{bench['id']}"
    wrong = {"work": {"linking": {"run": 3}}}
    answer = await owner.api.post(f"{at}/work", json=wrong, headers=headers(owner.party, "workshop"))
    assert (answer.status_code, answer.json()["errors"]) == (
        422,
        [{"path": "work", "message": "work names linking, which is none of its processes"}],
    )
    await Side(owner.api, "workshop", new_id()).may_not(f"{at}/work", "NOT_FOUND", {"name": "Mine"})
    await brand.may_not(f"{at}/work", "WRONG_ROLE", {"name": "Mine"})
    assert (await the_resource(db, bench["id"])).version == 1


# --- from the question to the piece ----------------------------------------------------------------------------------


async def test_a_booking_by_hand_with_material_goes_its_whole_way(owner: Side, brand: Side, db: Database) -> None:
    bench = await a_bench(owner, db, terms=BY_HAND | {"notice_days": 2, "material_days": 1})
    quoted = await brand.do("/quotes", days(bench, (5, 100)))
    assert (quoted["by_hand"], quoted["price"]["amount"]) == (True, 6000)
    held = await brand.do("/holds", days(bench, (5, 100)))
    hold, booking = f"/holds/{held['id']}", f"/bookings/{held['id']}"
    await brand.may_not(f"{hold}/confirm", "NEEDS_APPROVAL")
    await owner.may_not(f"{hold}/amend", "NOT_PROPOSED", days(bench, (6, 120)))
    await brand.do(f"{hold}/propose")
    await brand.may_not(f"{hold}/accept", "AWAITING_WORKSHOP")
    amended = await owner.do(f"{hold}/amend", days(bench, (6, 120)) | {"amount": 6500})
    assert (amended["proposal"]["awaiting"], amended["proposal"]["price"]["amount"]) == ("holder", 6500)
    await owner.may_not(f"{hold}/accept", "AWAITING_HOLDER")
    booked = await brand.do(f"{hold}/accept")
    assert (booked["stage"], booked["price"]["amount"], booked["material_by"] is None) == (
        "awaiting_material",
        6500,
        False,
    )
    await brand.may_not(f"{booking}/material-ready", "WRONG_SIDE")
    await owner.may_not(f"{booking}/start", "MATERIAL_MISSING")
    assert (await owner.do(f"{booking}/material-ready"))["stage"] == "firm"
    await owner.may_not(f"{booking}/material-ready", "ALREADY_READY")
    await owner.may_not(f"{booking}/report", "NOT_STARTED", {"quantity": 1})
    await owner.do(f"{booking}/start")
    await owner.may_not(f"{booking}/start", "ALREADY_STARTED")
    reported = await owner.do(f"{booking}/report", {"quantity": 130, "good": 12, "scrap": 1})
    assert [(one["quantity"], one["good"], one["scrap"]) for one in reported["actual"]] == [(130, 12, 1)]
    assert (await owner.do(f"{booking}/complete"))["stage"] == "completed"
    for side in (owner, brand):
        await side.may_not(f"{booking}/cancel", "ALREADY_COMPLETED")
    assert await faults(db, await the_resource(db, bench["id"])) == []


@pytest.mark.parametrize(("side", "percent"), [("brand", 50), ("owner", 20)])
async def test_whoever_cancels_owes_what_the_ladder_says(
    owner: Side, brand: Side, db: Database, side: str, percent: int
) -> None:
    bench = await a_bench(owner, db, terms=TERMS | {"cancellation": LADDER})
    held = await brand.do("/holds", days(bench, (5, 100)))
    await brand.do(f"/holds/{held['id']}/confirm")
    await Side(owner.api, "brand", new_id()).may_not(f"/bookings/{held['id']}/cancel", "NOT_FOUND")
    ended = await {"brand": brand, "owner": owner}[side].do(f"/bookings/{held['id']}/cancel")
    assert ended["ending"]["by"] == ("buyer" if side == "brand" else "workshop")
    assert [one["amount"]["amount"] for one in ended["ending"]["due"]] == [6000 * percent // 100]
    await brand.may_not(f"/bookings/{held['id']}/cancel", "ALREADY_CANCELLED")


async def test_an_owner_whose_machine_breaks_moves_the_booking_and_the_brand_agrees(
    owner: Side, brand: Side, db: Database
) -> None:
    bench = await a_bench(owner, db)
    held = await brand.do("/holds", days(bench, (2, 300)))
    await brand.do(f"/holds/{held['id']}/confirm")
    booking = f"/bookings/{held['id']}"
    await owner.may_not(f"{booking}/move", "NOT_DISPLACED", days(bench, (3, 300)))
    await owner.do(f"/resources/{bench['id']}/calendar", {"calendar": CALENDAR | {"exceptions": {str(day(2)): 100}}})

    async def displaced() -> bool:
        return (await told(db, held["id"], "capacity.booking"))[-1] == "booking_displaced"

    await eventually(displaced)
    await owner.may_not(f"{booking}/start", "DISPLACED")
    await brand.may_not(f"{booking}/accept", "NOT_MOVED")
    await owner.may_not(f"{booking}/move", "TOO_SHORT_NOTICE", days(bench, (-1, 300)))
    await owner.may_not(f"{booking}/move", "NOT_AS_BOOKED", days(bench, (2, 100)))
    await owner.may_not(f"{booking}/move", "NO_CAPACITY", days(bench, (2, 101), (3, 199)))
    await owner.do(f"{booking}/move", days(bench, (2, 100), (3, 200)))
    await owner.may_not(f"{booking}/accept", "WRONG_SIDE")
    back = await brand.do(f"{booking}/accept")
    assert (back["stage"], len(back["allocations"])) == ("firm", 2)
    assert await faults(db, await the_resource(db, bench["id"])) == []


async def test_an_order_that_was_booked_here_is_moved_as_any_other(owner: Side, db: Database) -> None:
    craft = f"craft_{new_id().hex}"
    bench = await a_bench(owner, db, processes=[craft])
    order = world.an_order((craft, 480))
    await world.hear(db, order)
    await world.hear(db, world.then(order, "reserved"))
    await owner.do(f"/resources/{bench['id']}/calendar", {"calendar": CALENDAR | {"exceptions": {str(day(1)): 0}}})
    shop, booking = Side(owner.api, "retailer", order.party_id), f"/bookings/{order.id}"

    async def displaced() -> bool:
        return (await told(db, order.id, "capacity.booking"))[-1] == "booking_displaced"

    await eventually(displaced)
    await owner.do(f"{booking}/move", days(bench, (2, 480)))
    await shop.may_not(f"{booking}/cancel", "BELONGS_TO_ORDER")
    assert (await shop.do(f"{booking}/accept"))["allocations"][0]["day"] == str(day(2))


async def test_a_hold_over_days_resources_and_workshops_is_all_or_nothing(
    owner: Side, brand: Side, db: Database
) -> None:
    mine, theirs = await a_bench(owner, db), await a_bench(Side(owner.api, "workshop", new_id()), db)
    asked = days(mine, (1, 480), (2, 480))["allocations"] + days(theirs, (1, 100))["allocations"]
    over = days(theirs, (2, 481))["allocations"]
    await brand.may_not("/holds", "NO_CAPACITY", {"allocations": asked + over})
    held = await brand.do("/holds", {"allocations": asked})
    assert len(held["allocations"]) == 3
    await brand.may_not("/holds", "NO_CAPACITY", days(mine, (1, 1)))
    assert (await brand.do(f"/holds/{held['id']}/release"))["state"] == "released"
    await brand.may_not(f"/holds/{held['id']}/confirm", "HOLD_NOT_HELD")


async def test_every_limit_that_applies_is_in_the_answer_and_kept(owner: Side, brand: Side, db: Database) -> None:
    bench = await a_bench(owner, db, terms=TERMS | {"party_percent": 50, "newcomers_percent": 0})
    held = await brand.do("/holds", days(bench, (1, 200)))
    assert {one["code"]: (one["used"], one["most"]) for one in held["limits"]} == {
        "open_holds": (1, 200),
        "of_day": (200, 240),
    }
    sentence = await brand.may_not("/holds", "QUOTA", days(bench, (1, 41)))
    assert "240" in sentence


def test_every_refusal_of_the_tables_is_a_whole_sentence() -> None:
    assert all(sentence[0].isupper() and sentence.endswith(".") and " " in sentence for sentence in WHY_NOT.values())
