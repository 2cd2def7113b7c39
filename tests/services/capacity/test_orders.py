"""The capacity side of the order saga: each order's newest state is followed, whatever came before."""

import asyncio
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import text

from libs.kit.db import Database, WriteSession
from libs.kit.errors import Conflict
from libs.kit.ids import new_id
from services.capacity import store
from services.capacity.domain.ledger import Ledger
from services.capacity.domain.offer import Resource
from services.capacity.domain.terms import Money
from services.capacity.domain.work import Work
from services.capacity.handlers import estimates
from services.capacity.handlers import orders as handler
from tests.services.capacity import world
from tests.services.capacity.world import an_order, bucket, day, faults, hear, hold, last_told, publish, then, told


@pytest.fixture
def craft() -> str:
    """A process that only this test's workshops know: others may have room on the same database."""
    return f"craft_{new_id().hex}"


@pytest.fixture
async def bench(db: Database, craft: str) -> Resource:
    resource = a_bench(craft)
    await publish(db, resource)
    return resource


def a_bench(craft: str, **given: object) -> Resource:
    return world.a_resource(processes=[craft], **given)


async def test_a_placed_order_gets_a_hold_of_its_own_id_for_a_minute(db: Database, bench: Resource, craft: str) -> None:
    order = an_order((craft, 240))
    await hear(db, order)
    placed = await last_told(db, order.id)
    assert (placed["state"], placed["order_id"], placed["party_id"]) == ("held", str(order.id), str(order.party_id))
    [part] = placed["allocations"]
    assert (part["resource_id"], part["day"], part["quantity"]) == (str(bench.id), str(day(1)), 240)
    async with db.work() as session:
        query = "SELECT extract(epoch FROM expires_at - clock_timestamp()) FROM hold WHERE id = :id"
        assert 50 < await session.scalar(text(query), {"id": order.id}) <= handler.SECONDS_TO_CONFIRM
    assert await faults(db, bench) == []


async def test_a_reserved_order_gets_its_booking(db: Database, bench: Resource, craft: str) -> None:
    order = an_order((craft, 240))
    await hear(db, order)
    await hear(db, then(order, "reserved"))
    assert await told(db, order.id) == ["hold_placed", "hold_confirmed"]
    booking = await last_told(db, order.id, "capacity.booking")
    assert (booking["state"], booking["price"]["amount"]) == ("confirmed", 1000 + 240 * 50)
    assert await bucket(db, bench, day(1)) == (480, 0, 240)
    assert await faults(db, bench) == []


@pytest.mark.parametrize("end", ["cancelled", "refused", "failed"])
async def test_an_order_that_ends_gives_its_hold_back(db: Database, bench: Resource, craft: str, end: str) -> None:
    order = an_order((craft, 240))
    await hear(db, order)
    await hear(db, then(order, end))
    assert await told(db, order.id) == ["hold_placed", "hold_released"]
    assert await bucket(db, bench, day(1)) == (480, 0, 0)


async def test_a_cancelled_order_gives_its_booking_back(db: Database, bench: Resource, craft: str) -> None:
    order = an_order((craft, 240))
    await hear(db, order)
    await hear(db, reserved := then(order, "reserved"))
    await hear(db, then(reserved, "cancelled"))
    assert await told(db, order.id, "capacity.booking") == ["booking_confirmed", "booking_cancelled"]
    assert await bucket(db, bench, day(1)) == (480, 0, 0)
    assert await faults(db, bench) == []


async def test_a_quarantined_order_keeps_what_it_has(db: Database, bench: Resource, craft: str) -> None:
    order = an_order((craft, 240))
    await hear(db, order)
    await hear(db, then(order, "quarantined"))
    assert await bucket(db, bench, day(1)) == (480, 240, 0)


async def test_an_order_reserved_too_late_is_told_that_its_hold_is_over(
    db: Database, bench: Resource, craft: str
) -> None:
    order = an_order((craft, 240))
    await hear(db, order)
    async with db.work() as session:
        await session.execute(text("UPDATE hold SET expires_at = now() WHERE id = :id"), {"id": order.id})
    await hear(db, then(order, "reserved"))
    assert await told(db, order.id) == ["hold_placed", "hold_expired"]
    assert await told(db, order.id, "capacity.booking") == []
    assert await bucket(db, bench, day(1)) == (480, 0, 0)


async def test_an_order_reserved_without_a_hold_is_told_so(db: Database) -> None:
    reserved = then(an_order(("casting", 10)), "reserved")
    await hear(db, reserved)
    lost = await last_told(db, reserved.id)
    assert (lost["state"], lost["refusal"]["code"]) == ("refused", "HOLD_UNKNOWN")


