"""Nobody sees what does not concern them. Fields are walked from the schema: a new one is covered by itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import msgspec
import pytest
from graphql import GraphQLField, GraphQLObjectType, get_named_type

from libs.contracts import Event, capacity
from libs.kit.ids import new_id
from services.gateway.api.schema import schema
from services.gateway.api.types import TOPICS
from tests.services.gateway import world
from tests.services.gateway.conftest import Tell

PRIVATE = {"Hold", "Booking", "Order", "WaitlistEntry", "PoolShare"}


@dataclass
class Trade:
    """A shop that ordered from two brands, made by two workshops, with a hold and a booking beside."""

    shop: UUID
    brands: list[UUID]
    workshops: list[UUID]
    events: list[Event]

    def id_of(self, name: str) -> str:
        [found] = [event for event in self.events if event.topic == TOPICS[name]]
        return world.gid(name, found.id)


@pytest.fixture
async def trade(tell: Tell) -> Trade:
    shop, *others = (new_id() for _ in range(5))
    brands, workshops = others[:2], others[2:]
    products = [world.product(brand) for brand in brands]
    benches = [world.resource(workshop) for workshop in workshops]
    events = [world.hold(shop, *benches), world.booking(shop, *benches), world.order(shop, products, benches)]
    events += [world.waiting(shop, benches[0]), world.share(shop, world.pool(benches[0]))]
    await tell(*products, *benches, *events)
    return Trade(shop, brands, workshops, events)


def fields_that_answer_private_things() -> Iterator[tuple[GraphQLObjectType, str, GraphQLField]]:
    """Every field that leads to a private thing, but for those of what services answer: it is for who asks alone."""
    for type_ in schema.graphql.type_map.values():
        found_here = type_.name.endswith(("Query", "Subscription", "Connection", "Edge"))
        if isinstance(type_, GraphQLObjectType) and (type_.interfaces or found_here):
            for name, field in type_.fields.items():
                target = get_named_type(field.type).name.removesuffix("Connection").removesuffix("Edge")
                if target in PRIVATE or target == "Node":
                    yield type_, name, field


def selection(field: GraphQLField) -> str:
    name = get_named_type(field.type).name
    return "{ edges { node { id } } }" if name.endswith("Connection") else "{ __typename id }"


def query_for(type_: GraphQLObjectType, name: str, field: GraphQLField) -> str | None:
    """A query that reaches the field from `$id`; None if it is reached through another of the walk."""
    if type_.name == "Subscription" or type_.name.endswith(("Edge", "Connection")):
        return None
    argument = "(id: $id)" if "id" in field.args else ""
    if type_.name == "Query":
        return f"query($id: ID = null) {{ node(id: $id) {{ id }} found: {name}{argument} {selection(field)} }}".replace(
            "ID = null", "ID!"
        )
    return f"query($id: ID!) {{ node(id: $id) {{ ... on {type_.name} {{ {name} {selection(field)} }} }} }}"


def test_the_walk_knows_every_way_to_private_things() -> None:
    found = {f"{type_.name}.{name}" for type_, name, _ in fields_that_answer_private_things()}
    assert {"Query.node", "Query.orders", "Hold.order", "OrderEdge.node", "Subscription.order"} <= found


@pytest.mark.parametrize("who", ["stranger", "nobody"])
async def test_no_field_shows_a_stranger_anything(ask: world.Asker, trade: Trade, who: str) -> None:
    asker = ask.as_(new_id()) if who == "stranger" else ask
    walked = 0
    for type_, name, field in fields_that_answer_private_things():
        if query := query_for(type_, name, field):
            for private in PRIVATE:
                answer = await asker.data(query, id=trade.id_of(private))
                assert answer["node"] is None
                assert answer.get("found") in (None, {"edges": []}), f"{type_.name}.{name}"
                walked += 1
    assert walked >= 4 * len(PRIVATE)


@pytest.mark.parametrize("private", sorted(PRIVATE))
async def test_a_strangers_answer_is_that_of_what_does_not_exist(ask: world.Asker, trade: Trade, private: str) -> None:
    stranger = ask.as_(new_id(), "hub")
    query = "query($id: ID!) { node(id: $id) { __typename } }"
    answers = [await stranger.answer(query, id=one) for one in (trade.id_of(private), world.gid(private, new_id()))]
    assert answers[0] == answers[1]


async def test_what_concerns_a_party_is_in_its_lists(ask: world.Asker, trade: Trade) -> None:
    lists = ("holds", "bookings", "orders", "waitlist", "poolShares")
    query = f"{{ {' '.join(f'{one} {{ edges {{ node {{ id }} }} }}' for one in lists)} }}"
    for party in (trade.shop, *trade.workshops):
        found = msgspec.json.encode(await ask.as_(party).data(query)).decode()
        own = PRIVATE if party == trade.shop else PRIVATE - {"WaitlistEntry", "PoolShare"}
        assert {private for private in PRIVATE if trade.id_of(private) in found} == own
    for brand in trade.brands:
        found = await ask.as_(brand, "brand").data(query)
        assert (found["holds"]["edges"], found["bookings"]["edges"]) == ([], [])
        assert found["orders"]["edges"] == [{"node": {"id": trade.id_of("Order")}}]


async def test_lists_can_be_asked_by_state(ask: world.Asker, trade: Trade) -> None:
    query = "{ held: holds(state: HELD) { edges { node { state } } } gone: holds(state: EXPIRED) { edges { cursor } } }"
    found = await ask.as_(trade.shop).data(query)
    assert (found["held"]["edges"], found["gone"]["edges"]) == ([{"node": {"state": "HELD"}}], [])


async def test_an_order_shows_each_party_its_part(ask: world.Asker, trade: Trade) -> None:
    query = """query($id: ID!) { node(id: $id) { ... on Order { total { amount } lines { product { brand { id } } sku }
        allocations { quantity resource { id } } } } }"""

    async def seen(party: UUID) -> tuple[bool, int, int]:
        found = (await ask.as_(party).data(query, id=trade.id_of("Order")))["node"]
        return found["total"] is not None, len(found["lines"]), len(found["allocations"])

    assert await seen(trade.shop) == (True, 2, 2)
    assert await seen(trade.brands[0]) == (False, 1, 0)
    assert await seen(trade.workshops[0]) == (False, 2, 1)


async def test_a_booking_shows_its_price_to_who_booked_and_to_who_makes_all(
    ask: world.Asker, tell: Tell, trade: Trade
) -> None:
    query = "query($id: ID!) { node(id: $id) { ... on Booking { price { amount } allocations { day } } } }"

    async def seen(party: UUID, id_: str) -> tuple[bool, int]:
        found = (await ask.as_(party).data(query, id=id_))["node"]
        return found["price"] is not None, len(found["allocations"])

    assert await seen(trade.shop, trade.id_of("Booking")) == (True, 2)
    assert await seen(trade.workshops[0], trade.id_of("Booking")) == (False, 1)
    bench = world.resource(new_id())
    alone = world.booking(trade.shop, bench)
    await tell(alone)
    assert await seen(bench.party_id, world.gid("Booking", alone.id)) == (True, 1)


@pytest.fixture
async def bench(tell: Tell) -> str:
    bench = world.resource(WORKSHOP)
    await tell(bench, world.bucket(bench))
    return world.gid("Resource", bench.id)


WORKSHOP = new_id()


async def test_how_a_day_is_split_is_for_its_workshop_alone(ask: world.Asker, bench: str) -> None:
    query = 'query($id: ID!) { node(id: $id) { ... on Resource { buckets(from: "2031-03-03", days: 1) {'
    query += " published available held committed blocked } } } }"
    public = {"published": 480, "available": 300, "held": None, "committed": None, "blocked": None}
    for asker in (ask, ask.as_(new_id(), "workshop")):
        assert (await asker.data(query, id=bench))["node"]["buckets"] == [public]
    split = {"held": 60, "committed": 100, "blocked": 20}
    found = (await ask.as_(WORKSHOP, "workshop").data(query, id=bench))["node"]["buckets"]
    assert found == [public | split]


@pytest.mark.parametrize(("who", "sees"), [("workshop", True), ("guest", True), ("stranger", False), ("nobody", False)])
async def test_a_private_resource_and_its_days_are_there_for_the_invited_alone(
    ask: world.Asker, tell: Tell, who: str, sees: bool
) -> None:
    parties = {name: new_id() for name in ("workshop", "guest", "stranger")}
    plain = world.resource(parties["workshop"])
    terms = msgspec.structs.replace(plain.terms, visibility="private", invited=[parties["guest"]])
    hidden = world.later(plain, capacity.TermsChanged, terms=terms)
    await tell(plain, hidden, world.bucket(hidden))
    asker = ask.as_(parties[who]) if who in parties else ask
    query = "query($r: ID!, $b: ID!, $w: ID!) { resource: node(id: $r) { id } bucket: node(id: $b) { id }"
    query += " resources(workshopId: $w) { edges { node { id } } } }"
    ids = {"r": world.gid("Resource", plain.id), "b": world.gid("Bucket", f"{plain.id}/{world.MONDAY}")}
    found = await asker.data(query, **ids, w=world.gid("Party", parties["workshop"]))
    shown = [found["resource"], found["bucket"], found["resources"]["edges"]]
    assert shown == ([{"id": ids["r"]}, {"id": ids["b"]}, [{"node": {"id": ids["r"]}}]] if sees else [None, None, []])


@pytest.mark.parametrize(("who", "sees"), [("workshop", True), ("guest", True), ("stranger", False), ("nobody", False)])
async def test_a_pool_is_there_for_whoever_sees_its_resource_as_that_is_now(
    ask: world.Asker, tell: Tell, who: str, sees: bool
) -> None:
    parties = {name: new_id() for name in ("workshop", "guest", "stranger")}
    bench = world.resource(parties["workshop"])
    terms = msgspec.structs.replace(bench.terms, visibility="private", invited=[parties["guest"]])
    pool = world.pool(bench)
    asker = ask.as_(parties[who]) if who in parties else ask
    query = "query($p: ID!, $r: ID!) { pool: node(id: $p) { id } node(id: $r) { ... on Resource {"
    query += " pools { edges { node { id pledged shares { edges { cursor } } } } } } } }"
    ids = {"p": world.gid("Pool", pool.id), "r": world.gid("Resource", bench.id)}
    await tell(pool)
    assert (await asker.data(query, **ids))["pool"] is None  # whose resource is not known yet: nobody knows who may
    await tell(bench, world.share(parties["guest"], pool, quantity=90))
    found = await asker.data(query, **ids)
    [edge] = found["node"]["pools"]["edges"]
    assert (found["pool"], edge["node"]["pledged"]) == ({"id": ids["p"]}, 0)
    assert len(edge["node"]["shares"]["edges"]) == (who == "guest")
    await tell(world.later(bench, capacity.TermsChanged, terms=terms))
    found = await asker.data(query, **ids)
    assert [bool(found["pool"]), bool(found["node"])] == [sees, sees]
