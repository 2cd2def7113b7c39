"""An operator in a pod has nothing but the service's own settings, and can look after its events with them."""

import asyncio

import pytest
from sqlalchemy import text

from libs.contracts import catalog
from libs.contracts.values import PartyKind
from libs.kit.ids import new_id
from libs.messaging import outbox, parking
from libs.messaging.delivery import Message
from libs.service.events import main
from tests.conftest import Databases

SENT = text("UPDATE outbox SET sent_at = clock_timestamp() WHERE aggregateid = :key")
WAITS = text("SELECT array_agg(version) FROM outbox WHERE aggregateid = :key AND sent_at IS NULL")


async def command(*words: str) -> None:
    await asyncio.to_thread(main, words)  # it has a loop of its own


@pytest.fixture(autouse=True)
def settings(worker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILIERA_DATABASE", f"catalog_{worker}")


async def test_the_newest_state_is_told_again(database: Databases, capsys: pytest.CaptureFixture[str]) -> None:
    service, key = await database("catalog"), new_id()
    async with service.work() as session:
        for version in (1, 2):
            event = catalog.PartyRenamed(id=key, version=version, kind=PartyKind.BRAND, name=f"Velmira {version}")
            await outbox.add(session, event)
        await session.execute(SENT, {"key": key})
    await command("republish", "catalog")
    async with service.work() as session:
        assert await session.scalar(WAITS, {"key": key}) == [2]
    assert "aggregates of catalog are being sent again" in capsys.readouterr().out


async def test_what_is_parked_is_shown_with_its_reason(database: Databases, capsys: pytest.CaptureFixture[str]) -> None:
    service, key = await database("catalog"), new_id()
    message = Message("orders.order", key, 3, {"ce_type": "filiera.orders.order_placed.v1"}, b"{}")
    async with service.work() as session:
        await parking.park(session, "catalog", [(message, "no such product")])
    await command("parked", "catalog")
    said = capsys.readouterr().out
    assert f"catalog: filiera.orders.order_placed.v1 v3 of {key}" in said
    assert "no such product" in said
