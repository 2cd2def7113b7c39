"""A subscription goes on from the last event that its client has: what is the same is not told again."""

from typing import Any

import pytest

from libs.contracts import capacity, orders
from libs.contracts import capacity_queues as queues
from libs.kit.ids import new_id
from tests.services.gateway import world
from tests.services.gateway.conftest import Serve, Tell
from tests.services.gateway.sockets import DAY, OFFER, ORDER, an_order, wire
from tests.services.gateway.streams import events

OTHER_DAY = DAY.replace("held", "held blocked")


async def test_of_a_workshops_day_only_what_has_changed_is_told_again(address: str, tell: Tell) -> None:
    me = new_id()
    bench, press, loom = (world.resource(me, name=name) for name in ("Bench", "Press", "Loom"))
    await tell(bench, press, loom, world.bucket(bench))
    async with wire(address) as client:
        await client.begin(me, "workshop")
        await client.subscribe(DAY)
        told = [(await client.receive())["payload"] for _ in range(3)]
        ids = [one["extensions"]["eventId"] for one in told]
        assert len(set(ids)) == 3
    await tell(world.bucket(press, held=30))
    async with wire(address) as client:
        await client.begin(me, "workshop")
        await client.subscribe(DAY, last=ids[2])
        assert (await client.next("workshopDay"))["resource"]["name"] == "Press"
        assert await client.silent(2.5)
        await tell(world.later(loom, capacity.ResourceChanged, name="Jacquard"))
        assert (await client.next("workshopDay"))["resource"]["name"] == "Jacquard"
        await client.subscribe(DAY, "from the second", last=ids[1])
        names = [(await client.next("workshopDay"))["resource"]["name"] for _ in range(2)]
        assert sorted(names) == ["Jacquard", "Press"]


async def test_an_event_stream_goes_on_by_its_header_and_its_ids_are_those_of_the_answers(
    address: str, tell: Tell
) -> None:
    shop, order, its = await an_order(tell)
    async with events(address, ORDER, shop, variables=its) as stream:
        event = await stream.event_named("next")
        assert event["id"] in event["data"]
    for more in ({"last": event["id"]}, {"extensions": {"lastEventId": event["id"]}}):
        async with events(address, ORDER, shop, variables=its, **more) as stream:
            with pytest.raises(TimeoutError):
                await stream.told(seconds=2.5)
    await tell(world.later(order, orders.OrderReserved))
    async with events(address, ORDER, shop, variables=its, last=event["id"]) as stream:
        assert (await stream.next("order"))["version"] == 2


async def test_what_has_ended_meanwhile_is_told_and_complete_and_who_was_told_hears_that_alone(
    address: str, tell: Tell
) -> None:
    shop, bench = new_id(), world.resource(new_id())
    entry = world.waiting(shop, bench)
    offered = world.offered(entry, bench)
    await tell(offered)
    its = {"id": world.gid("WaitlistEntry", entry.id)}
    async with events(address, OFFER, shop, variables=its) as stream:
        offer = await stream.event_named("next")
    await tell(world.later(offered, queues.WaitlistAccepted, version=3, state=queues.WaitlistState.ACCEPTED))
    async with events(address, OFFER, shop, variables=its, last=offer["id"]) as stream:
        end = await stream.event_named("next")
        assert '"state":"ACCEPTED"' in end["data"]
        assert await stream.told() == ("complete", None)
    async with events(address, OFFER, shop, variables=its, last=end["id"]) as stream:
        assert await stream.told() == ("complete", None)


async def test_what_may_be_seen_no_more_meanwhile_is_complete(address: str, tell: Tell) -> None:
    bench = world.resource(new_id())
    order = world.order(new_id(), [world.product(new_id())], [bench])
    await tell(order)
    its = {"id": world.gid("Order", order.id)}
    async with events(address, ORDER, bench.party_id, variables=its) as stream:
        event = await stream.event_named("next")
    await tell(world.later(order, orders.OrderCancelled, state=orders.OrderState.CANCELLED, allocations=[]))
    async with events(address, ORDER, bench.party_id, variables=its, last=event["id"]) as stream:
        assert await stream.told() == ("complete", None)


async def test_for_anybody_else_or_for_other_fields_everything_is_told(address: str, tell: Tell) -> None:
    me, other = new_id(), new_id()
    await tell(world.resource(me, name="Bench"), world.resource(other, name="Press"))
    async with events(address, DAY, me, role="workshop") as stream:
        event = await stream.event_named("next")
    for party, query, name in ((other, DAY, "Press"), (me, OTHER_DAY, "Bench")):
        async with events(address, query, party, role="workshop", last=event["id"]) as stream:
            assert (await stream.next("workshopDay"))["resource"]["name"] == name


async def test_an_event_that_is_not_known_any_more_has_everything_told(
    serve: Serve, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, _, its = await an_order(tell)
    monkeypatch.setenv("FILIERA_REDIS", "redis://127.0.0.1:1/0")
    where = (await serve("gateway")).removeprefix("http://")
    last: dict[str, Any] = {}
    for _ in range(2):
        async with events(where, ORDER, shop, variables=its, **last) as stream:
            last = {"last": (await stream.event_named("next"))["id"]}


async def test_queries_have_no_event_id_for_they_tell_nothing_more(address: str) -> None:
    async with events(address, "{ __typename }") as stream:
        event = await stream.event_named("next")
        assert ("id" in event, "eventId" in event["data"]) == (False, False)
