"""What can be read: lists paged exactly once, nodes by their ids, days of resources, and clear errors."""

from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from msgspec.structs import replace

from libs.contracts import catalog, orders
from libs.kit.ids import new_id
from tests.services.gateway import world
from tests.services.gateway.conftest import Tell

NODE = "query($id: ID!) { node(id: $id) { __typename id } }"


async def pages(ask: world.Asker, field: str, arguments: str, first: int) -> list[str]:
    """Every id of a list, page by page, checking what each page says of itself."""
    found: list[str] = []
    after = None
    while True:
        query = f"query($after: String) {{ {field}(first: {first}, after: $after, {arguments}) {{"
        query += " edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"
        page = (await ask.data(query, after=after))[field]
        info, edges = page["pageInfo"], page["edges"]
        assert info["hasPreviousPage"] == (after is not None)
        assert (info["startCursor"], info["endCursor"]) == (edges[0]["cursor"], edges[-1]["cursor"])
        found += [edge["node"]["id"] for edge in edges]
        if not info["hasNextPage"]:
            return found
        assert len(edges) == first
        after = info["endCursor"]


@pytest.mark.parametrize("first", [1, 3, 7, 100])
async def test_paging_gives_every_item_exactly_once_newest_first(ask: world.Asker, tell: Tell, first: int) -> None:
    workshop = new_id()
    resources = [world.resource(workshop) for _ in range(14)]
    await tell(*resources)
    found = await pages(ask, "resources", f'workshopId: "{world.gid("Party", workshop)}"', first)
    assert found == [world.gid("Resource", one.id) for one in sorted(resources, key=lambda r: r.id, reverse=True)]


async def test_parties_of_one_name_are_paged_exactly_once_too(ask: world.Asker, tell: Tell) -> None:
    name = f"Zeta {uuid4()}"
    parties = [world.party(name=f"{name} {'b' if number % 2 else 'a'}", id=uuid4()) for number in range(9)]
    await tell(*parties)
    found = await pages(ask, "parties", f'name: "{name.upper()}"', 2)
    assert found == [world.gid("Party", one.id) for one in sorted(parties, key=lambda p: (p.name, p.id))]


async def test_lists_of_several_parents_are_each_their_own(ask: world.Asker, tell: Tell) -> None:
    name = f"Omega {uuid4()}"
    owners = [world.party(name=f"{name} {number}") for number in range(3)]
    owned = {one.id: [world.resource(one.id) for _ in range(number)] for number, one in enumerate(owners)}
    await tell(*owners, *(resource for resources in owned.values() for resource in resources))
    query = "query($n: String) { parties(name: $n) { edges { node { resources(first: 1) {"
    query += " edges { node { workshop { name } } } pageInfo { hasNextPage } } } } } }"
    edges = (await ask.data(query, n=name))["parties"]["edges"]
    shown = [edge["node"]["resources"] for edge in edges]
    assert [len(one["edges"]) for one in shown] == [0, 1, 1]
    assert [one["pageInfo"]["hasNextPage"] for one in shown] == [False, False, True]
    assert [e["node"]["workshop"]["name"] for one in shown for e in one["edges"]] == [o.name for o in owners[1:]]


async def test_lists_are_filtered(ask: world.Asker, tell: Tell) -> None:
    brand = world.party("brand", f"Brand {uuid4()}")
    sold, gone = world.product(brand.id), world.product(brand.id)
    await tell(brand, sold, gone, world.later(gone, catalog.ProductWithdrawn))
    query = "query($b: ID, $n: String) { products(brandId: $b) { edges { node { id offered } } }"
    query += " brands: parties(kind: BRAND, name: $n) { edges { node { kind } } }"
    query += " labs: parties(kind: LAB, name: $n) { edges { node { kind } } } }"
    found = await ask.data(query, b=world.gid("Party", brand.id), n=brand.name)
    assert found["products"]["edges"] == [{"node": {"id": world.gid("Product", sold.id), "offered": True}}]
    assert (found["brands"]["edges"], found["labs"]["edges"]) == ([{"node": {"kind": "BRAND"}}], [])


