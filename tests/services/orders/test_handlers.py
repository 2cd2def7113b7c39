"""Orders on a real database: what is kept, what is told, and who waits for whom."""

import asyncio
import random
from dataclasses import replace

import pytest
from sqlalchemy import text

from libs.contracts import catalog
from libs.contracts.values import PartyKind
from libs.kit.db import Database
from libs.kit.errors import Conflict, Forbidden, Invalid, NotFound
from libs.kit.ids import new_id
from services.orders import handlers, store
from tests.services.orders import world
from tests.services.orders.world import capacity_event


async def test_an_order_is_placed_with_prices_needs_total_and_a_deadline(db: Database) -> None:
    product = await world.sell(db, world.product_event())
    order = await world.place(db, world.shop(), product.id, quantity=10)
    [line] = order.lines
    assert (line.brand_id, line.price, order.total.amount) == (product.party_id, product.price, 99_000)
    assert [(need.process, need.minutes) for need in line.needs] == [("cutting", 70), ("lockstitch", 260)]
    assert await world.told(db, order.id) == [(1, "placed")]
    assert await world.deadline_of(db, order.id) == "answer"


async def test_a_granted_order_is_reserved_then_confirmed_with_its_plan(db: Database) -> None:
    order = await world.place(db, world.shop(), (await world.sell(db, world.product_event())).id)
    await world.hear(db, capacity_event("HoldPlaced", order.id))
    assert await world.deadline_of(db, order.id) == "booking"
    await world.hear(db, capacity_event("HoldConfirmed", order.id, 2), capacity_event("BookingConfirmed", order.id))
    assert await world.told(db, order.id) == [(1, "placed"), (2, "reserved"), (3, "confirmed")]
    assert await world.deadline_of(db, order.id) is None
    assert len((await world.last_told(db, order.id))["allocations"]) == 1


async def test_two_facts_in_one_batch_are_told_as_two_versions(db: Database) -> None:
    order = await world.place(db, world.shop(), (await world.sell(db, world.product_event())).id)
    await world.hear(db, capacity_event("HoldPlaced", order.id), capacity_event("HoldExpired", order.id, 2))
    assert await world.told(db, order.id) == [(1, "placed"), (2, "reserved"), (3, "failed")]


async def test_a_refused_order_passes_on_the_reason_of_capacity(db: Database) -> None:
    order = await world.place(db, world.shop(), (await world.sell(db, world.product_event())).id)
    await world.hear(db, capacity_event("HoldRefused", order.id))
    last = await world.last_told(db, order.id)
    assert (last["state"], last["refusal"]["message"]) == ("refused", world.NO_ROOM.message)


async def test_a_cancelled_order_has_no_plan_any_more(db: Database) -> None:
    buyer = world.shop()
    order = await world.place(db, buyer, (await world.sell(db, world.product_event())).id)
    await world.hear(db, capacity_event("HoldPlaced", order.id))
    cancelled = await world.cancel(db, buyer, order.id)
    assert (cancelled.state, cancelled.allocations, cancelled.version) == ("cancelled", [], 3)


async def test_room_granted_after_giving_up_makes_the_end_told_again(db: Database) -> None:
    buyer = world.shop()
    order = await world.place(db, buyer, (await world.sell(db, world.product_event())).id)
    await world.cancel(db, buyer, order.id)
    await world.hear(db, capacity_event("HoldPlaced", order.id))
    assert await world.told(db, order.id) == [(1, "placed"), (2, "cancelled"), (3, "cancelled")]


async def test_what_cannot_be_is_quarantined_where_everybody_sees_it(db: Database) -> None:
    order = await world.place(db, world.shop(), (await world.sell(db, world.product_event())).id)
    await world.hear(db, capacity_event("HoldPlaced", order.id), capacity_event("HoldRefused", order.id, 2))
    last = await world.last_told(db, order.id)
    assert last["state"] == "quarantined"
    assert last["refusal"]["message"] == "Hold refused while the order was reserved: no rule expects this."


async def test_an_order_that_has_ended_cannot_be_cancelled_and_says_so(db: Database) -> None:
    buyer = world.shop()
    order = await world.place(db, buyer, (await world.sell(db, world.product_event())).id)
    await world.hear(db, capacity_event("HoldRefused", order.id))
    with pytest.raises(Conflict, match="The order is refused") as refusal:
        await world.cancel(db, buyer, order.id)
    assert refusal.value.code == "NOT_CANCELLABLE"
    assert len(await world.told(db, order.id)) == 2


async def test_nobody_cancels_the_order_of_another_party(db: Database) -> None:
    order = await world.place(db, world.shop(), (await world.sell(db, world.product_event())).id)
    with pytest.raises(NotFound):
        await world.cancel(db, world.shop(), order.id)
    assert await world.state_of(db, order.id) == "placed"


async def test_a_hold_that_no_order_asked_for_is_of_no_matter(db: Database) -> None:
    event = capacity_event("HoldPlaced", new_id())
    await world.hear(
        db, type(event)(**{name: getattr(event, name) for name in event.__struct_fields__} | {"order_id": None})
    )


async def test_a_hold_for_an_order_that_is_not_ours_is_not_passed_over(db: Database) -> None:
    with pytest.raises(handlers.UnknownOrderError):
        await world.hear(db, capacity_event("HoldPlaced", new_id()))


