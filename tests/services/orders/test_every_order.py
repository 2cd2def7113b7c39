"""Orders on a real database and an honest capacity that follows them: in whatever order they hear of each other, and
whatever becomes of the booking."""

from contextlib import suppress
from itertools import permutations

import pytest

from libs.contracts import capacity, catalog
from libs.kit.db import Database
from libs.kit.errors import Conflict
from services.orders.handlers import CapacityEvent
from tests.services.orders import world
from tests.services.orders.honest_capacity import LATER, HonestCapacity


class Saga:
    """One order on the real database, and an honest capacity that follows what it tells."""

    def __init__(self, db: Database, grants: bool) -> None:
        self.db, self.capacity, self.buyer = db, HonestCapacity(grants), world.shop()
        self.on_the_way: list[CapacityEvent] = []
        self.arrived: list[CapacityEvent] = []

    async def place(self, product: catalog.Product) -> None:
        self.order_id = (await world.place(self.db, self.buyer, product.id)).id
        self.capacity.order_id = self.order_id

    async def asked(self) -> None:
        """Capacity hears everything told so far, and answers."""
        for version, state in await world.told_states(self.db, self.order_id):
            self.capacity.hear(version, state)
        self._carry()

    def _carry(self) -> None:
        self.on_the_way += self.capacity.told
        self.capacity.told.clear()

    async def displaced(self) -> None:
        """The workshop has the hours no more."""
        self.capacity.shrink()
        self._carry()

    async def moved(self) -> None:
        """It moves the work, and the buyer agrees."""
        self.capacity.move()
        self.capacity.accept()
        self._carry()

    async def rejected(self) -> None:
        """It moves the work, and the buyer does not agree."""
        self.capacity.move()
        self.capacity.reject()
        self._carry()

    async def answered(self) -> None:
        """Orders hear capacity's answers."""
        await world.hear(self.db, *self.on_the_way)
        self.arrived += self.on_the_way
        self.on_the_way = []

    async def duplicate(self) -> None:
        """Orders hear again all they have heard; of a booking the last, for older versions the consumer passes over."""
        booked = [event for event in self.arrived if isinstance(event, capacity.Booking)]
        held = [event for event in self.arrived if event not in booked]
        await world.hear(self.db, *held, *booked[-1:])

    async def deadline(self) -> None:
        await world.make_overdue(self.db, self.order_id)
        await world.let_deadlines_pass(self.db)

    async def cancel(self) -> None:
        with suppress(Conflict):
            await world.cancel(self.db, self.buyer, self.order_id)

    async def drain(self) -> None:
        told = -1
        while told != len(await world.told(self.db, self.order_id)):
            told = len(await world.told(self.db, self.order_id))
            await self.asked()
            await self.answered()


STEPS = ("asked", "answered", "deadline", "cancel", "duplicate")


@pytest.mark.parametrize("grants", [True, False], ids=["granted", "refused"])
@pytest.mark.parametrize("first", STEPS)
async def test_every_order_of_events_reaches_one_end_and_leaks_nothing(db: Database, grants: bool, first: str) -> None:
    product = await world.sell(db, world.product_event())
    for steps in permutations(STEPS):
        if steps[0] != first:
            continue
        saga = Saga(db, grants)
        await saga.place(product)
        for step in steps:
            await getattr(saga, step)()
        await saga.drain()
        states = [state for _, state in await world.told(db, saga.order_id)]
        assert len(set(states) & {"refused", "cancelled", "failed"}) == 1, (steps, states)
        assert saga.capacity.taken == 0, (steps, states)
        assert await world.deadline_of(db, saga.order_id) is None


@pytest.mark.parametrize("last", ["moved", "rejected"])
async def test_every_order_of_events_around_a_displacement_reaches_one_end_and_leaks_nothing(
    db: Database, last: str
) -> None:
    product = await world.sell(db, world.product_event())
    for steps in permutations(("answered", "displaced", last, "cancel")):
        saga = Saga(db, grants=True)
        await saga.place(product)
        await saga.drain()
        for step in steps:
            await getattr(saga, step)()
            await saga.duplicate()
            await saga.asked()
        await saga.drain()
        assert await world.state_of(db, saga.order_id) in {"cancelled", "failed"}, steps
        assert saga.capacity.taken == 0, steps