async def test_an_order_takes_what_a_bench_publishes_of_its_work_as_estimates_do(db: Database, craft: str) -> None:
    """40 minutes a piece, whatever the routing says; whole lots of 4, set up and cleaned once, at 80 percent."""
    how = Work(run=40, setup=30, cleanup=10, efficiency_percent=80, lot_multiple=4, elapsed_minutes=600)
    bench = a_bench(craft, work={craft: how})
    await publish(db, bench)
    async with db.work() as session:
        asked = estimates.Question(bench.id, craft, 6, day(1), frozenset())
        told = await estimates.estimate(session, new_id(), asked)
    order = an_order((craft, 6 * 20), pieces=6)
    await hear(db, order)
    await hear(db, then(order, "reserved"))
    booking = await last_told(db, order.id, "capacity.booking")
    parts = [(part["day"], part["quantity"]) for part in booking["allocations"]]
    assert parts == [(str(one.day), one.quantity) for one in told.days] == [(str(day(1)), 440)]
    assert booking["price"]["amount"] == told.price.amount


async def test_steps_of_one_process_are_lots_of_their_own(db: Database, craft: str) -> None:
    bench = a_bench(craft, work={craft: Work(run=10, setup=30)})
    await publish(db, bench)
    order = an_order((craft, 5), pieces=6, steps=2)
    await hear(db, order)
    assert await bucket(db, bench, day(1)) == (480, 2 * (30 + 60), 0)


async def test_what_has_to_dry_is_ready_by_the_due_day_and_goes_on_later(db: Database, craft: str) -> None:
    other = f"{craft}_after"
    bench = a_bench(craft, work={craft: Work(run=10, elapsed_minutes=1500)})
    await publish(db, bench, a_bench(other))
    order, late = an_order((craft, 10), (other, 10), pieces=6), an_order((craft, 10), pieces=6, last=2)
    await hear(db, order, late)
    assert [part["day"] for part in (await last_told(db, order.id))["allocations"]] == [str(day(1)), str(day(3))]
    assert f"free minutes for 6 pieces of {craft}" in (await last_told(db, late.id))["refusal"]["message"]


async def test_work_that_is_learned_takes_less_of_later_days(db: Database, craft: str) -> None:
    bench = a_bench(craft, work={craft: Work(run=10, ramp_percent=[50])})
    await publish(db, bench)
    order = an_order((craft, 10), pieces=60)
    await hear(db, order)
    assert [await bucket(db, bench, day(n)) for n in (1, 2)] == [(480, 480, 0), (480, 360, 0)]


async def test_an_order_that_does_not_fit_is_refused_with_the_reason(db: Database, bench: Resource, craft: str) -> None:
    await hold(db, new_id(), *((bench, day(n), 480) for n in (1, 2)), (bench, day(3), 360))
    order = an_order((craft, 240), last=3)
    await hear(db, order)
    refused = await last_told(db, order.id)
    assert (refused["state"], refused["allocations"], refused["version"]) == ("refused", [], 1)
    assert refused["refusal"] == {
        "code": "NO_CAPACITY",
        "message": f"No workshop has 240 free minutes of {craft} between {day(1)} and {day(3)};"
        f" the most on one day is 120 on {day(3)}: order less, or for other days.",
    }
    assert await faults(db, bench) == []


async def test_hearing_everything_again_and_in_any_order_changes_nothing_more(db: Database, craft: str) -> None:
    bench = a_bench(craft)
    await publish(db, bench)
    placed = an_order((craft, 60))
    history = [placed, reserved := then(placed, "reserved"), then(reserved, "cancelled")]
    for heard in permutations(history):
        for event in heard:
            await hear(db, event)
        await hear(db, *history)
        await hear(db, history[-1])
        assert await bucket(db, bench, day(1)) in (None, (480, 0, 0))
        assert await faults(db, bench) == []


async def test_orders_of_a_batch_never_plan_on_the_same_room(db: Database, bench: Resource, craft: str) -> None:
    batch = [an_order((craft, 200), last=3) for _ in range(9)]
    await hear(db, *batch)
    states = [(await last_told(db, order.id))["state"] for order in batch]
    assert (states.count("held"), states.count("refused")) == (7, 2)  # two whole a day, and one split over the rest
    assert {await bucket(db, bench, day(n)) for n in (1, 2, 3)} <= {(480, 480, 0), (480, 440, 0), (480, 400, 0)}
    assert await faults(db, bench) == []


async def test_a_batch_of_placed_and_cancelled_does_only_what_the_newest_asks(
    db: Database, bench: Resource, craft: str
) -> None:
    order = an_order((craft, 60))
    await hear(db, order, then(order, "cancelled"))
    assert await told(db, order.id) == []
    assert await bucket(db, bench, day(1)) is None