# --- deadlines -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("heard", "code"), [((), "NO_ANSWER"), (("HoldPlaced",), "NOT_BOOKED")])
async def test_an_order_fails_when_its_deadline_passes(db: Database, heard: tuple[str, ...], code: str) -> None:
    order = await world.place(db, world.shop(), (await world.sell(db, world.product_event())).id)
    await world.hear(db, *[capacity_event(name, order.id) for name in heard])
    await world.make_overdue(db, order.id)
    await world.let_deadlines_pass(db)
    last = await world.last_told(db, order.id)
    assert (last["state"], last["refusal"]["code"]) == ("failed", code)
    assert await world.deadline_of(db, order.id) is None


async def test_a_deadline_that_is_not_due_leaves_its_order_alone(db: Database) -> None:
    order = await world.place(db, world.shop(), (await world.sell(db, world.product_event())).id)
    await world.let_deadlines_pass(db)
    assert await world.told(db, order.id) == [(1, "placed")]


async def test_a_deadline_passes_once_however_many_processes_look(db: Database) -> None:
    product = await world.sell(db, world.product_event())
    placed = [await world.place(db, world.shop(), product.id) for _ in range(60)]
    for order in placed:
        await world.make_overdue(db, order.id)
    await asyncio.gather(*(world.let_deadlines_pass(db) for _ in range(4)))
    await world.let_deadlines_pass(db)
    for order in placed:
        assert await world.told(db, order.id) == [(1, "placed"), (2, "failed")]


async def test_who_takes_deadlines_never_waits_for_a_locked_order(db: Database) -> None:
    order = await world.place(db, world.shop(), (await world.sell(db, world.product_event())).id)
    await world.make_overdue(db, order.id)
    async with db.work() as session:
        await store.locked(session, [order.id])
        async with asyncio.timeout(3):
            await world.let_deadlines_pass(db)
        assert await world.told(db, order.id) == [(1, "placed")]


async def test_of_many_who_cancel_one_order_one_succeeds(db: Database) -> None:
    buyer = world.shop()
    order = await world.place(db, buyer, (await world.sell(db, world.product_event())).id)
    tries = await asyncio.gather(*(world.cancel(db, buyer, order.id) for _ in range(20)), return_exceptions=True)
    assert len([one for one in tries if not isinstance(one, Conflict)]) == 1
    assert await world.told(db, order.id) == [(1, "placed"), (2, "cancelled")]


async def test_batches_cancellations_and_deadlines_at_once_never_wait_in_a_ring(db: Database) -> None:
    buyer = world.shop()
    product = await world.sell(db, world.product_event())
    placed = [(await world.place(db, buyer, product.id)).id for _ in range(40)]
    for order_id in placed[::4]:
        await world.make_overdue(db, order_id)
    holds = [capacity_event("HoldPlaced", order_id) for order_id in placed]
    batches = [world.hear(db, *random.sample(holds, len(holds))) for _ in range(3)]
    cancels = [world.cancel(db, buyer, order_id) for order_id in placed[::3]]
    done = await asyncio.gather(
        *batches, *cancels, *(world.let_deadlines_pass(db) for _ in range(3)), return_exceptions=True
    )
    assert [one for one in done if isinstance(one, Exception) and not isinstance(one, Conflict)] == []
    for order_id in placed:
        versions = [version for version, _ in await world.told(db, order_id)]
        assert versions == list(range(1, len(versions) + 1))


# --- the copy of the catalog's products ------------------------------------------------------------------------------


async def test_the_newest_state_of_a_product_counts_in_whatever_order_it_comes(db: Database) -> None:
    withdrawn = world.product_event(catalog.ProductWithdrawn, version=2)
    registered = world.product_event(id=withdrawn.id)
    await world.sell(db, withdrawn)
    await world.sell(db, registered)
    with pytest.raises(Invalid, match="Correct these fields") as refusal:
        await world.place(db, world.shop(), registered.id)
    assert [error.path for error in refusal.value.errors] == ["lines.0.product_id"]


async def test_both_states_of_a_product_may_come_in_one_batch(db: Database) -> None:
    registered = world.product_event()
    async with db.work() as session:
        await handlers.on_products(
            session, [registered, world.product_event(catalog.ProductWithdrawn, id=registered.id, version=2)]
        )
    with pytest.raises(Invalid):
        await world.place(db, world.shop(), registered.id)


async def test_only_shops_and_brands_order(db: Database) -> None:
    product = await world.sell(db, world.product_event())
    workshop = replace(world.shop(), role=PartyKind.WORKSHOP)
    with pytest.raises(Forbidden):
        await world.place(db, workshop, product.id)


# --- who sees what ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["orders", "deadline"])
async def test_a_party_sees_its_own_rows_alone(db: Database, table: str) -> None:
    product = await world.sell(db, world.product_event())
    mine, other = world.shop(), world.shop()
    for buyer in (mine, other):
        await world.place(db, buyer, product.id)
    async with db.read(mine.party) as session:
        assert (await session.scalars(text(f"SELECT DISTINCT party_id FROM {table}"))).all() == [mine.party]
    async with db.read() as session:
        assert (await session.scalars(text(f"SELECT party_id FROM {table}"))).all() == []
