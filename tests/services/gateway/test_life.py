"""The lives of holds and bookings, by GraphQL alone: capacity and the gateway are real, and so is what lies between."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from libs.demo.client import Actor, Platform, RefusedError
from libs.demo.milan import ZONE
from libs.kit.db import Database
from libs.kit.ids import new_id
from libs.kit.testing import eventually, token
from tests.conftest import Databases
from tests.services.gateway import world
from tests.services.gateway.conftest import Serve, Tell
from tests.services.gateway.test_publishing import know_site

MONEY = {"pricePerUnit": {"amount": 100}, "setupPrice": {"amount": 1_000}}
LADDER = [{"daysBefore": 366, "buyerPercent": 50, "workshopPercent": 20}]
PROPOSAL = "proposal { awaiting price { amount } }"
ENDING = "ending { by code due { amount { amount } debtor { id } creditor { id } } }"
DAYS = "allocations { day quantity } promised { day } displacedBy { id }"
ACTUAL = "actual { quantity good scrap completed }"
BOOKING = (
    f"query($id: ID!) {{ node(id: $id) {{ ... on Booking {{ stage price {{ amount }} {ACTUAL} {DAYS} {ENDING} }} }} }}"
)


def day(ahead: int) -> str:
    return (datetime.now(ZoneInfo(ZONE)).date() + timedelta(ahead)).isoformat()


def calendar(**gives: int) -> Any:
    """Every day gives 480 minutes, but for these, which are called `d10` and so on."""
    exceptions = [{"day": day(int(name[1:])), "quantity": quantity} for name, quantity in gives.items()]
    return {"calendar": {"weekly": [480] * 7, "startsOn": day(0), "endsOn": day(60), "exceptions": exceptions}}


def part(bench: str, ahead: int, quantity: int = 100) -> dict[str, Any]:
    return {"resourceId": bench, "day": day(ahead), "quantity": quantity}


def gid(actor: Actor) -> str:
    return world.gid("Party", actor.party)


def due(debtor: Actor, creditor: Actor, amount: int) -> dict[str, Any]:
    return {"amount": {"amount": amount}, "debtor": {"id": gid(debtor)}, "creditor": {"id": gid(creditor)}}


async def seen(actor: Actor, booking: str) -> Any:
    return (await actor.ask(BOOKING, id=booking))["node"]


async def at_stage(actor: Actor, booking: str, stage: str) -> Any:
    """The booking as the actor sees it, once others' words of it have come."""

    async def look() -> Any:
        found = await seen(actor, booking)
        return found if found and found["stage"] == stage else None

    return await eventually(look)


@dataclass
class Trade:
    """A brand, two workshops, and somebody whom all of it does not concern."""

    capacity: Database
    brand: Actor
    workshops: list[Actor]
    stranger: Actor

    async def bench(self, owner: int = 0, **terms: Any) -> str:
        """A bench of one of the workshops."""
        actor, site = self.workshops[owner], new_id()
        await know_site(self.capacity, actor.party, site)
        given = {"siteId": world.gid("Site", site), "name": "Banco", "kind": "bench", "processes": ["lockstitch"]}
        done = await actor.do("publishResource", "resource { id }", given | calendar() | {"terms": MONEY | terms})
        return str(done["resource"]["id"])

    async def book(self, *parts: dict[str, Any]) -> str:
        held = (await self.brand.do("placeHold", "hold { id }", {"allocations": list(parts)}))["hold"]["id"]
        return str((await self.brand.do("confirmHold", "booking { id }", {"id": held}))["booking"]["id"])

    async def displaced(self, bench: str, ahead: int, **gives: int) -> str:
        """A booking of more than its day gives from now on."""
        booking = await self.book(part(bench, ahead))
        await self.workshops[0].do("changeCalendar", "resource { id }", {"id": bench} | calendar(**gives))
        found = await at_stage(self.brand, booking, "displaced")
        assert found["displacedBy"] == [{"id": gid(self.workshops[0])}]
        return booking


@pytest.fixture
async def trade(serve: Serve, tell: Tell, database: Databases, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Trade]:
    monkeypatch.setenv("FILIERA_SERVICES", json.dumps({"capacity": await serve("capacity")}))
    async with Platform(await serve("gateway"), token) as platform:
        roles = ("brand", "workshop", "workshop", "brand")
        brand, *workshops, stranger = (platform.actor(role, role, new_id()) for role in roles)
        await tell(*(world.party(one.role, id=one.party) for one in (brand, *workshops, stranger)))
        yield Trade(await database("capacity"), brand, workshops, stranger)


async def test_a_brand_and_a_workshop_agree_and_the_work_is_done(trade: Trade) -> None:
    brand, workshop = trade.brand, trade.workshops[0]
    bench = await trade.bench(approval="by_hand", noticeDays=1, materialDays=1, depositPercent=50)
    booking = await agreed(brand, workshop, bench)
    done = await workshop.do("declareMaterial", "booking { stage materialAt }", {"id": booking})
    assert done["booking"]["stage"] == "firm"
    assert done["booking"]["materialAt"]
    assert (await workshop.do("startBooking", "booking { stage }", {"id": booking}))["booking"] == {"stage": "started"}
    for report in ({"quantity": 60, "good": 5, "scrap": 1}, {"quantity": 30, "good": 4}):
        await workshop.do("reportWork", "booking { id }", {"id": booking} | report)
    await workshop.do("completeBooking", "booking { id }", {"id": booking})
    sums = {"quantity": 90, "good": 9, "scrap": 1, "completed": True}
    for side in (brand, workshop):
        found = await at_stage(side, booking, "completed")
        assert (found["price"], found["actual"]) == ({"amount": 9_000}, [sums])
    assert await seen(trade.stranger, booking) is None


