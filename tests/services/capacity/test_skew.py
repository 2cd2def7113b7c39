"""A service whose clock is wrong by five minutes, either way: what counts as now is the database's clock."""

from datetime import UTC, datetime, timedelta

import pytest

from libs.kit.clock import SystemClock
from libs.kit.ids import new_id
from libs.kit.testing import eventually, headers
from libs.service import app
from tests.conftest import Clients, Databases
from tests.services.capacity import world


def wrong_by(minutes: int) -> type[SystemClock]:
    class Wrong(SystemClock):
        def now(self) -> datetime:
            return super().now() + timedelta(minutes=minutes)

    return Wrong


@pytest.mark.parametrize("minutes", [-5, 5])
async def test_a_wrong_clock_changes_nothing(
    client: Clients, database: Databases, monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    monkeypatch.setattr(app, "SystemClock", wrong_by(minutes))
    api, bench, party = await client("capacity"), world.a_resource(), new_id()
    db = await database("capacity")
    await world.publish(db, bench)

    async def hold(seconds: int) -> dict[str, str]:
        part = {"resource_id": str(bench.id), "day": str(world.day(1)), "quantity": 100}
        body = {"allocations": [part], "seconds": seconds}
        answer = await api.post("/holds", json=body, headers=headers(party, "brand"))
        assert answer.status_code == 201
        return dict(answer.json())

    asked, long, short = datetime.now(UTC), await hold(900), await hold(1)
    ends = datetime.fromisoformat(long["expires_at"])
    assert timedelta(seconds=890) < ends - asked < timedelta(seconds=960)

    async def swept() -> bool:
        return await world.bucket(db, bench, world.day(1)) == (480, 100, 0)

    await eventually(swept)
    late = await api.post(f"/holds/{short['id']}/confirm", headers=headers(party, "brand"))
    assert late.json()["code"] == "HOLD_EXPIRED"
    firm = await api.post(f"/holds/{long['id']}/confirm", headers=headers(party, "brand"))
    assert firm.status_code == 200
    assert await world.bucket(db, bench, world.day(1)) == (480, 0, 100)
    assert await world.faults(db, bench) == []
