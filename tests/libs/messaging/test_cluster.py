"""Apache Kafka as people run it: three brokers of which one dies under load, and one whose log outlives it."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text

from libs.kit.clock import SystemClock
from libs.kit.db import Database
from libs.kit.settings import Settings
from libs.kit.testing import eventually
from libs.messaging.broker import Broker
from libs.messaging.consumer import Consumer
from libs.messaging.relay import Relay
from libs.messaging.topics import create_topics
from libs.stack.brokers import APACHE, APACHE_3, LONGEST_START
from libs.stack.child import Child, start_and_wait
from libs.stack.home import Home
from tests.libs.messaging import probe
from tests.libs.messaging.conftest import OwnBroker, Spawn

THING = probe.ThingChanged.topic
# They start several JVMs each: one after the other, whatever else runs beside.
pytestmark = pytest.mark.xdist_group("apache")


@pytest.fixture
def apache(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[OwnBroker]:
    """Apache Kafka of this test, on as many brokers as it asks for."""
    home = Home(tmp_path / "home")
    home.make()
    made = OwnBroker(home, request.param)
    made.brokers.prepare()
    made.brokers.start()
    yield made
    made.brokers.kill()


@asynccontextmanager
async def at_work(settings: Settings, database: Database, ids: list[UUID]) -> AsyncIterator[None]:
    """Two relays and two consumers, each a process, and a writer, until the block ends."""
    kinds = ("relay", "relay", "consumer", "consumer")
    processes = [probe.start(kind, settings) for kind in kinds]
    writing = asyncio.create_task(probe.keep_writing(database, ids))
    try:
        await eventually(lambda: probe.effects(database), seconds=60)
        yield
        await probe.stop(writing)
        await probe.everything_had_its_effect_once(database, seconds=60)
    finally:
        await probe.stop(writing)
        for process in processes:
            probe.end(process)


@pytest.mark.parametrize("apache", [APACHE_3], indirect=True)
async def test_the_broker_that_leads_most_killed_under_load_loses_and_doubles_nothing_and_comes_back(
    kit_database: Database, settings: Settings, apache: OwnBroker
) -> None:
    own = apache.settings(settings)
    assert (own.kafka_replication, own.kafka_min_insync) == (3, 2)
    broker, ids = Broker(own), await probe.make(kit_database, 60)
    await create_topics(broker, [THING])
    async with at_work(own, kit_database, ids):
        await asyncio.sleep(2)
        leader = apache.brokers.children[await _leading_most(broker) - 1]
        leader.kill()
        assert len({await broker.cluster_id() for _ in range(20)}) == 1, "whoever asks is answered by those that live"
        await _everything_flows_again(kit_database, ids)
        await _back(leader, apache)
        await eventually(lambda: _all_in_sync(broker), seconds=60)
    await broker.close()
    await _the_log_has_all_in_order(kit_database, own)


@pytest.mark.parametrize("apache", [APACHE_3], indirect=True)
async def test_a_broker_that_takes_connections_and_says_nothing_keeps_no_question_from_its_answer(
    settings: Settings, apache: OwnBroker
) -> None:
    broker = Broker(apache.settings(settings))
    cluster = await broker.cluster_id()
    silent = next(child for child in apache.brokers.children if child.pid)
    assert silent.pid
    os.kill(silent.pid, signal.SIGSTOP)
    for _ in range(3):
        assert await broker.cluster_id() == cluster
    await broker.close()


@pytest.mark.parametrize("apache", [APACHE], indirect=True)
async def test_the_one_broker_killed_under_load_comes_back_with_its_log_and_nothing_is_sent_as_to_a_new_one(
    kit_database: Database, settings: Settings, apache: OwnBroker, spawn: Spawn
) -> None:
    own = apache.settings(settings)
    spawn(Relay(kit_database, own, SystemClock()).run())
    spawn(Consumer(kit_database, own, probe.SUBSCRIPTIONS, SystemClock()).run())
    ids = await probe.make(kit_database, 60)
    await probe.change(kit_database, ids, times=5)
    await eventually(lambda: probe.all_sent(kit_database))
    early, cluster = await probe.told(kit_database), await _known_cluster(kit_database)
    for _ in range(2):
        writing = asyncio.create_task(probe.keep_writing(kit_database, ids))
        await asyncio.sleep(1)
        apache.brokers.kill()
        await asyncio.sleep(1)
        await asyncio.to_thread(apache.brokers.start)
        await _everything_flows_again(kit_database, ids)
        await probe.stop(writing)
    await probe.everything_had_its_effect_once(kit_database, seconds=60)
    assert await _known_cluster(kit_database) == cluster
    log = await _the_log_has_all_in_order(kit_database, own)
    times = Counter((one, version) for one, versions in log.items() for version in versions)
    assert {times[event] for event in early} == {1}


async def _leading_most(broker: Broker) -> int:
    """The node id of the broker that leads most partitions of the probe's topic."""
    ((leader, _),) = Counter(part["leader"] for part in await _partitions(broker)).most_common(1)
    return int(leader)


async def _all_in_sync(broker: Broker) -> bool:
    return all(len(part["isr"]) == 3 for part in await _partitions(broker))


async def _partitions(broker: Broker) -> list[dict[str, list[int]]]:
    (topic,) = await broker.ask(lambda admin: admin.describe_topics([broker.topic(THING)]))
    return list(topic["partitions"])


async def _everything_flows_again(database: Database, ids: list[UUID]) -> None:
    """What is told from now on of each aggregate, and so through every partition, has its effect within 30 s."""
    before = await probe.told(database)
    await probe.change(database, ids)
    new = await probe.told(database) - before

    async def arrived() -> bool:
        return new <= set(await probe.effects(database))

    await eventually(arrived, seconds=30)


async def _back(child: Child, apache: OwnBroker) -> None:
    await asyncio.to_thread(start_and_wait, [child], apache.brokers.home.log, LONGEST_START)


async def _known_cluster(database: Database) -> str:
    """The cluster whose log the relay holds for the one it has been writing to."""
    async with database.work() as session:
        return str((await session.execute(text("SELECT cluster_id FROM relay"))).scalar_one())


async def _the_log_has_all_in_order(database: Database, settings: Settings) -> dict[UUID, list[int]]:
    written = await probe.told(database)
    log = await probe.log_of(settings, len(written), seconds=60)
    assert {(one, version) for one, versions in log.items() for version in versions} == written
    assert sum(map(probe.out_of_order, log.values())) == 0
    return log
