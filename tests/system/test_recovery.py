"""What is killed comes back by itself; nothing is lost and nothing is doubled."""

from libs.demo.client import Actor, Platform
from libs.kit.testing import eventually
from tests.system import trade
from tests.system.flow import orders_flowing, settled
from tests.system.running import Running


async def test_every_process_killed_once_under_load_comes_back_within_30_s(running: Running, client: Platform) -> None:
    async with orders_flowing(client, running) as acknowledged:
        for name in reversed(running.status()):
            before = len(acknowledged)
            old = running.kill(name)
            await eventually(lambda name=name, old=old: running.back(name, old), seconds=30)
            await eventually(lambda before=before: len(acknowledged) > before + 2, seconds=30)
    assert await settled(running) == []


async def test_a_broker_wiped_under_load_loses_nothing(running: Running, client: Platform) -> None:
    async with orders_flowing(client, running) as acknowledged:
        for _ in range(3):
            before = len(acknowledged)
            for name, old in running.wipe_kafka().items():
                await eventually(lambda name=name, old=old: running.back(name, old), seconds=60)
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
