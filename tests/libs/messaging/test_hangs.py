"""aiokafka hangs now and then (#1101, #1145, #1187): whatever call of it never returns, we go on."""

import asyncio
import gc
from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.consumer.fetcher import Fetcher

from libs.kit.clock import SystemClock
from libs.kit.db import Database
from libs.kit.settings import Settings
from libs.kit.testing import eventually
from libs.messaging import broker, consumer, relay
from libs.messaging.consumer import Consumer
from libs.messaging.relay import Relay
from tests.libs.messaging import probe
from tests.libs.messaging.conftest import Spawn

CALLS = [
    (AIOKafkaConsumer, "start"),
    (AIOKafkaConsumer, "getmany"),
    (AIOKafkaConsumer, "position"),
    (AIOKafkaConsumer, "commit"),
    (AIOKafkaConsumer, "stop"),
    (Fetcher, "_proc_fetch_request"),
    (AIOKafkaProducer, "start"),
    (AIOKafkaProducer, "partitions_for"),
    (AIOKafkaProducer, "send_batch"),
    (AIOKafkaAdminClient, "start"),
    (AIOKafkaAdminClient, "create_topics"),
    (AIOKafkaAdminClient, "_get_cluster_metadata"),
]


def _hang_once(monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> list[str]:
    """The first call of it never returns; then it is in the list. Deadlines are short meanwhile."""
    for module, deadline, seconds in (
        (broker, "REQUEST", 1.0),
        (broker, "START", 5.0),
        (broker, "STOP", 1.0),
        (consumer, "REQUEST", 1.0),
        (consumer, "DEAF", 3.0),
        (relay, "REQUEST", 1.0),
        (relay, "_DELIVERY", 1.0),
    ):
        monkeypatch.setattr(module, deadline, seconds)
    call, hung = getattr(owner, name), []

    async def hang_once(*given: object, **named: object) -> object:
        if not hung:
            hung.append(name)
            await asyncio.Event().wait()
        return await call(*given, **named)

    monkeypatch.setattr(owner, name, hang_once)
    return hung


@pytest.fixture
def _sweep() -> Iterator[None]:
    """A client whose `stop` hangs stays open: throw it away within the test that made it hang."""
    yield
    gc.collect()


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.usefixtures("_sweep")
@pytest.mark.parametrize(("owner", "name"), CALLS, ids=lambda one: getattr(one, "__name__", one))
async def test_a_call_that_never_returns_stops_nobody(
    kit_database: Database,
    settings: Settings,
    spawn: Spawn,
    monkeypatch: pytest.MonkeyPatch,
    owner: type,
    name: str,
) -> None:
    hung = _hang_once(monkeypatch, owner, name)
    spawn(Relay(kit_database, settings, SystemClock()).run())
    spawn(Consumer(kit_database, settings, probe.SUBSCRIPTIONS, SystemClock()).run())
    ids = await probe.make(kit_database, 5)
    await probe.change(kit_database, ids, times=3)
    await probe.everything_had_its_effect_once(kit_database, seconds=60)
    await probe.change(kit_database, ids)
    await probe.everything_had_its_effect_once(kit_database, seconds=60)
    assert hung or name == "stop"


async def test_a_broker_that_answers_no_fetch_is_noticed_while_events_stream_in_from_the_others(
    kit_database: Database, settings: Settings, spawn: Spawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On several brokers; where there is one, no event streams in meanwhile."""
    hung = _hang_once(monkeypatch, Fetcher, "_proc_fetch_request")
    spawn(Relay(kit_database, settings, SystemClock()).run())
    spawn(Consumer(kit_database, settings, probe.SUBSCRIPTIONS, SystemClock()).run())
    ids = await probe.make(kit_database, 60)
    await probe.change(kit_database, ids)
    writing = asyncio.create_task(probe.keep_writing(kit_database, ids))
    early = await probe.told(kit_database)

    async def arrived() -> bool:
        return early <= set(await probe.effects(kit_database))

    try:
        await eventually(arrived, seconds=60)
    finally:
        await probe.stop(writing)
    assert hung
