"""Where a workshop decides by hand: proposed, amended, accepted, rejected or let pass."""

import asyncio
from datetime import datetime

import pytest

from libs.kit.db import Database
from libs.kit.errors import Conflict, NotFound
from libs.kit.ids import new_id
from services.capacity.domain.offer import Resource
from services.capacity.domain.terms import Money
from services.capacity.handlers import proposals
from tests.services.capacity import world
from tests.services.capacity.world import a_resource, act, an_order, bucket, day, faults, hold, publish, told


@pytest.fixture
async def bench(db: Database) -> Resource:
    resource = a_resource(approval="by_hand", answer_hours=24, deposit_percent=50)
    await publish(db, resource)
    return resource


async def test_a_hold_is_confirmed_by_nobody_but_the_workshop_that_decides_by_hand(
    db: Database, bench: Resource
) -> None:
    brand = new_id()
    placed = await hold(db, brand, (bench, day(1), 100))
    with pytest.raises(Conflict, match="propose the hold") as refused:
        await world.confirm(db, brand, placed["id"])
    assert refused.value.code == "NEEDS_APPROVAL"
    asked = await act(db, proposals.propose, brand, placed["id"])
    assert (asked.state, asked.proposal.awaiting, asked.proposal.price.amount) == ("held", "workshop", 6000)
    assert asked.expires_at > datetime.fromisoformat(placed["expires_at"])
    with pytest.raises(Conflict, match="workshop must answer first"):
        await act(db, proposals.accept, brand, placed["id"])
    booked = await act(db, proposals.accept, bench.party_id, placed["id"])
    assert (booked.state, booked.stage, booked.price.amount) == ("confirmed", "firm", 6000)
    assert await bucket(db, bench, day(1)) == (480, 0, 100)
    assert await told(db, placed["id"]) == ["hold_placed", "hold_proposed", "hold_confirmed"]
    assert await faults(db, bench) == []


async def test_a_workshop_offers_other_days_and_another_price_and_the_holder_decides(
    db: Database, bench: Resource
) -> None:
    other = a_resource(party_id=bench.party_id)
    await publish(db, other)
    brand = new_id()
    placed = await hold(db, brand, (bench, day(1), 480))
    await act(db, proposals.propose, brand, placed["id"])
    days = [(bench.id, day(1), 200), (other.id, day(2), 300)]
    amended = await act(db, proposals.amend, bench.party_id, placed["id"], days, 20_001)
    assert (amended.proposal.awaiting, amended.proposal.price.amount) == ("holder", 20_001)
    seen = [await bucket(db, one, on) for one, on in ((bench, day(1)), (other, day(2)))]
    assert seen == [(480, 200, 0), (480, 300, 0)]
    with pytest.raises(Conflict, match="who holds must accept or reject it"):
        await act(db, proposals.accept, bench.party_id, placed["id"])
    with pytest.raises(Conflict, match="accept or reject it"):
        await world.confirm(db, brand, placed["id"])
    booked = await act(db, proposals.accept, brand, placed["id"])
    assert (booked.price.amount, sum(part.price.amount for part in booked.agreed)) == (20_001, 20_001)
    assert booked.agreed[0].deposit.amount == booked.agreed[0].price.amount // 2
    assert await told(db, placed["id"]) == ["hold_placed", "hold_proposed", "hold_amended", "hold_confirmed"]
    assert await faults(db, bench, other) == []


async def test_an_amendment_without_room_changes_nothing(db: Database, bench: Resource) -> None:
    brand = new_id()
    await hold(db, new_id(), (bench, day(2), 300))
    placed = await hold(db, brand, (bench, day(1), 100))
    await act(db, proposals.propose, brand, placed["id"])
    with pytest.raises(Conflict, match="180 minutes free") as refused:
        await act(db, proposals.amend, bench.party_id, placed["id"], [(bench.id, day(2), 181)], None)
    assert refused.value.code == "NO_CAPACITY"
    assert [await bucket(db, bench, day(n)) for n in (1, 2)] == [(480, 100, 0), (480, 300, 0)]
    assert (await told(db, placed["id"]))[-1] == "hold_proposed"