async def test_what_was_taken_while_planning_is_planned_again(
    db: Database, bench: Resource, craft: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rival takes the planned day between the look and the lock, twice, and finds no day locked but the last."""
    free, open_ledger = [day(2), day(1)], store.open_ledger

    async def open_too_late(*given: Any, patient: bool = True) -> Ledger:
        if not patient:
            for seen in {day(1), day(2)} - set(free):
                with pytest.raises(Conflict, match="has 0 minutes"):
                    await hold(db, new_id(), (bench, seen, 1))
            if free:
                await hold(db, new_id(), (bench, free.pop(), 480))
        return await open_ledger(*given, patient=patient)

    monkeypatch.setattr(store, "open_ledger", open_too_late)
    order = an_order((craft, 240))
    await hear(db, order)
    [part] = (await last_told(db, order.id))["allocations"]
    assert part["day"] == str(day(3))
    assert await faults(db, bench) == []


async def test_an_order_whose_room_is_always_taken_is_refused_in_the_end(
    db: Database, bench: Resource, craft: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_ledger = store.open_ledger

    async def open_too_late(session: WriteSession, wanted: Any = (), *given: Any, patient: bool = True) -> Ledger:
        if not patient:
            for part in wanted:
                await hold(db, new_id(), (bench, part.day, 480))
        return await open_ledger(session, wanted, *given, patient=patient)

    monkeypatch.setattr(store, "open_ledger", open_too_late)
    order = an_order((craft, 240), last=90)
    await hear(db, order)
    assert (await last_told(db, order.id))["refusal"]["code"] == "NO_CAPACITY"
    assert await faults(db, bench) == []


async def test_room_of_holds_that_are_over_is_planned_on(db: Database, bench: Resource, craft: str) -> None:
    await hold(db, new_id(), (bench, day(1), 480), seconds=0)
    order = an_order((craft, 480), last=1)
    await hear(db, order)
    assert (await last_told(db, order.id))["state"] == "held"
    assert await bucket(db, bench, day(1)) == (480, 480, 0)
    assert await faults(db, bench) == []


async def test_notice_and_currency_of_a_workshop_are_kept(db: Database, craft: str) -> None:
    slow = a_bench(craft, notice_days=3)
    abroad = a_bench(craft, price_per_unit=Money(1, "CHF"), setup_price=Money(0, "CHF"))
    await publish(db, slow, abroad)
    order = an_order((craft, 60))
    await hear(db, order)
    [part] = (await last_told(db, order.id))["allocations"]
    assert (part["resource_id"], part["day"]) == (str(slow.id), str(day(3)))


async def test_when_the_cheapest_are_full_all_others_are_looked_at(
    db: Database, craft: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "_LOOKS", (2, 4))
    cheap = [a_bench(craft, price_per_unit=Money(1)) for _ in range(3)]
    dear = a_bench(craft, price_per_unit=Money(90))
    await publish(db, *cheap, dear)
    await hold(db, new_id(), *((one, day(1), 480) for one in cheap))
    order = an_order((craft, 60), last=1)
    await hear(db, order)
    assert [part["resource_id"] for part in (await last_told(db, order.id))["allocations"]] == [str(dear.id)]


async def test_an_impossible_order_does_not_make_the_others_plan_again(
    db: Database, craft: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "_LOOKS", (1, 4))
    dear, cheap = a_bench(craft, price_per_unit=Money(90)), a_bench(craft, price_per_unit=Money(1))
    await publish(db, dear, cheap)
    impossible, split = an_order((craft, 9999)), an_order((craft, 600), last=2)
    filling, late = an_order((craft, 300), last=2), an_order((craft, 100), last=1)
    await hear(db, impossible, split, filling, late)
    taken = {}
    for order in (impossible, split, filling, late):
        taken[order.id] = {part["resource_id"] for part in (await last_told(db, order.id))["allocations"]}
    assert list(taken.values()) == [set(), {str(cheap.id)}, {str(cheap.id)}, {str(dear.id)}]
    assert await faults(db, dear, cheap) == []


async def test_orders_that_there_is_no_time_to_plan_are_told_so(
    db: Database, bench: Resource, craft: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "SECONDS_TO_PLAN", -1.0)
    batch = [an_order((craft, 60)) for _ in range(3)]
    await hear(db, *batch)
    refused = [(await last_told(db, order.id))["refusal"] for order in batch]
    assert {one["code"] for one in refused} == {"PLANNING_BUSY"}
    assert "order again" in refused[0]["message"]
    assert await faults(db, bench) == []


async def test_orders_and_hands_compete_without_deadlock(db: Database, craft: str) -> None:
    benches = [a_bench(craft) for _ in range(3)]
    await publish(db, *benches)

    async def shop(number: int) -> None:
        batch = [an_order((craft, 70), (craft, 90), last=4) for _ in range(5)]
        await hear(db, *batch)
        await hear(db, *(then(order, "reserved" if n % 2 else "failed") for n, order in enumerate(batch)))

    async def brand(number: int) -> None:
        for turn in range(6):
            days = [(one, day(n), 40 + number) for one in benches for n in (1, 2, 3)]
            try:
                placed = await hold(db, new_id(), *days[turn % 3 :: 2], seconds=turn % 2 * 900)
                assert placed["state"] == "held"
            except Conflict as error:
                assert error.code == "NO_CAPACITY"  # noqa: PT017 - it may also succeed

    await asyncio.gather(*(shop(n) for n in range(4)), *(brand(n) for n in range(4)))
    await world.sweep(db)
    assert await faults(db, *benches) == []