@pytest.mark.parametrize("heard", [1, 9], ids=["one by one", "at once"])
async def test_an_order_follows_its_booking_to_the_days_that_its_buyer_agreed_to(db: Database, heard: int) -> None:
    saga = Saga(db, grants=True)
    await saga.place(await world.sell(db, world.product_event()))
    await saga.drain()
    promised = (await world.last_told(db, saga.order_id))["allocations"]
    for happens in (saga.capacity.shrink, saga.capacity.move, saga.capacity.accept):
        happens()
        if heard == 1:
            saga._carry()
            assert (await world.last_told(db, saga.order_id))["allocations"] == promised
            await saga.answered()
    saga._carry()
    await saga.answered()
    ways = [(2, "reserved"), (3, "confirmed"), (4, "displaced"), (5, "moved"), (6, "confirmed")]
    assert (await world.told(db, saga.order_id))[1:] == ways
    last = await world.last_told(db, saga.order_id)
    assert [part["day"] for part in last["allocations"]] == [str(LATER.day)]
    assert (last["state"], last["stage"], last["due_day"]) == ("confirmed", "confirmed", str(LATER.day))


async def test_an_order_that_is_displaced_or_moved_is_still_confirmed_to_who_knows_no_more(db: Database) -> None:
    saga = Saga(db, grants=True)
    await saga.place(await world.sell(db, world.product_event()))
    await saga.drain()
    for happens, stage in ((saga.capacity.shrink, "displaced"), (saga.capacity.move, "moved")):
        happens()
        await saga.drain()
        last = await world.last_told(db, saga.order_id)
        assert (last["state"], last["stage"]) == ("confirmed", stage)
        assert await world.deadline_of(db, saga.order_id) is None


async def test_days_that_only_the_last_event_tells_of_are_followed(db: Database) -> None:
    """What came between was dropped: the topic is compacted."""
    saga = Saga(db, grants=True)
    await saga.place(await world.sell(db, world.product_event()))
    await saga.drain()
    for happens in (saga.capacity.shrink, saga.capacity.move, saga.capacity.accept):
        happens()
    await world.hear(db, saga.capacity.told[-1])
    assert [part["day"] for part in (await world.last_told(db, saga.order_id))["allocations"]] == [str(LATER.day)]


async def test_days_that_nobody_agreed_to_are_no_plan(db: Database) -> None:
    """All that came before was dropped, and the order still waits for an answer."""
    saga = Saga(db, grants=True)
    await saga.place(await world.sell(db, world.product_event()))
    for version, state in ((1, "placed"), (2, "reserved")):
        saga.capacity.hear(version, state)
    saga.capacity.shrink()
    saga.capacity.move()
    await world.hear(db, saga.capacity.told[-1])
    last = await world.last_told(db, saga.order_id)
    assert (last["stage"], last["allocations"], last["due_day"]) == ("moved", [], str(world.DUE))
    saga.capacity.accept()
    await world.hear(db, saga.capacity.told[-1])
    last = await world.last_told(db, saga.order_id)
    assert ([part["day"] for part in last["allocations"]], last["due_day"]) == ([str(LATER.day)], str(LATER.day))


async def test_who_rejects_other_days_is_told_why_the_order_failed(db: Database) -> None:
    saga = Saga(db, grants=True)
    await saga.place(await world.sell(db, world.product_event()))
    await saga.drain()
    await saga.displaced()
    await saga.rejected()
    await saga.drain()
    last = await world.last_told(db, saga.order_id)
    assert (last["state"], last["allocations"]) == ("failed", [])
    assert last["refusal"] == {"code": "BOOKING_CANCELLED", "message": "Cancelled. Its time is free again; order anew."}


async def test_an_order_whose_work_is_completed_cannot_be_cancelled(db: Database) -> None:
    saga = Saga(db, grants=True)
    await saga.place(await world.sell(db, world.product_event()))
    await saga.drain()
    saga.capacity.work()
    saga.capacity.complete()
    await saga.drain()
    with pytest.raises(Conflict, match="The order is completed"):
        await world.cancel(db, saga.buyer, saga.order_id)
    assert [state for _, state in await world.told(db, saga.order_id)][-1] == "completed"