async def test_a_resource_is_at_a_site_only_if_both_are_one_partys(ask: world.Asker, tell: Tell) -> None:
    owner, other = new_id(), new_id()
    site = world.site(owner)
    own, foreign = world.resource(owner, site_id=site.id), world.resource(other, site_id=site.id)
    await tell(site, own, foreign)
    query = "query($id: ID!) { node(id: $id) { ... on Site { resources { edges { node { id } } } } } }"
    shown = (await ask.data(query, id=world.gid("Site", site.id)))["node"]["resources"]["edges"]
    assert shown == [{"node": {"id": world.gid("Resource", own.id)}}]
    query = "query($id: ID!) { node(id: $id) { ... on Resource { site { id } } } }"
    sites = [(await ask.data(query, id=world.gid("Resource", one.id)))["node"]["site"] for one in (own, foreign)]
    assert sites == [{"id": world.gid("Site", site.id)}, None]


async def test_a_withdrawn_product_is_still_found_by_its_id(ask: world.Asker, tell: Tell) -> None:
    one = world.product(new_id())
    await tell(one, world.later(one, catalog.ProductWithdrawn))
    query = "query($id: ID!) { node(id: $id) { ... on Product { offered version price { amount currency } } } }"
    price = {"amount": 9_900, "currency": "EUR"}
    expected = {"offered": False, "version": 2, "price": price}
    assert (await ask.data(query, id=world.gid("Product", one.id)))["node"] == expected


async def test_every_aggregate_is_a_node(ask: world.Asker, tell: Tell) -> None:
    me = new_id()
    bench, shirt = world.resource(me), world.product(me)
    told = [world.party(id=me), world.site(me), shirt, bench, world.hold(me, bench), world.booking(me, bench)]
    told.append(world.order(me, [shirt], [bench]))
    await tell(*told)
    for event in told:
        name = event.topic.split(".")[1].capitalize()
        wanted = world.gid(name, event.id)
        assert (await ask.as_(me).data(NODE, id=wanted))["node"] == {"__typename": name, "id": wanted}


async def test_a_day_nobody_touched_offers_what_the_calendar_says(ask: world.Asker, tell: Tell) -> None:
    bench = world.resource(new_id())
    await tell(bench, world.bucket(bench))
    query = 'query($id: ID!) { node(id: $id) { ... on Resource { buckets(from: "2031-03-01", days: 7) {'
    query += " id day published available } } } }"
    days = (await ask.data(query, id=world.gid("Resource", bench.id)))["node"]["buckets"]
    assert [(one["published"], one["available"]) for one in days] == [
        (0, 0),
        (0, 0),
        (480, 300),
        (480, 480),
        (240, 240),
        (480, 480),
        (480, 480),
    ]
    again = "query($id: ID!) { node(id: $id) { ... on Bucket { id day published available resource { name } } } }"
    assert (await ask.data(again, id=days[2]["id"]))["node"] == days[2] | {"resource": {"name": "Bench"}}


async def test_outside_its_calendar_a_resource_offers_nothing(ask: world.Asker, tell: Tell) -> None:
    bench = world.resource(new_id())
    await tell(bench)
    query = (
        'query($id: ID!) { node(id: $id) { ... on Resource { buckets(from: "2031-12-31", days: 2) { available } } } }'
    )
    days = (await ask.data(query, id=world.gid("Resource", bench.id)))["node"]["buckets"]
    assert days == [{"available": 480}, {"available": 0}]


