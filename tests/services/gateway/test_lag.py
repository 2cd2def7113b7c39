"""Every answer tells how many events it may be behind."""

from typing import Any

import httpx
import pytest
from sqlalchemy import text

from libs.kit.clock import SystemClock
from libs.kit.db import Database
from libs.kit.ids import new_id
from libs.kit.testing import eventually
from libs.messaging import outbox
from libs.read_models.lag import Lag
from libs.service.runtime import Kit, build
from services.gateway.app import api
from services.gateway.subscriptions import changes
from tests.conftest import Clients, Databases
from tests.services.gateway import world

QUERY = {"query": "{ parties(first: 1) { edges { node { name } } } }"}


async def lag_of(http: httpx.AsyncClient, **headers: str) -> Any:
    answer = await http.post("/graphql", json=QUERY, headers=headers)
    told = answer.text.partition("data: ")[2].partition("\n")[0] if headers else answer.text
    return httpx.Response(200, text=told).json()["extensions"]["lag"]


async def test_the_lag_is_told_as_long_as_there_is_one(client: Clients, database: Databases) -> None:
    http, db = await client("gateway", "lagging"), await database("gateway", "lagging")

    async def lags() -> list[Any]:
        return [await lag_of(http), await lag_of(http, accept="text/event-stream")]

    async def there_is_none() -> bool:
        return await lags() == [0, 0]

    async def there_is_one() -> bool:
        return all(await lags())

    await eventually(there_is_none, 30)
    async with db.work() as session:  # whoever writes waits for this, whoever reads does not
        await session.execute(text("LOCK TABLE party IN EXCLUSIVE MODE"))
        await tell(db, 30)
        await eventually(there_is_one, 10)
        assert 0 < await lag_of(http) <= 30
    await eventually(there_is_none, 30)


async def tell(db: Database, parties: int) -> None:
    async with db.write(role="gateway_worker") as session:
        await outbox.add(session, *(world.party() for _ in range(parties)))


async def test_who_has_not_joined_yet_does_not_know(ask: world.Asker) -> None:
    """This process consumes nothing: it cannot say that there is nothing."""
    answer = (await ask.http.post("/graphql", json=QUERY)).json()
    assert answer["extensions"]["lag"] is None


async def test_by_get_it_is_told_by_a_header(ask: world.Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "filiera-lag" not in (await ask.http.get("/graphql", params=QUERY)).headers
    await two_processes_share(monkeypatch, api.state.kit, 4)
    api.state.kit.lag["catalog.party"] = 3
    assert (await ask.http.get("/graphql", params=QUERY)).headers["filiera-lag"] == "7"


async def two_processes_share(monkeypatch: pytest.MonkeyPatch, kit: Kit, events: int) -> None:
    """This one, and another that is behind by so many events."""
    apart = kit.settings.model_copy(update={"topic_prefix": f"{new_id()}."})
    here, other = (build(apart, SystemClock()) for _ in range(2))
    other.lag["catalog.site"] = events
    monkeypatch.setattr(changes, "lag", Lag())
    await Lag().share(other)
    await changes.lag.share(here)
    await here.close()
    await other.close()
