"""Pools on a real database: who shares, who is let go, and what it costs."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest

from libs.kit.db import Database
from libs.kit.errors import Conflict, Forbidden, NotFound
from libs.kit.ids import new_id
from services.capacity.domain.offer import Resource
from services.capacity.domain.terms import Rung
from services.capacity.handlers import pools
from tests.services.capacity import line, pooling, world
from tests.services.capacity.pooling import close, join, leave, look, open_pool, states
from tests.services.capacity.test_ledger import crowd
from tests.services.capacity.world import a_resource, bucket, day, hold, publish, told


@pytest.fixture
async def bench(db: Database) -> Resource:
    resource = a_resource(minimum_quantity=240)
    await publish(db, resource)
    return resource


# --- one after the other ---------------------------------------------------------------------------------------------


async def test_firms_below_the_minimum_share_one_setting_up_by_quantity(db: Database, bench: Resource) -> None:
    pool = await open_pool(db, bench, 300)
    assert (pool.minimum, await bucket(db, bench, day(2))) == (240, (480, 300, 0))
    first = await join(db, pool, 100)
    assert (first.state, first.price, first.at_most.amount) == ("pledged", None, 417 + 5000)
    second = await join(db, pool, 150)
    assert await states(db, pool, [first, second]) == ["fired", "booked", "booked"]
    assert await bucket(db, bench, day(2)) == (480, 0, 250)
    seen = await look(db, pool, first.party_id)
    assert seen.share
    assert [seen.share.price, second.price] == [type(second.at_most)(400 + 5000), type(second.at_most)(600 + 7500)]
    assert await told(db, first.id) == ["hold_placed", "hold_confirmed"]
    assert await told(db, first.id, "capacity.booking") == ["booking_confirmed"]
    assert await told(db, first.id, "capacity.share") == ["share_pledged", "share_booked"]
    assert await told(db, second.id, "capacity.share") == ["share_pledged", "share_booked"]
    assert await told(db, pool.id, "capacity.pool") == ["pool_opened", "pool_pledged", "pool_fired"]
    assert await told(db, bench.allocate(day(2), 1).bucket_id, "capacity.bucket") == ["bucket_changed"] * 2
    assert await pooling.faults(db, pool) == []
    assert await world.faults(db, bench) == []


async def test_a_pool_that_does_not_fill_in_time_lets_everybody_go(db: Database, bench: Resource) -> None:
    pool = await open_pool(db, bench)
    shares = [await join(db, pool, 100), await join(db, pool, 139)]
    await line.end(db, pool.id)
    with pytest.raises(Conflict) as late:
        await join(db, pool, 1)
    assert late.value.code == "POOL_OVER"
    await pooling.end(db)
    assert await states(db, pool, shares) == ["lapsed", "released", "released"]
    assert await bucket(db, bench, day(2)) == (480, 0, 0)
    assert await told(db, shares[0].id) == []
    assert await pooling.faults(db, pool) == []


async def test_who_leaves_takes_its_pledge_along_and_may_join_again(db: Database, bench: Resource) -> None:
    pool = await open_pool(db, bench)
    party = (await join(db, pool, 200)).party_id
    with pytest.raises(Conflict) as twice:
        await join(db, pool, 40, party)
    assert twice.value.code == "ALREADY_IN_POOL"
    assert (await leave(db, pool, party)).state == "withdrawn"
    other = await join(db, pool, 200)
    assert (await look(db, pool)).pool.pledged == 200
    again = await join(db, pool, 40, party)
    assert await states(db, pool, [other, again]) == ["fired", "booked", "booked"]
    with pytest.raises(Conflict) as late:
        await leave(db, pool, party)
    assert late.value.code == "POOL_OVER"
    assert await pooling.faults(db, pool) == []


async def test_a_workshop_closes_its_pool_or_uses_the_room_otherwise(db: Database, bench: Resource) -> None:
    closed, released, used = [await open_pool(db, bench, 240, on=number) for number in (2, 3, 4)]
    shares = [await join(db, pool, 10) for pool in (closed, released, used)]
    assert (await close(db, closed)).state == "closed"
    await world.release(db, bench.party_id, released.id)
    await world.confirm(db, bench.party_id, used.id)
    for pool in (released, used):
        with pytest.raises(Conflict):
            await join(db, pool, 230)
    await pooling.end(db)
    for pool, share in zip((closed, released, used), shares, strict=True):
        assert await states(db, pool, [share]) == ["closed", "released"]
    with pytest.raises(Conflict):
        await close(db, closed)
    assert await pooling.faults(db, closed, released, used) == []
    assert await world.faults(db, bench) == []


async def test_what_a_fired_pool_leaves_over_goes_to_who_waits(db: Database, bench: Resource) -> None:
    pool = await open_pool(db, bench, 480)
    entry = await line.join(db, line.a_wish(bench, 240, first=2, last=2))
    await line.serve(db)
    assert await line.states(db, [entry]) == ["waiting"]
    await join(db, pool, 240)
    await line.serve(db)
    assert await line.states(db, [entry]) == ["offered"]


async def test_a_booking_of_a_pool_is_cancelled_as_any_other_and_the_others_pay_no_more(
    db: Database, bench: Resource
) -> None:
    pool = await open_pool(db, bench)
    shares = [await join(db, pool, 140), await join(db, pool, 100)]
    await world.cancel(db, shares[0].party_id, shares[0].id)
    assert await bucket(db, bench, day(2)) == (480, 0, 100)
    assert await pooling.faults(db, pool) == []


async def test_a_share_is_booked_on_the_terms_of_the_workshop_at_its_own_price(db: Database) -> None:
    ladder = [Rung(days_before=30, buyer_percent=50)]
    bench = a_resource(minimum_quantity=200, deposit_percent=10, cancellation=ladder, material_days=0)
    await publish(db, bench)
    pool = await open_pool(db, bench)
    share = await join(db, pool, 120)
    await join(db, pool, 120)
    booked = await world.cancel(db, share.party_id, share.id)
    [agreed] = booked.agreed
    assert booked.material_by
    assert (agreed.price, booked.price.amount, agreed.deposit.amount) == (booked.price, 500 + 6000, 650)
    assert [one.amount.amount for one in booked.ending.due] == [3250]


async def test_a_pool_of_what_is_private_is_there_for_the_invited_alone(db: Database) -> None:
    invited = new_id()
    bench = a_resource(minimum_quantity=200, visibility="private", invited=[invited])
    await publish(db, bench)
    pool = await open_pool(db, bench)
    with pytest.raises(NotFound):
        await look(db, pool, new_id())
    with pytest.raises(NotFound):
        await join(db, pool, 10)
    assert (await join(db, pool, 10, invited)).state == "pledged"
    assert (await look(db, pool, invited)).pool.pledged == 10
    await world.change_terms(db, bench, visibility="private", invited=[])
    left = await leave(db, pool, invited)
    assert (left.state, left.pool) == ("withdrawn", None)


# --- refusals --------------------------------------------------------------------------------------------------------


async def test_only_the_workshop_opens_and_closes_and_only_with_room(db: Database, bench: Resource) -> None:
    with pytest.raises(NotFound):
        await open_pool(db, bench, party=new_id())
    opening = pools.Opening(bench.id, day(2), 300, None, datetime.now(UTC))
    async with world.ledger(db) as session:
        with pytest.raises(Forbidden):
            await pools.open_pool(session, world.principal(), opening)
    await hold(db, new_id(), (bench, day(2), 240))
    with pytest.raises(Conflict, match="Bench has 240 minutes free") as refused:
        await open_pool(db, bench, 241)
    assert refused.value.code == "NO_CAPACITY"
    pool = await open_pool(db, bench, 240)
    async with world.ledger(db) as session:
        with pytest.raises(NotFound):
            await pools.close_pool(session, world.principal(), pool.id)
    assert await states(db, pool) == ["open"]


async def test_what_others_pledged_is_nobodys_business(db: Database, bench: Resource) -> None:
    pool = await open_pool(db, bench)
    share = await join(db, pool, 10)
    assert (await look(db, pool, new_id())).share is None
    assert (await look(db, pool, bench.party_id)).share is None
    with pytest.raises(NotFound):
        await leave(db, pool, new_id())
    async with db.read(new_id()) as session:
        assert (await (await session.connection()).exec_driver_sql("SELECT id FROM pool_share")).all() == []
    own = (await look(db, pool, share.party_id)).share
    assert own
    assert own.id == share.id


async def test_pledges_of_a_party_are_capped_over_all_pools(
    db: Database, bench: Resource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "MOST_PLEDGES", 1)
    one, other = [await open_pool(db, bench, on=number) for number in (2, 3)]
    party = (await join(db, one, 10)).party_id
    with pytest.raises(Conflict) as refused:
        await join(db, other, 10, party)
    assert refused.value.code == "TOO_MANY_PLEDGES"


# --- races -----------------------------------------------------------------------------------------------------------


async def test_many_joining_at_once_fire_a_pool_once_and_never_over_its_room(db: Database, bench: Resource) -> None:
    pool = await open_pool(db, bench, 300)
    shares = []

    async def work(own: Database, number: int) -> None:
        for _ in range(6):
            with suppress(Conflict):
                shares.append(await join(own, pool, 20 + 7 * number))

    await crowd(db, work)
    assert set(await states(db, pool, shares)) == {"fired", "booked"}
    assert (await told(db, pool.id, "capacity.pool")).count("pool_fired") == 1
    assert await bucket(db, bench, day(2)) == (480, 0, sum(share.quantity for share in shares))
    assert await pooling.faults(db, pool) == []
    assert await world.faults(db, bench) == []


async def test_joining_leaving_and_the_end_at_once_leave_the_books_balanced(db: Database, bench: Resource) -> None:
    opened = [await open_pool(db, bench, 240, on=number) for number in range(2, 7)]

    async def work(own: Database, number: int) -> None:
        for turn, pool in enumerate(opened):
            with suppress(Conflict):
                share = await join(own, pool, 70)
                if (turn + number) % 3 == 0:
                    await leave(own, pool, share.party_id)
            if number == turn:
                await line.end(own, pool.id)
            await pooling.end(own)

    await crowd(db, work)
    await pooling.end(db)
    assert await pooling.faults(db, *opened) == []
    assert await world.faults(db, bench) == []
