"""One relay leads; whatever happens to it, each aggregate's order holds and nothing is lost."""

import asyncio
import logging
import signal
from contextlib import AsyncExitStack, suppress
from datetime import datetime
from uuid import UUID

import pytest
from aiokafka.errors import KafkaConnectionError
from sqlalchemy import text

from libs.kit.clock import SystemClock
from libs.kit.db import BACKGROUND, Database
from libs.kit.settings import Settings
from libs.kit.testing import eventually
from libs.messaging import queue, relay
from libs.messaging.broker import Broker
from libs.messaging.relay import Relay
from libs.messaging.topics import create_topics
from tests.clocks import HandClock
from tests.libs.messaging import probe
from tests.libs.messaging.conftest import Spawn

THING = probe.ThingChanged.topic


@pytest.mark.parametrize(("lease", "stopped_for"), [(0.5, 6.0), (5.0, 60.0)])
async def test_a_leader_stopped_far_beyond_its_lease_and_woken_breaks_no_order(
    kit_database: Database, settings: Settings, lease: float, stopped_for: float
) -> None:
    ids = await probe.make(kit_database, 20)
    leader = probe.start("relay", settings, lease)
    others = []
    writing = asyncio.create_task(probe.keep_writing(kit_database, ids))
    try:
        await eventually(lambda: probe.published(kit_database), seconds=60)
        others = [probe.start("relay", settings, lease) for _ in range(2)]
        await asyncio.sleep(2)
        before = await probe.fence(kit_database)
        leader.send_signal(signal.SIGSTOP)
        await asyncio.gather(asyncio.sleep(stopped_for), eventually(lambda: _passed_on(kit_database, before), 30))
        await eventually(lambda: _flows(kit_database), seconds=30)
        leader.send_signal(signal.SIGCONT)
        await asyncio.sleep(2)
        await probe.stop(writing)
        await eventually(lambda: probe.all_sent(kit_database), seconds=20)
    finally:
        await probe.stop(writing)
        for process in (leader, *others):
            probe.end(process)
    written = await probe.told(kit_database)
    log = await probe.log_of(settings, len(written))
    assert {(one, version) for one, versions in log.items() for version in versions} == written
    assert sum(map(probe.out_of_order, log.values())) == 0
    assert all(versions[-1] == max(versions) for versions in log.values()), "compaction keeps the last"


async def test_a_relay_that_lost_its_lease_marks_nothing(
    kit_database: Database, settings: Settings, spawn: Spawn
) -> None:
    late = Relay(kit_database, settings, SystemClock(), lease_seconds=300)
    spawn(late.run())
    ids = await probe.make(kit_database, 3)
    await probe.change(kit_database, ids)
    await eventually(lambda: probe.all_sent(kit_database))
    await _take_away_the_lease(kit_database)
    await probe.change(kit_database, ids)
    await probe.log_of(settings, 6)
    await asyncio.sleep(0.5)
    assert await probe.unsent(kit_database) == 3, "sent, but not by the leader: the leader sends it again"


async def _flows(database: Database) -> bool:
    """Whether somebody sends what is told."""
    return await probe.oldest(database) < 2


async def _passed_on(database: Database, before: int) -> bool:
    return await probe.fence(database) > before


_BLOAT = text("""
    UPDATE outbox SET payload = json_build_object('note', repeat('x', 1100000)) WHERE aggregateid = :id AND version = 2
""")


async def test_a_relay_woken_beyond_its_lease_sends_nothing(
    kit_database: Database, settings: Settings, spawn: Spawn
) -> None:
    clock = HandClock()
    woken = Relay(kit_database, settings, clock, lease_seconds=300)
    spawn(woken.run())
    ids = await probe.make(kit_database, 3)
    await probe.change(kit_database, ids)
    await eventually(lambda: probe.all_sent(kit_database))
    await _take_away_the_lease(kit_database)
    clock.ahead = 300.0  # it finds that it slept
    assert not woken.leading
    await probe.change(kit_database, ids)
    with pytest.raises(TimeoutError):
        await probe.log_of(settings, 6, seconds=2)


async def _take_away_the_lease(database: Database) -> None:
    taken = "UPDATE relay SET holder = gen_random_uuid(), fence = fence + 1, expires_at = clock_timestamp() + '1 hour'"
    async with database.work() as session:
        await session.execute(text(taken))


async def test_what_was_sent_too_late_is_followed_by_the_newest_state(kit_database: Database) -> None:
    ids = await probe.make(kit_database, 2)
    await probe.change(kit_database, ids, times=3)
    async with kit_database.work() as session:
        rows = await queue.head(session, 10, [])
        await queue.mark(session, [row.seq for row in rows], {})
        late = [row.seq for row in rows if row.aggregate == ids[0] and row.version < 3]
        await queue.send_newest_again(session, late)
        again = await queue.head(session, 10, [])
    assert [(row.aggregate, row.version) for row in again] == [(ids[0], 3)]


async def test_a_stopped_relay_gives_its_lease_back_at_once(
    kit_database: Database, settings: Settings, spawn: Spawn
) -> None:
    first = asyncio.create_task(Relay(kit_database, settings, SystemClock(), lease_seconds=60).run())
    await eventually(lambda: probe.fence(kit_database))
    second = Relay(kit_database, settings, SystemClock(), lease_seconds=2)
    spawn(second.run())
    first.cancel()
    with suppress(asyncio.CancelledError):
        await first
    await eventually(lambda: second.leading, seconds=5)


