"""Orders under way while something happens to the platform, and whether its books balance afterwards."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from libs.demo.client import Actor, Platform
from libs.kit.testing import eventually
from tests.system import trade
from tests.system.books import at_rest, faults
from tests.system.running import Running


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
    """Wait until the platform is at rest; then the faults in its books, and where its ledger is not what was told."""
    await eventually(lambda: at_rest(running), seconds=60)
    return await faults(running) + await asyncio.to_thread(running.audit)
