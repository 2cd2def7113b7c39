"""Nothing lost and nothing out of order, under many writers."""

import asyncio

from libs.kit.clock import SystemClock
from libs.kit.db import Database
from libs.kit.settings import Settings
from libs.kit.testing import eventually
from libs.messaging.consumer import Consumer
from libs.messaging.relay import Relay
from tests.libs.messaging import probe
from tests.libs.messaging.conftest import Spawn

EVENTS = 100_000


async def test_24_writers_lose_nothing_and_keep_the_order_of_each_aggregate(
    kit_database: Database, settings: Settings, spawn: Spawn
) -> None:
    spawn(Relay(kit_database, settings, SystemClock()).run())
    writers = Database(settings.url, pool_size=24)
    ids = await probe.make(writers, 400)
    written = asyncio.create_task(probe.write(writers, ids, EVENTS, writers=24, delay=0.01))
    log = await probe.log_of(settings, EVENTS, seconds=270)
    await written
    await writers.close()
    assert sum(len(set(versions)) for versions in log.values()) == EVENTS
    assert sum(map(probe.out_of_order, log.values())) == 0


async def test_every_event_has_its_effect_once(kit_database: Database, settings: Settings, spawn: Spawn) -> None:
    spawn(Relay(kit_database, settings, SystemClock()).run())
    consumer = Consumer(kit_database, settings, probe.SUBSCRIPTIONS, SystemClock())
    spawn(consumer.run())
    ids = await probe.make(kit_database, 40)
    await probe.write(kit_database, ids, 5_000, writers=6, delay=0.01)
    await probe.everything_had_its_effect_once(kit_database, seconds=30)
    await eventually(lambda: consumer.lag == {"probe.thing": 0})
    assert await probe.unsent(kit_database) == 0