async def test_a_relay_told_to_end_while_it_gives_up_a_broken_broker_ends(
    kit_database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Python 3.11 a task group that is failing already forgets that its task was cancelled."""
    broken = asyncio.Event()

    async def takes_its_time(_self: Relay) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(1)

    async def breaks(_self: Relay) -> None:
        await asyncio.sleep(0.1)
        broken.set()
        raise KafkaConnectionError("gone")

    monkeypatch.setattr(Relay, "_watch", takes_its_time)
    monkeypatch.setattr(Relay, "_next", breaks)
    relaying = asyncio.create_task(Relay(kit_database, settings, SystemClock()).run())
    await asyncio.wait_for(broken.wait(), 30)
    relaying.cancel()
    ended, _ = await asyncio.wait({relaying}, timeout=10)
    monkeypatch.undo()
    relaying.cancel()
    assert ended


async def test_a_relay_that_never_led_is_stopped_without_asking_the_database(
    kit_database: Database, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """As where a service is stopped while its jobs open all the connections that there may be."""
    caplog.set_level(logging.INFO)
    async with AsyncExitStack() as others:
        for _ in range(BACKGROUND):
            await others.enter_async_context(kit_database.work())
        waiting = asyncio.create_task(Relay(kit_database, settings, SystemClock()).run())
        await asyncio.sleep(0.1)
        await probe.stop(waiting)
    assert "lease not released" not in caplog.text


async def test_a_relay_stopped_inside_a_transaction_does_not_keep_others_from_leading(
    kit_database: Database, settings: Settings, spawn: Spawn
) -> None:
    leader = probe.start("relay", settings, lease=1, dawdle=6)
    try:
        await probe.change(kit_database, await probe.make(kit_database, 1))
        await probe.log_of(settings, 1)
        await asyncio.sleep(0.5)
        leader.send_signal(signal.SIGSTOP)
        second = Relay(kit_database, settings, SystemClock(), lease_seconds=1)
        spawn(second.run())
        await eventually(lambda: second.leading, seconds=8)
    finally:
        probe.end(leader)


async def test_a_row_too_large_blocks_its_own_key_only(
    kit_database: Database, settings: Settings, spawn: Spawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "RETRY_REFUSED", 2.0)
    sender = Relay(kit_database, settings, SystemClock())
    large, *others = ids = await probe.make(kit_database, 12)
    await probe.change(kit_database, ids)
    await probe.change(kit_database, [large])
    await probe.change(kit_database, [large], times=relay.HEAD)
    await probe.change(kit_database, others, times=5)
    async with kit_database.work() as session:  # behind the back of the outbox, which takes nothing so large
        await session.execute(_BLOAT, {"id": large})
    spawn(sender.run())
    log = await probe.log_of(settings, 12 + 11 * 5)
    assert log[large] == [1]
    assert all(log[one] == [1, 2, 3, 4, 5, 6] for one in others)
    await eventually(lambda: sender.refused == [(THING, large)])

    async def the_rest_is_marked() -> bool:
        return await probe.unsent(kit_database) == 1 + relay.HEAD

    await eventually(the_rest_is_marked)
    async with kit_database.work() as session:
        await session.execute(text("UPDATE outbox SET payload = '{}' WHERE length(payload::text) > 1000000"))
    log = await probe.log_of(settings, 12 + 11 * 5 + 1 + relay.HEAD)
    assert log[large] == list(range(1, relay.HEAD + 3))
    await eventually(lambda: not sender.refused)


async def test_republish_sends_the_newest_state_of_each_aggregate_again(
    kit_database: Database, settings: Settings, spawn: Spawn
) -> None:
    spawn(Relay(kit_database, settings, SystemClock()).run())
    ids = await probe.make(kit_database, 4)
    await probe.change(kit_database, ids, times=3)
    await eventually(lambda: probe.all_sent(kit_database))
    async with kit_database.work() as session:
        assert await queue.republish(session, "probe.other") == 0
        assert await queue.republish(session) == 4
    await eventually(lambda: probe.all_sent(kit_database))
    log = await probe.log_of(settings, 12)
    assert all(log[one] == [1, 2, 3, 3] for one in ids)


async def test_tail_shows_what_comes_from_now_on_with_its_cloudevents_attributes(
    kit_database: Database, settings: Settings, spawn: Spawn
) -> None:
    spawn(Relay(kit_database, settings, SystemClock()).run())
    old, new = await probe.make(kit_database, 2)
    await probe.change(kit_database, [old], times=3)
    await eventually(lambda: probe.all_sent(kit_database))
    tail = Broker(settings).tail([THING])
    first = asyncio.create_task(anext(tail))
    await asyncio.sleep(2)
    await probe.change(kit_database, [new])
    message = await asyncio.wait_for(first, 10)
    await tail.aclose()
    assert (message.topic, message.aggregate_id, message.version) == (THING, new, 1)
    assert message.payload.startswith(b'{"id":')
    fixed = {name: value for name, value in message.headers.items() if name not in {"ce_id", "ce_time", "ce_log"}}
    assert fixed == {
        "ce_specversion": "1.0",
        "ce_source": "/filiera/probe",
        "ce_type": "filiera.probe.thing_changed.v1",
        "ce_subject": str(new),
        "ce_aggregateversion": "1",
        "content-type": "application/json",
    }
    assert UUID(message.headers["ce_id"])
    assert datetime.fromisoformat(message.headers["ce_time"]).tzinfo


async def test_topics_are_made_by_us_and_never_by_asking_for_them(settings: Settings) -> None:
    broker = Broker(settings)
    with pytest.raises(TimeoutError):
        async with broker.producer() as client, asyncio.timeout(1):
            await client.partitions_for(broker.topic("probe.unheard"))
    await create_topics(broker, ["probe.thing"])
    await create_topics(broker, ["probe.thing"])
    async with broker.producer() as client, asyncio.timeout(5):
        assert len(await client.partitions_for(broker.topic("probe.thing"))) == 12
    await broker.close()
