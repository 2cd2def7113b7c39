"""The database goes away for some seconds: that is nobody's fault but its own, so nothing is parked."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from libs.kit.clock import SystemClock
from libs.kit.db import Database
from libs.kit.migrate import migrate
from libs.kit.settings import Settings
from libs.kit.testing import eventually
from libs.messaging.consumer import Consumer
from libs.messaging.parking import parked
from libs.messaging.relay import Relay
from libs.stack.child import Child, start_and_wait
from libs.stack.home import Home
from libs.stack.postgres import dsn, postgres
from tests.libs.messaging import probe
from tests.libs.messaging.conftest import Spawn

Start = Callable[[], None]


@pytest.fixture
async def own_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Child, Start]]:
    """A PostgreSQL of this test, with the probe's database."""
    home = Home(tmp_path / "home")
    home.make()
    child = postgres(home, durable=False)

    def start() -> None:
        start_and_wait([child], home.log, seconds=60)

    start()
    monkeypatch.setenv("FILIERA_POSTGRES", dsn(home))
    await migrate("probe", scripts=Path(__file__).parents[1])
    yield child, start
    child.kill()


@pytest.mark.parametrize("how", ["killed", "stopped"])
async def test_while_the_database_is_away_nothing_is_parked_and_then_everything_arrives(
    own_server: tuple[Child, Start], settings: Settings, spawn: Spawn, how: str
) -> None:
    server, start = own_server
    own = Settings(service="probe", topic_prefix=settings.topic_prefix)
    database = Database(own.url)
    spawn(Relay(database, own, SystemClock()).run())
    consumer = Consumer(database, own, probe.SUBSCRIPTIONS, SystemClock())
    spawn(consumer.run())
    ids = await probe.make(database, 20)
    await probe.change(database, ids, times=3)
    await eventually(lambda: probe.effects(database))
    for _ in range(2):
        writing = asyncio.create_task(probe.keep_writing(database, ids))
        await asyncio.sleep(1.5)
        if how == "killed":
            server.kill()
            await asyncio.sleep(4)
            start()
        else:
            server.send(signal.SIGSTOP)
            await asyncio.sleep(4)
            server.send(signal.SIGCONT)
        await probe.stop(writing)
    await probe.everything_had_its_effect_once(database, seconds=40)
    async with database.work() as session:
        assert await parked(session, "probe") == []
    await database.close()
