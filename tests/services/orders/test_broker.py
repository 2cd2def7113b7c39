"""The saga through the real broker: orders, and an honest capacity that knows nothing but topics."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from uuid import UUID

import httpx
import msgspec
import pytest

from libs.contracts import catalog
from libs.kit.db import Database
from libs.kit.ids import new_id
from libs.kit.settings import Settings
from libs.kit.testing import eventually, headers
from libs.messaging.broker import Broker, within
from libs.messaging.topics import create_topics
from tests.events import Send, sending
from tests.services.orders import world
from tests.services.orders.honest_capacity import HonestCapacity

PATIENCE = 60
"""Seconds for several things in turn, each of which may wait for a broker that was killed meanwhile."""
TOPICS = ["capacity.booking", "capacity.hold", "catalog.product", "orders.order"]


@pytest.fixture
async def broker(api: httpx.AsyncClient, topic_prefix: str) -> AsyncIterator[Broker]:
    made = Broker(Settings(service="capacity", topic_prefix=topic_prefix))
    await create_topics(made, TOPICS)
    yield made
    await made.close()


@pytest.fixture
async def publish(broker: Broker) -> AsyncIterator[Send]:
    """Put events on the broker as another service would."""
    async with sending(broker) as send:
        yield send


class CapacityBehindTheBroker:
    """An honest capacity for each order that is placed; even pieces are granted, odd ones refused."""

    def __init__(self, broker: Broker, publish: Send) -> None:
        self.broker, self.publish = broker, publish
        self.known: dict[UUID, HonestCapacity] = {}

    async def follow(self) -> None:
        async with self.broker.consumer(["orders.order"], group=None) as client:
            while True:
                for records in (await within(5, client.getmany(timeout_ms=200))).values():
                    for message in filter(None, map(self.broker.read, records)):
                        await self._answer(message.aggregate_id, msgspec.json.decode(message.payload))

    async def _answer(self, order_id: UUID, order: dict[str, object]) -> None:
        capacity = self.known.setdefault(order_id, HonestCapacity(order["lines"][0]["quantity"] % 2 == 0, order_id))
        capacity.hear(order["version"], order["state"])
        for event in capacity.told:
            await self.publish(event, event)  # twice: at least once is all that Kafka promises
        capacity.told.clear()


@pytest.fixture
async def capacity(broker: Broker, publish: Send) -> AsyncIterator[CapacityBehindTheBroker]:
    made = CapacityBehindTheBroker(broker, publish)
    following = asyncio.create_task(made.follow())
    yield made
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following


async def sold(api: httpx.AsyncClient, publish: Send) -> catalog.Product:
    """A product that the catalog has told of, and that orders know."""
    product = world.product_event()
    await publish(product)

    async def known() -> bool:
        return (await order(api, new_id(), product, 1)).status_code == 201

    await eventually(known, PATIENCE)
    return product


async def order(api: httpx.AsyncClient, shop: UUID, product: catalog.Product, quantity: int) -> httpx.Response:
    line = {"product_id": str(product.id), "sku": "S", "quantity": quantity}
    body = {"lines": [line], "earliest_day": "2126-03-02", "due_day": "2126-03-20"}
    return await api.post("/orders", json=body, headers=headers(shop, "retailer"))


async def test_orders_are_confirmed_or_refused_by_events_alone(
    api: httpx.AsyncClient, db: Database, publish: Send, capacity: CapacityBehindTheBroker
) -> None:
    product, shop = await sold(api, publish), new_id()
    placed = [UUID((await order(api, shop, product, quantity)).json()["id"]) for quantity in range(1, 11)]

    async def ended() -> bool:
        return {await world.state_of(db, one) for one in placed} <= {"confirmed", "refused"}

    await eventually(ended, PATIENCE)
    ways = [[state for _, state in await world.told(db, one)] for one in placed]
    assert ways == [["placed", "refused"], ["placed", "reserved", "confirmed"]] * 5


async def test_a_cancelled_order_gets_its_room_released_by_events_alone(
    api: httpx.AsyncClient, db: Database, publish: Send, capacity: CapacityBehindTheBroker
) -> None:
    product, shop = await sold(api, publish), new_id()
    placed = UUID((await order(api, shop, product, 2)).json()["id"])
    cancelled = await api.post(f"/orders/{placed}/cancel", headers=headers(shop, "retailer"))
    assert cancelled.status_code == 200

    async def released() -> bool:
        known = capacity.known.get(placed)
        return known is not None and known.seen > 1 and known.taken == 0

    await eventually(released, PATIENCE)
    assert await world.state_of(db, placed) == "cancelled"


async def test_a_withdrawn_product_can_soon_not_be_ordered(api: httpx.AsyncClient, publish: Send) -> None:
    product = await sold(api, publish)
    await publish(world.product_event(catalog.ProductWithdrawn, id=product.id, version=2))

    async def refused() -> bool:
        return (await order(api, new_id(), product, 1)).status_code == 422

    await eventually(refused, PATIENCE)