async def test_an_order_shows_its_lines_plan_and_refusal(ask: world.Asker, tell: Tell) -> None:
    buyer, brand, workshop = (world.party(kind) for kind in ("retailer", "brand", "workshop"))
    shirt, bench = world.product(brand.id), world.resource(workshop.id)
    placed = world.order(buyer.id, [shirt])
    await tell(buyer, brand, workshop, shirt, bench, placed)
    plan = [world.allocation(bench)]
    await tell(world.later(placed, orders.OrderReserved, state=orders.OrderState.RESERVED, allocations=plan))
    query = """query($id: ID!) { node(id: $id) { ... on Order { state total { amount } buyer { id } refusal { code }
        lines { sku quantity product { name } brand { id } needs { process minutes } }
        allocations { day quantity resource { name } workshop { id } } } } }"""
    shown = (await ask.as_(buyer.id).data(query, id=world.gid("Order", placed.id)))["node"]
    assert shown == {
        "state": "RESERVED",
        "total": {"amount": 29_700},
        "buyer": {"id": world.gid("Party", buyer.id)},
        "refusal": None,
        "lines": [
            {
                "sku": "S",
                "quantity": 3,
                "product": {"name": "Overshirt"},
                "brand": {"id": world.gid("Party", brand.id)},
                "needs": [{"process": "cutting", "minutes": 42}],
            }
        ],
        "allocations": [
            {
                "day": "2031-03-03",
                "quantity": 60,
                "resource": {"name": "Bench"},
                "workshop": {"id": world.gid("Party", workshop.id)},
            }
        ],
    }


async def test_an_order_that_was_moved_shows_the_days_that_its_buyer_agreed_to(ask: world.Asker, tell: Tell) -> None:
    buyer, workshop = world.party("retailer"), world.party()
    shirt, bench = world.product(new_id()), world.resource(workshop.id)
    placed = world.order(buyer.id, [shirt], [bench], state=orders.OrderState.CONFIRMED)
    moved = [replace(part, day=date(2031, 3, 24)) for part in placed.allocations]
    await tell(bench, placed)
    query = "query($id: ID!) { node(id: $id) { ... on Order { state dueDay allocations { day } } } }"
    for event, due, day in (
        (world.later(placed, orders.OrderDisplaced, version=2, stage="displaced"), "2031-03-20", "2031-03-03"),
        (world.later(placed, orders.OrderMoved, version=3, stage="moved"), "2031-03-20", "2031-03-03"),
        (
            world.later(placed, orders.OrderConfirmed, version=4, allocations=moved, due_day=date(2031, 3, 24)),
            "2031-03-24",
            "2031-03-24",
        ),
    ):
        await tell(event)
        shown = (await ask.as_(buyer.id).data(query, id=world.gid("Order", placed.id)))["node"]
        assert shown == {"state": "CONFIRMED", "dueDay": due, "allocations": [{"day": day}]}


async def test_the_viewer_is_who_the_token_says(ask: world.Asker, tell: Tell) -> None:
    me = world.party("brand")
    await tell(me)
    query = "{ viewer { partyId role party { name } } }"
    assert (await ask.data(query))["viewer"] is None
    expected = {"partyId": world.gid("Party", me.id), "role": "BRAND", "party": {"name": me.name}}
    assert (await ask.as_(me.id, "brand").data(query))["viewer"] == expected


@pytest.mark.parametrize("id_", ["", "x", "UGFydHk=", "UGFydHk6", "%%%", "é", world.gid("Party", "1"), "A" * 100_000])
async def test_an_id_that_is_none_of_ours_is_a_clear_error(ask: world.Asker, id_: str) -> None:
    error = await ask.error(NODE, id=id_)
    assert error["extensions"] == {"code": "INVALID_ID"}
    assert error["message"] == "This is no id of ours. Send an `id` exactly as an answer gave it."


async def test_an_id_of_no_object_or_of_no_type_is_null(ask: world.Asker) -> None:
    for name in ("Party", "Order", "Money", "Nonsense"):
        assert (await ask.data(NODE, id=world.gid(name, new_id())))["node"] is None
    for key in (f"{new_id()}/2031-03-03", "x", f"{new_id()}/never", f"{new_id()}"):
        assert (await ask.data(NODE, id=world.gid("Bucket", key)))["node"] is None