@pytest.mark.parametrize("who", ["holder", "workshop"])
@pytest.mark.parametrize("amended", [False, True])
async def test_either_side_rejects_and_the_room_is_free(db: Database, bench: Resource, who: str, amended: bool) -> None:
    brand = new_id()
    placed = await hold(db, brand, (bench, day(1), 100))
    await act(db, proposals.propose, brand, placed["id"])
    if amended:
        await act(db, proposals.amend, bench.party_id, placed["id"], [(bench.id, day(2), 90)], None)
    party = brand if who == "holder" else bench.party_id
    over = await act(db, proposals.reject, party, placed["id"])
    assert (over.state, over.refusal.code, over.refusal.message) == (
        "released",
        "REJECTED",
        f"The {who} rejected the proposal.",
    )
    assert [await bucket(db, bench, day(n)) for n in (1, 2)] == [(480, 0, 0), (480, 0, 0) if amended else None]
    with pytest.raises(Conflict, match="released already"):
        await act(db, proposals.accept, bench.party_id, placed["id"])
    assert await faults(db, bench) == []


async def test_a_proposal_that_nobody_answers_is_over_and_its_room_is_free(db: Database, bench: Resource) -> None:
    brand = new_id()
    placed = await hold(db, brand, (bench, day(1), 100))
    await act(db, proposals.propose, brand, placed["id"])
    await world.time_passes(db, placed["id"])
    with pytest.raises(Conflict) as late:
        await act(db, proposals.accept, bench.party_id, placed["id"])
    assert late.value.code == "HOLD_EXPIRED"
    await world.sweep(db)
    assert await bucket(db, bench, day(1)) == (480, 0, 0)
    assert (await told(db, placed["id"]))[-1] == "hold_expired"


async def test_strangers_find_nothing_and_nobody_speaks_for_the_other_side(db: Database, bench: Resource) -> None:
    brand = new_id()
    placed = await hold(db, brand, (bench, day(1), 100))
    for verb in (proposals.propose, proposals.accept, proposals.reject):
        with pytest.raises(NotFound):
            await act(db, verb, new_id(), placed["id"])
    for verb, party in ((proposals.propose, bench.party_id), (proposals.accept, bench.party_id)):
        with pytest.raises(Conflict):
            await act(db, verb, party, placed["id"])
    stranger = a_resource()
    await publish(db, stranger)
    with pytest.raises(NotFound, match="You have no resource"):
        await act(db, proposals.amend, brand, placed["id"], [(bench.id, day(1), 1)], None)
    with pytest.raises(NotFound):
        await act(db, proposals.amend, stranger.party_id, placed["id"], [(stranger.id, day(1), 1)], None)
    assert await told(db, placed["id"]) == ["hold_placed"]


async def test_each_workshop_is_asked_by_itself(db: Database, bench: Resource) -> None:
    other, brand = a_resource(), new_id()
    await publish(db, other)
    placed = await hold(db, brand, (bench, day(1), 100), (other, day(1), 100))
    with pytest.raises(Conflict, match="each workshop by themselves"):
        await act(db, proposals.propose, brand, placed["id"])


async def test_a_workshop_confirms_holds_of_its_own_and_orders_are_not_planned_on_it(db: Database) -> None:
    craft = f"craft_{new_id().hex}"
    by_hand = a_resource(processes=[craft], approval="by_hand", price_per_unit=Money(1))
    await publish(db, by_hand)
    placed = await hold(db, by_hand.party_id, (by_hand, day(1), 10))
    assert (await world.confirm(db, by_hand.party_id, placed["id"])).stage == "firm"
    order = an_order((craft, 10))
    await world.hear(db, order)
    assert await told(db, order.id) == ["hold_refused"]


async def test_accepting_and_withdrawing_at_once_have_one_winner(db: Database, bench: Resource) -> None:
    brand = new_id()
    for number in range(6):
        placed = await hold(db, brand, (bench, day(1), 10 + number))
        await act(db, proposals.propose, brand, placed["id"])
        outcomes = await asyncio.gather(
            act(db, proposals.accept, bench.party_id, placed["id"]),
            world.release(db, brand, placed["id"]),
            return_exceptions=True,
        )
        assert sum(isinstance(one, Conflict) for one in outcomes) == 1
    assert await faults(db, bench) == []
