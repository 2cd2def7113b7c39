"""The saga as it runs: orders' events on the real broker, capacity's answers in its outbox."""

from collections.abc import AsyncIterator

import httpx
import pytest

from libs.kit.db import Database
from libs.kit.ids import new_id
from libs.kit.settings import Settings
from libs.kit.testing import eventually
from libs.messaging.broker import Broker
from libs.messaging.topics import create_topics
from tests.events import Send, sending
from tests.services.capacity import world
from tests.services.capacity.world import an_order, bucket, day, faults, publish, then, told


@pytest.fixture
async def send(api: httpx.AsyncClient, topic_prefix: str) -> AsyncIterator[Send]:
    """Put events on the broker as orders would."""
    broker = Broker(Settings(service="orders", topic_prefix=topic_prefix))
    await create_topics(broker, ["orders.order"])
    async with sending(broker) as send:
        yield send
    await broker.close()


async def test_an_order_gets_hold_and_booking_and_gives_them_back_through_the_broker(db: Database, send: Send) -> None:
    craft = f"craft_{new_id().hex}"
    bench = world.a_resource(processes=[craft])
    await publish(db, bench)
    kept, dropped, refused = an_order((craft, 240)), an_order((craft, 200)), an_order((craft, 481), last=1)
    await send(kept, dropped, refused, kept)

    async def answered() -> bool:
        seen = [await told(db, order.id) for order in (kept, dropped, refused)]
        return seen == [["hold_placed"], ["hold_placed"], ["hold_refused"]]

    await eventually(answered, 60)
    reserved = then(dropped, "reserved")
    await send(then(kept, "reserved"), reserved, then(reserved, "cancelled"), reserved)

    async def settled() -> bool:
        committed = await bucket(db, bench, day(1)) == (480, 0, 240)
        gone = (await told(db, dropped.id))[-1:] == ["hold_released"]
        return committed and (gone or (await told(db, dropped.id, "capacity.booking"))[-1:] == ["booking_cancelled"])

    await eventually(settled, 60)
    assert await faults(db, bench) == []


async def test_a_crowd_of_impossible_orders_is_answered_and_the_consumer_goes_on(db: Database, send: Send) -> None:
    """Each needs more than 300 days of any one of 1,200 workshops have: whoever plans for it looks at all of them."""
    craft = f"craft_{new_id().hex}"
    benches = [world.a_resource(processes=[craft]) for _ in range(1200)]
    await world.publish_many(db, benches)
    crowd = [an_order((craft, 150_000), last=300) for _ in range(100)]
    easy = an_order((craft, 60))
    await send(*crowd, easy)

    async def answered() -> bool:
        seen = {order.id: await told(db, order.id) for order in (*crowd, easy)}
        return seen.pop(easy.id) == ["hold_placed"] and set(map(tuple, seen.values())) == {("hold_refused",)}

    await eventually(answered, 60)
    after = an_order((craft, 60))
    await send(after)

    async def went_on() -> bool:
        return await told(db, after.id) == ["hold_placed"]

    await eventually(went_on, 60)
