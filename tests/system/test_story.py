"""The story of `./filiera demo`, and orders at the edge of what fits."""

from libs.demo.client import Platform
from libs.kit.testing import eventually
from tests.system import trade
from tests.system.running import Running


async def test_the_demo_holds_what_it_says(running: Running) -> None:
    done = running.run("demo", "--gateway", running.url)
    assert "confirmed" in done.stdout
    assert "refused" in done.stdout


async def test_an_order_that_does_not_fit_is_refused_with_the_reason(client: Platform) -> None:
    await trade.workshop(client, "plating", minutes=60)
    shirt = await trade.product(await trade.register(client, "brand", "Casa piena"), "plating")
    shop = await trade.register(client, "retailer", "Bottega piena")
    placed = await trade.order(shop, shirt, quantity=9_000, ahead=5)
    refused = "query Why($id: ID!) { node(id: $id) { ... on Order { state refusal { code message } } } }"

    async def reason() -> str | None:
        node = (await shop.ask(refused, id=placed))["node"]
        return str(node["refusal"]["message"]) if node["state"] == "REFUSED" else None

    message = await eventually(reason)
    assert "90000" in message.replace(",", "")
    assert "plating" in message


async def test_a_hold_that_nobody_confirms_gives_its_room_back(client: Platform) -> None:
    place = await trade.workshop(client, "stone_setting", minutes=100)
    brand = await trade.register(client, "brand", "Casa in ritardo")
    held = await trade.hold(brand, place.resource, ahead=3, quantity=100, seconds=1)
    await eventually(lambda: _is(brand, held, "EXPIRED"))
    await eventually(lambda: _free(brand, place.resource, 100))


async def test_a_cancelled_booking_gives_its_room_back(client: Platform) -> None:
    place = await trade.workshop(client, "polishing", minutes=100)
    brand = await trade.register(client, "brand", "Casa pentita")
    held = await trade.hold(brand, place.resource, ahead=3, quantity=100)
    booking = (await brand.do("confirmHold", "booking { id }", {"id": held}))["booking"]["id"]
    await eventually(lambda: _free(brand, place.resource, 0))
    await brand.do("cancelBooking", "booking { id }", {"id": booking})
    await eventually(lambda: _free(brand, place.resource, 100))


async def _is(actor: trade.Actor, identity: str, state: str) -> bool:
    return await trade.state_of(actor, identity) == state


async def _free(actor: trade.Actor, resource: str, minutes: int) -> bool:
    return await trade.free(actor, resource, 3) == minutes
