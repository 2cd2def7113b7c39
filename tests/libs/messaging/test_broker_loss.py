"""The broker may lose everything: the outbox still has the newest state of every aggregate, and a week of history."""

import asyncio
import signal

import pytest
from sqlalchemy import text

from libs.kit.clock import SystemClock
from libs.kit.db import Database
from libs.kit.settings import Settings
from libs.kit.testing import eventually
from libs.messaging.consumer import Consumer
from libs.messaging.relay import Relay
from libs.service.housekeeping import tidy
from libs.service.runtime import build
from tests.libs.messaging import probe
from tests.libs.messaging.conftest import Cable, OwnBroker, Spawn


@pytest.fixture
async def running(kit_database: Database, settings: Settings, own_broker: OwnBroker, spawn: Spawn) -> Settings:
    """A relay and a consumer on a broker of their own."""
    await own_broker.start()
    own = own_broker.settings(settings)
    spawn(Relay(kit_database, own, SystemClock()).run())
    spawn(Consumer(kit_database, own, probe.SUBSCRIPTIONS, SystemClock()).run())
    return own


async def test_the_broker_wiped_in_mid_stream_loses_nothing(
    kit_database: Database, running: Settings, own_broker: OwnBroker
) -> None:
    ids = await probe.make(kit_database, 20)
    for _ in range(3):
        writing = asyncio.create_task(probe.keep_writing(kit_database, ids))
        await asyncio.sleep(1.5)
        await own_broker.wipe()
        await asyncio.sleep(1.5)
        await probe.stop(writing)
    await probe.everything_had_its_effect_once(kit_database, seconds=40)
    await _the_new_log_has_all(kit_database, running)


async def test_the_broker_wiped_while_nothing_happens_is_noticed(
    kit_database: Database, running: Settings, own_broker: OwnBroker
) -> None:
    ids = await probe.make(kit_database, 5)
    await probe.change(kit_database, ids, times=3)
    await probe.everything_had_its_effect_once(kit_database)
    await own_broker.wipe()
    await _the_new_log_has_all(kit_database, running)
    await probe.change(kit_database, ids)
    await probe.everything_had_its_effect_once(kit_database)


async def test_a_log_that_became_shorter_under_the_same_cluster_id_is_noticed_by_its_offsets(
    kit_database: Database, settings: Settings, own_broker: OwnBroker, spawn: Spawn
) -> None:
    own_broker.keep_its_id()
    await own_broker.start()
    own = own_broker.settings(settings)
    spawn(Relay(kit_database, own, SystemClock()).run())
    ids = await probe.make(kit_database, 5)
    await probe.change(kit_database, ids, times=3)
    await eventually(lambda: probe.all_sent(kit_database))
    await own_broker.wipe()
    await probe.change(kit_database, ids)
    log = await probe.log_of(own, 20)
    assert all(sorted(set(versions)) == [1, 2, 3, 4] for versions in log.values())


async def test_a_wiped_broker_gets_the_newest_state_of_an_aggregate_whose_history_was_dropped(
    kit_database: Database, running: Settings, own_broker: OwnBroker
) -> None:
    ids = await probe.make(kit_database, 5)
    await probe.change(kit_database, ids, times=3)
    await probe.everything_had_its_effect_once(kit_database)
    async with kit_database.work() as session:
        await session.execute(text("UPDATE outbox SET sent_at = sent_at - interval '7 days 1 minute'"))
    kit = build(running, SystemClock())
    await tidy(kit)
    await kit.close()
    assert await probe.told(kit_database) == {(one, 3) for one in ids}
    await own_broker.wipe()
    assert await probe.log_of(running, 5) == {one: [3] for one in ids}


async def test_a_broker_that_hangs_for_a_while_stops_nobody_for_good(
    kit_database: Database, running: Settings, own_broker: OwnBroker
) -> None:
    ids = await probe.make(kit_database, 20)
    writing = asyncio.create_task(probe.keep_writing(kit_database, ids))
    await asyncio.sleep(1)
    own_broker.send(signal.SIGSTOP)
    await asyncio.sleep(20)
    own_broker.send(signal.SIGCONT)
    await asyncio.sleep(1)
    await probe.stop(writing)
    await probe.everything_had_its_effect_once(kit_database, seconds=40)


async def test_connections_that_carry_nothing_any_more_are_given_up(
    cable: Cable, kit_database: Database, running: Settings
) -> None:
    ids = await probe.make(kit_database, 20)
    for _ in range(2):
        writing = asyncio.create_task(probe.keep_writing(kit_database, ids))
        await asyncio.sleep(2)
        cable.cut()
        await asyncio.sleep(1)
        await probe.stop(writing)
        await probe.everything_had_its_effect_once(kit_database, seconds=40)


async def _the_new_log_has_all(database: Database, settings: Settings) -> None:
    written = await probe.told(database)
    log = await probe.log_of(settings, len(written), seconds=40)
    assert sum(map(probe.out_of_order, log.values())) == 0