async def agreed(brand: Actor, workshop: Actor, bench: str) -> str:
    """The workshop asks less than the brand proposed, for another day; the brand agrees."""
    with pytest.raises(RefusedError, match="NOT_QUALIFIED"):
        await brand.do("placeHold", "hold { id }", {"allocations": [part(bench, 10)], "qualifications": ["gots"]})
    hold = (await brand.do("placeHold", "hold { id placedAt }", {"allocations": [part(bench, 10)]}))["hold"]["id"]
    asked = (await brand.do("proposeHold", f"hold {{ {PROPOSAL} }}", {"id": hold}))["hold"]
    assert asked["proposal"] == {"awaiting": "workshop", "price": {"amount": 11_000}}
    with pytest.raises(RefusedError, match="AWAITING_WORKSHOP"):
        await brand.do("acceptHold", "booking { id }", {"id": hold})
    given = {"id": hold, "allocations": [part(bench, 11)], "amount": 9_000}
    amended = (await workshop.do("amendHold", f"hold {{ allocations {{ day }} {PROPOSAL} }}", given))["hold"]
    assert amended["proposal"] == {"awaiting": "holder", "price": {"amount": 9_000}}
    assert amended["allocations"] == [{"day": day(11)}]
    wanted = "booking { id stage deadline materialBy agreed { materialDays deposit { amount } } }"
    booking = (await brand.do("acceptHold", wanted, {"id": hold}))["booking"]
    assert (booking["stage"], booking["deadline"]) == ("awaiting_material", booking["materialBy"])
    assert booking["agreed"] == [{"materialDays": 1, "deposit": {"amount": 4_500}}]
    return str(booking["id"])


async def test_what_is_rejected_is_over(trade: Trade) -> None:
    bench = await trade.bench(approval="by_hand")
    hold = (await trade.brand.do("placeHold", "hold { id }", {"allocations": [part(bench, 10)]}))["hold"]["id"]
    await trade.brand.do("proposeHold", "hold { id }", {"id": hold})
    done = await trade.workshops[0].do("rejectHold", "hold { state refusal { code } }", {"id": hold})
    assert done["hold"] == {"state": "RELEASED", "refusal": {"code": "REJECTED"}}


async def test_who_cancels_owes_what_the_ladder_says_and_both_sides_see_it(trade: Trade) -> None:
    brand, (one, other) = trade.brand, trade.workshops
    benches = [await trade.bench(number, cancellation=LADDER) for number in range(2)]
    parts = [part(bench, 10) for bench in benches]
    given_up, failed = await trade.book(*parts), await trade.book(*parts)
    done = await brand.do("cancelBooking", f"booking {{ {ENDING} }}", {"id": given_up})
    owed = [due(brand, workshop, 5_500) for workshop in (one, other)]
    assert done["booking"]["ending"] == {"by": "buyer", "code": "CANCELLED", "due": owed}
    for workshop, own in zip((one, other), owed, strict=True):
        assert (await at_stage(workshop, given_up, "cancelled"))["ending"]["due"] == [own]
    await one.do("cancelBooking", "booking { id }", {"id": failed})
    for who, told in ((brand, [due(one, brand, 2_200)]), (one, [due(one, brand, 2_200)]), (other, [])):
        ending = (await at_stage(who, failed, "cancelled"))["ending"]
        assert ending == {"by": "workshop", "code": "CANCELLED", "due": told}
    assert [await seen(trade.stranger, booking) for booking in (given_up, failed)] == [None, None]


async def test_a_displaced_booking_is_moved_and_its_buyer_agrees_or_not(trade: Trade) -> None:
    brand, workshop = trade.brand, trade.workshops[0]
    bench = await trade.bench(cancellation=LADDER)
    first = await trade.displaced(bench, 10, d10=50)
    done = await workshop.do(
        "moveBooking", f"booking {{ stage {DAYS} }}", {"id": first, "allocations": [part(bench, 12)]}
    )
    moved = done["booking"]
    assert (moved["stage"], moved["promised"]) == ("moved", [{"day": day(10)}])
    assert moved["allocations"] == [{"day": day(12), "quantity": 100}]
    agreed = (await brand.do("acceptMove", f"booking {{ stage {DAYS} }}", {"id": first}))["booking"]
    assert (agreed["stage"], agreed["promised"], agreed["displacedBy"]) == ("firm", [], [])
    second = await trade.displaced(bench, 14, d10=50, d14=50)
    await workshop.do("moveBooking", "booking { id }", {"id": second, "allocations": [part(bench, 16)]})
    ended = (await brand.do("rejectMove", f"booking {{ stage {ENDING} }}", {"id": second}))["booking"]
    assert ended["stage"] == "cancelled"
    assert ended["ending"] == {"by": "buyer", "code": "DISPLACED", "due": [due(workshop, brand, 2_200)]}
