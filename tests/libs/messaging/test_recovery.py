"""Processes are killed, stopped and cut off; nothing is lost and no effect happens twice."""

import asyncio
import random
import signal

import pytest

from libs.kit.clock import SystemClock
from libs.kit.db import Database, WriteSession
from libs.kit.settings import Settings
from libs.kit.testing import eventually
from libs.messaging import consumer as consuming
from libs.messaging.consumer import Consumer, batch
from libs.messaging.relay import Relay
from tests.libs.messaging import probe
from tests.libs.messaging.conftest import Spawn

POINTS = 20


async def test_kill_9_of_a_relay_and_of_a_consumer_at_20_random_points_loses_and_doubles_nothing(
    kit_database: Database, settings: Settings
) -> None:
    ids = await probe.make(kit_database, 30)
    writing = asyncio.create_task(probe.keep_writing(kit_database, ids))
    await asyncio.gather(*(_kill_again_and_again(kind, settings) for kind in ("relay", "consumer")))
    await probe.stop(writing)
    processes = [probe.start(kind, settings) for kind in ("relay", "consumer")]
    try:
        await probe.everything_had_its_effect_once(kit_database, seconds=40)
    finally:
        for process in processes:
            probe.end(process)


async def _kill_again_and_again(kind: str, settings: Settings) -> None:
    """Let a process work, which dawdles wherever a kill hurts most, and kill it, and the next one."""
    for _ in range(POINTS):
        process = probe.start(kind, settings, dawdle=0.1)
        assert process.stdout
        try:
            assert await asyncio.wait_for(asyncio.to_thread(process.stdout.readline), 30)
            await asyncio.sleep(random.uniform(0, 0.5))
        finally:
            probe.end(process)


async def test_a_consumer_stopped_through_a_rebalance_and_woken_doubles_nothing(
    kit_database: Database, settings: Settings, spawn: Spawn
) -> None:
    ids = await probe.make(kit_database, 30)
    spawn(Relay(kit_database, settings, SystemClock()).run())
    staying = Consumer(kit_database, settings, probe.SUBSCRIPTIONS, SystemClock())
    spawn(staying.run())
    other = probe.start("consumer", settings)
    writing = asyncio.create_task(probe.keep_writing(kit_database, ids))
    try:
        await eventually(lambda: probe.effects(kit_database), seconds=20)
        await asyncio.sleep(4)
        for _ in range(2):
            other.send_signal(signal.SIGSTOP)
            await asyncio.sleep(settings.kafka_session_timeout_ms / 1000 + 3)
            other.send_signal(signal.SIGCONT)
            await asyncio.sleep(3)
        await probe.stop(writing)
        await probe.everything_had_its_effect_once(kit_database, seconds=30)
        await eventually(lambda: staying.lag == {"probe.thing": 0})
    finally:
        await probe.stop(writing)
        probe.end(other)


async def test_lag_is_what_has_not_been_handled(
    kit_database: Database, settings: Settings, spawn: Spawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consuming, "BATCH", 10)
    turns = asyncio.Semaphore(0)
    begun: list[int] = []

    async def slowly(session: WriteSession, events: list[probe.ThingChanged]) -> None:
        begun.append(len(events))
        await turns.acquire()
        await probe.note_effects(session, events)

    ids = await probe.make(kit_database, 60)
    await probe.change(kit_database, ids, times=5)
    spawn(Relay(kit_database, settings, SystemClock()).run())
    await eventually(lambda: probe.all_sent(kit_database))
    consumer = Consumer(kit_database, settings, [batch((probe.ThingChanged,), slowly)], SystemClock())
    spawn(consumer.run())

    await eventually(lambda: begun)
    assert consumer.lag in ({}, {"probe.thing": 300}), "while it does not know all of it, it says nothing"
    for _ in range(5):
        turns.release()
    await eventually(lambda: len(begun) == 6)
    assert consumer.lag == {"probe.thing": 300 - sum(begun[:5])}
    assert consumer.lag == {"probe.thing": 300 - len(await probe.effects(kit_database))}
    for _ in range(300):
        turns.release()
    await eventually(lambda: consumer.lag == {"probe.thing": 0})
    assert consumer.joined
    assert consumer.seconds_since_poll() < 5