async def test_an_id_of_the_wrong_type_is_a_clear_error(ask: world.Asker) -> None:
    query = "query($id: ID) { resources(workshopId: $id) { edges { node { id } } } }"
    error = await ask.error(query, id=world.gid("Order", new_id()))
    assert error["message"] == "This is the id of a Order; one of a Party is needed."


async def cursor_of(ask: world.Asker, field: str) -> str:
    return (await ask.data(f"{{ {field}(first: 1) {{ pageInfo {{ endCursor }} }} }}"))[field]["pageInfo"]["endCursor"]


@pytest.mark.parametrize("cursor", ["x", "W10=", "bnVsbA==", "WyJvcmRlcnMub3JkZXIiXQ==", "é", "=", "A" * 50_000])
async def test_a_malformed_cursor_is_a_clear_error(ask: world.Asker, cursor: str) -> None:
    query = "query($a: String) { resources(after: $a) { edges { cursor } } }"
    error = await ask.error(query, a=cursor)
    assert error["extensions"] == {"code": "INVALID_CURSOR"}


async def test_a_cursor_of_another_list_is_refused(ask: world.Asker, tell: Tell) -> None:
    await tell(world.party(), world.resource(new_id()))
    cursor = await cursor_of(ask, "parties")
    error = await ask.error("query($a: String) { resources(after: $a) { edges { cursor } } }", a=cursor)
    assert error["extensions"] == {"code": "INVALID_CURSOR"}


@pytest.mark.parametrize("first", [0, -1, 101, 2**31 - 1])
async def test_a_page_has_1_to_100_items(ask: world.Asker, first: int) -> None:
    error = await ask.error("query($n: Int!) { parties(first: $n) { edges { cursor } } }", n=first)
    assert error["message"] == "`first` must be 1 to 100."


@pytest.mark.parametrize("days", [0, 93])
async def test_days_are_asked_for_within_a_quarter(ask: world.Asker, tell: Tell, days: int) -> None:
    bench = world.resource(new_id())
    await tell(bench)
    query = "query($id: ID!, $d: Int!) { node(id: $id) { ... on Resource {"
    query += ' buckets(from: "2031-03-01", days: $d) { day } } } }'
    error = await ask.error(query, id=world.gid("Resource", bench.id), d=days)
    assert (error["message"], error["path"]) == ("`days` must be 1 to 92.", ["node", "buckets"])


async def test_a_day_beyond_the_calendar_is_refused_and_not_a_fault(ask: world.Asker, tell: Tell) -> None:
    place = world.resource(new_id())
    await tell(place)
    query = 'query($id: ID!) { node(id: $id) { ... on Resource { buckets(from: "9999-12-31") { day } } } }'
    error = await ask.error(query, id=world.gid("Resource", place.id))
    assert error["message"] == "`from` is too far away; choose an earlier day."


async def test_a_list_of_any_length_takes_a_bounded_number_of_reads(
    ask: world.Asker, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    from services.gateway import store

    workshops = [world.party() for _ in range(20)]
    await tell(*workshops, *(world.resource(one.id, processes=["looping"]) for one in workshops))
    reads: list[str] = []
    for name in ("by_ids", "page", "pages", "buckets"):
        real = getattr(store, name)

        async def counted(*args: Any, real: Any = real, name: str = name, **given: Any) -> Any:
            reads.append(name)
            return await real(*args, **given)

        monkeypatch.setattr(store, name, counted)
    query = '{ resources(process: "looping") { edges { node { workshop { name sites { edges { node { name } } } }'
    query += ' site { name } buckets(from: "2031-03-03") { available } } } } }'
    assert len((await ask.data(query))["resources"]["edges"]) == 20
    assert sorted(reads) == ["buckets", "by_ids", "by_ids", "page", "pages"]
