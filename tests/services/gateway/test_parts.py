"""What concerns several parties shows each its own part: of a hold, of a booking and its end, of who is invited."""

from typing import Any
from uuid import UUID

import msgspec
import pytest

from libs.contracts import capacity
from libs.contracts.values import Actual, Agreed, Due, Ending, Money, Proposal
from libs.kit.ids import new_id
from tests.services.gateway import world
from tests.services.gateway.conftest import Tell

SHOP, ONE, OTHER = new_id(), new_id(), new_id()
"""Who booked, and two workshops."""
WHO = {"one": ONE, "other": OTHER, "shop": SHOP}
PARTS = """query($id: ID!) { node(id: $id) { ... on Booking { price { amount } allocations { workshop { name } }
    promised { workshop { name } } agreed { workshop { name } price { amount } deposit { amount } }
    actual { workshop { name } good } displacedBy { name }
    ending { by code due { amount { amount } debtor { name } creditor { name } } } } } }"""
PROPOSAL = """query($id: ID!) { node(id: $id) { ... on Hold { placedAt allocations { day }
    proposal { awaiting price { amount } } } } }"""


@pytest.fixture
async def benches(tell: Tell) -> list[capacity.Resource]:
    """One of each workshop's."""
    benches = [world.resource(ONE), world.resource(OTHER)]
    await tell(*(world.party(id=id_, name=name) for name, id_ in WHO.items()), *benches)
    return benches


def agreed(of: capacity.Resource, amount: int) -> Agreed:
    return Agreed(resource_id=of.id, workshop_id=of.party_id, price=Money(amount), deposit=Money(amount // 10))


async def booked(tell: Tell, *benches: capacity.Resource, **more: Any) -> str:
    parts = {
        "promised": [world.allocation(one) for one in benches],
        "agreed": [agreed(one, 2_100) for one in benches],
        "actual": [Actual(workshop_id=one.party_id, good=7) for one in benches],
        "displaced_by": [one.party_id for one in benches],
    }
    booking = world.booking(SHOP, *benches, **parts | more)
    await tell(booking)
    return world.gid("Booking", booking.id)


async def seen(ask: world.Asker, who: str, query: str, id_: str) -> Any:
    return (await ask.as_(WHO[who]).data(query, id=id_))["node"]


async def test_a_workshop_sees_of_a_booking_what_is_its_own(
    ask: world.Asker, tell: Tell, benches: list[capacity.Resource]
) -> None:
    id_ = await booked(tell, *benches)
    for who in ("one", "other"):
        workshop = {"workshop": {"name": who}}
        assert await seen(ask, who, PARTS, id_) == {
            "price": None,
            "allocations": [workshop],
            "promised": [workshop],
            "agreed": [workshop | {"price": {"amount": 2_100}, "deposit": {"amount": 210}}],
            "actual": [workshop | {"good": 7}],
            "displacedBy": [{"name": who}],
            "ending": None,
        }


async def test_who_booked_sees_all_of_it(ask: world.Asker, tell: Tell, benches: list[capacity.Resource]) -> None:
    found = await seen(ask, "shop", PARTS, await booked(tell, *benches))
    assert found["price"] == {"amount": 4_200}
    assert found["displacedBy"] == [{"name": "one"}, {"name": "other"}]
    for part in ("allocations", "promised", "agreed", "actual"):
        assert [item["workshop"]["name"] for item in found[part]] == ["one", "other"]


async def test_a_workshop_that_makes_all_of_it_sees_the_price(
    ask: world.Asker, tell: Tell, benches: list[capacity.Resource]
) -> None:
    found = await seen(ask, "one", PARTS, await booked(tell, benches[0]))
    assert found["price"] == {"amount": 4_200}


async def test_what_is_due_is_known_to_who_owes_it_and_to_who_is_owed(
    ask: world.Asker, tell: Tell, benches: list[capacity.Resource]
) -> None:
    due = [
        Due(debtor_id=SHOP, creditor_id=ONE, amount=Money(50)),
        Due(debtor_id=OTHER, creditor_id=SHOP, amount=Money(9)),
    ]
    ending = Ending(by="workshop", code="CANCELLED", message="Cancelled by the workshop.", due=due)
    id_ = await booked(tell, *benches, ending=ending)
    owed = {"amount": {"amount": 50}, "debtor": {"name": "shop"}, "creditor": {"name": "one"}}
    owing = {"amount": {"amount": 9}, "debtor": {"name": "other"}, "creditor": {"name": "shop"}}
    for who, told in (("shop", [owed, owing]), ("one", [owed]), ("other", [owing])):
        found = (await seen(ask, who, PARTS, id_))["ending"]
        assert found == {"by": "workshop", "code": "CANCELLED", "due": told}


async def test_a_proposals_price_is_known_to_who_holds_and_to_who_makes_all(
    ask: world.Asker, tell: Tell, benches: list[capacity.Resource]
) -> None:
    proposal = Proposal(awaiting="workshop", price=Money(5_000))
    alone, shared = world.hold(SHOP, benches[0], proposal=proposal), world.hold(SHOP, *benches, proposal=proposal)
    await tell(alone, shared)

    async def price(who: str, hold: capacity.Hold) -> Any:
        found = await seen(ask, who, PROPOSAL, world.gid("Hold", hold.id))
        assert found["proposal"]["awaiting"] == "workshop"
        return found["proposal"]["price"]

    assert [await price(who, alone) for who in ("shop", "one")] == [{"amount": 5_000}] * 2
    assert [await price(who, shared) for who in ("shop", "one", "other")] == [{"amount": 5_000}, None, None]
    assert await seen(ask, "other", PROPOSAL, world.gid("Hold", alone.id)) is None


async def test_who_is_invited_is_known_to_the_workshop_and_of_itself_to_each(ask: world.Asker, tell: Tell) -> None:
    guests = sorted([new_id(), new_id()])
    plain = world.resource(ONE)
    bench = world.later(plain, capacity.TermsChanged, terms=invited(plain, *guests))
    await tell(bench)
    query = "query($id: ID!) { node(id: $id) { ... on Resource { terms { visibility invited } } } }"
    for party, told in ((ONE, guests), (guests[1], guests[1:]), (new_id(), [])):
        found = (await ask.as_(party).data(query, id=world.gid("Resource", bench.id)))["node"]["terms"]
        assert found == {"visibility": "invited", "invited": [world.gid("Party", one) for one in told]}


def invited(to: capacity.Resource, *guests: UUID) -> Any:
    return msgspec.structs.replace(to.terms, visibility="invited", invited=list(guests))
