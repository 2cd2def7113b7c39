"""Every answer tells how many events it may be behind."""

from typing import Any

import httpx
from sqlalchemy import text

from libs.kit.db import Database
from libs.kit.testing import eventually
from libs.messaging import outbox
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
