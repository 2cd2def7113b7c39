"""What is killed comes back by itself; nothing is lost and nothing is doubled."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from libs.demo.client import Actor, Platform
from libs.kit.testing import eventually
from tests.system import trade
from tests.system.books import at_rest, faults
from tests.system.running import Running

PROCESSES = ("gateway", "catalog", "capacity", "orders", "broker", "valkey", "postgres")


@asynccontextmanager
async def orders_flowing(client: Platform, running: Running) -> AsyncIterator[list[str]]:
    """Two shops place orders one after another, each retried under one key until it is acknowledged.

    At the end the orders that these shops have are exactly those acknowledged, each once.
    """
    await trade.workshop(client, "cutting", minutes=240)
    shirt = await trade.product(await trade.register(client, "brand", "Casa di prova"), "cutting")
    acknowledged: list[str] = []
    stop = asyncio.Event()

    async def place(shop: Actor) -> None:
        while not stop.is_set():
            acknowledged.append(await trade.order(shop, shirt, patience=60))
            await asyncio.sleep(0.02)

    shops = [await trade.register(client, "retailer", f"Shop {n}") for n in range(2)]
    placing = [asyncio.create_task(place(shop)) for shop in shops]
    try:
        yield acknowledged
    finally:
        stop.set()
        await asyncio.gather(*placing)
    theirs = [str(shop.party) for shop in shops]
    rows = await running.ask("orders", "SELECT id::text FROM orders WHERE party_id = ANY ($1::uuid[])", theirs)
    assert sorted(row["id"] for row in rows) == sorted(map(trade.bare, acknowledged))


async def settled(running: Running) -> list[str]:
    """Wait until the platform is at rest, then the faults in its books."""
    await eventually(lambda: at_rest(running), seconds=60)
    return await faults(running)


async def test_every_process_killed_once_under_load_comes_back_within_30_s(running: Running, client: Platform) -> None:
    async with orders_flowing(client, running) as acknowledged:
        for name in PROCESSES:
            before = len(acknowledged)
            old = running.kill(name)
            await eventually(lambda name=name, old=old: running.back(name, old), seconds=30)
            await eventually(lambda before=before: len(acknowledged) > before + 2, seconds=30)
    assert await settled(running) == []


async def test_a_broker_wiped_under_load_loses_nothing(running: Running, client: Platform) -> None:
    async with orders_flowing(client, running) as acknowledged:
        for _ in range(3):
            before = len(acknowledged)
            old = running.kill("broker")
            await eventually(lambda old=old: running.back("broker", old), seconds=30)
            await eventually(lambda before=before: len(acknowledged) > before + 5, seconds=30)
    assert await settled(running) == []


async def test_a_stopped_catalog_does_not_stop_the_shop(running: Running, client: Platform) -> None:
    await trade.workshop(client, "linking")
    shirt = await trade.product(await trade.register(client, "brand", "Casa ferma"), "linking")
    shop = await trade.register(client, "retailer", "Bottega")
    await trade.order(shop, shirt)
    with running.paused("catalog"):
        placed = await trade.order(shop, shirt)
        products = await shop.ask("query { products(first: 5) { edges { node { id name } } } }")
        assert products["products"]["edges"]
        await eventually(lambda: _confirmed(shop, placed))


async def _confirmed(shop: Actor, order: str) -> bool:
    return await trade.state_of(shop, order) == "CONFIRMED"


async def test_data_is_kept_across_a_restart(running: Running, client: Platform) -> None:
    await trade.workshop(client, "casting")
    shirt = await trade.product(await trade.register(client, "brand", "Casa che resta"), "casting")
    shop = await trade.register(client, "retailer", "Bottega che resta")
    placed = await trade.order(shop, shirt)
    await eventually(lambda: _confirmed(shop, placed))
    running.run("down")
    running.up()
    assert await trade.state_of(shop, placed) == "CONFIRMED"
    assert await settled(running) == []
