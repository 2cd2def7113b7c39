"""Waiting for room, and sharing it, by GraphQL alone: capacity, the gateway and what lies between them are real."""

from datetime import datetime, timedelta
from typing import Any

from libs.kit.ids import new_id
from libs.kit.testing import eventually
from services.capacity.domain.offer import Resource
from tests.conftest import Databases
from tests.services.capacity.world import a_resource, day, hold, publish, release
from tests.services.gateway import world
from tests.services.gateway.streams import events
from tests.services.gateway.test_commands import FAILURE, do

ENTRY = "waitlistEntry { id version state resource { id } process currency quantity firstDay waiting { id } holdId }"
SHARE = "poolShare { id state quantity atMost { amount } price { amount } pool { id state pledged } }"
POOL = "pool { id version state quantity minimum pledged closesAt setupPrice { amount } }"
WAITLIST = """query($state: WaitlistState) { waitlist(state: $state) { edges { node {
    id state hold { id state } booking { id } } } } }"""
PLACE = "query($id: ID!) { placeInLine(id: $id) { ahead entry { id state } } }"
OFFER = """subscription($id: ID!) { waitlistOffer(id: $id) {
    state holdId expiresAt allocations { day quantity resource { id } } } }"""
POOLS = """query($id: ID!) { pools(first: 100, state: OPEN) { edges { node { id } } } node(id: $id) { ... on Pool {
    state pledged resource { id } workshop { id } shares { edges { node { id } } } } } }"""
SHARES = "query($state: ShareState) { poolShares(state: $state) { edges { node { id booking { id } } } } }"


def mutation(name: str, answer: str) -> str:
    title = name[0].upper() + name[1:]
    return f"""mutation($input: {title}Input!) {{ {name}(input: $input) {{ {FAILURE}
        ... on {title}Success {{ after {answer} }} }} }}"""


JOIN, LEAVE = mutation("joinWaitlist", ENTRY), mutation("leaveWaitlist", ENTRY)
CONFIRM = mutation("confirmHold", "booking { id }")
OPEN, CLOSE = mutation("openPool", POOL), mutation("closePool", POOL)
PLEDGE, TAKE_BACK = mutation("joinPool", SHARE), mutation("leavePool", SHARE)


def listed(found: Any) -> list[str]:
    return [edge["node"]["id"] for edge in found["edges"]]


async def refused(asker: world.Asker, mutation: str, **given: Any) -> tuple[str, str]:
    """The type and the code of why not."""
    answer = await do(asker, mutation, **given)
    return answer["__typename"], answer["code"]


async def test_a_place_in_line_is_offered_room_taken_and_followed_to_its_end(
    live: world.Asker, database: Databases
) -> None:
    bench, other, capacity = a_resource(), new_id(), await database("capacity")
    await publish(capacity, bench)
    full = await hold(capacity, other, (bench, day(1), 480))
    me, next_ = live.as_(new_id(), "brand"), live.as_(new_id(), "retailer")
    wish = {"resourceId": world.gid("Resource", bench.id), "quantity": 300}
    wish |= {"firstDay": str(day(1)), "lastDay": str(day(1))}
    entry = await it_waits(me, wish)
    second = (await do(next_, JOIN, **wish))["waitlistEntry"]["id"]
    await only_its_party_knows_of_it(live, me, next_, entry, second)
    await what_cannot_be_waited_for_is_told(live, me, wish)

    where = str(live.http.base_url).removeprefix("http://")
    async with events(where, OFFER, me.party, role="brand", variables={"id": entry}) as stream:
        waits = await stream.event_named("next")
        assert '"state":"WAITING"' in waits["data"]
        await release(capacity, other, full["id"])
        offer = await stream.next("waitlistOffer")
    assert (offer["state"], [one["quantity"] for one in offer["allocations"]]) == ("OFFERED", [300])
    booked = await it_is_taken(me, entry, offer)
    async with events(where, OFFER, me.party, role="brand", variables={"id": entry}, last=waits["id"]) as stream:
        told = [await stream.next("waitlistOffer")]
        while told[-1]["state"] == "OFFERED":  # that it is taken may not be written down yet
            told.append(await stream.next("waitlistOffer"))
        assert told[-1]["state"] == "ACCEPTED"
        assert await stream.told() == ("complete", None)
    done = (await me.data(WAITLIST, state="ACCEPTED"))["waitlist"]["edges"][0]["node"]
    assert (done["id"], done["booking"]) == (entry, {"id": booked})
    await who_leaves_is_not_offered_anything(me, next_, second)


async def it_waits(me: world.Asker, wish: dict[str, Any]) -> str:
    """Once for a key, and the next query sees it."""
    key = {"idempotencyKey": str(new_id())}
    done, again = [await do(me, JOIN, **wish, **key) for _ in range(2)]
    assert done == again
    entry = done["waitlistEntry"]
    assert (entry["version"], entry["state"], entry["quantity"], entry["holdId"]) == (1, "WAITING", 300, None)
    assert (entry["process"], entry["firstDay"]) == (None, wish["firstDay"])
    for state, expected in (("WAITING", [entry["id"]]), (None, [entry["id"]]), ("OFFERED", [])):
        found = await me.data(WAITLIST, {"Filiera-After": done["after"]}, state=state)
        assert listed(found["waitlist"]) == expected
    return str(entry["id"])


async def only_its_party_knows_of_it(
    live: world.Asker, me: world.Asker, next_: world.Asker, entry: str, second: str
) -> None:
    for asker, own, ahead in ((me, entry, 0), (next_, second, 1)):
        place = (await asker.data(PLACE, id=own))["placeInLine"]
        assert place == {"ahead": ahead, "entry": {"id": own, "state": "WAITING"}}
    nobodys = world.gid("WaitlistEntry", new_id())
    for asker, code in ((next_, "NOT_FOUND"), (live, "UNAUTHENTICATED")):
        assert entry not in listed((await asker.data(WAITLIST))["waitlist"])
        assert await asker.data("query($id: ID!) { node(id: $id) { id } }", id=entry) == {"node": None}
        errors = [await asker.error(PLACE, id=id_) for id_ in (entry, nobodys)]
        assert [one["extensions"]["code"] for one in errors] == [code] * 2
        assert errors[0]["message"] == errors[1]["message"]
    for id_ in (entry, nobodys):
        assert await refused(next_, LEAVE, id=id_) == ("NotFound", "NOT_FOUND")


async def what_cannot_be_waited_for_is_told(live: world.Asker, me: world.Asker, wish: dict[str, Any]) -> None:
    """As a type with a code; and it is no place in line."""
    for asker, change, wanted in (
        (live, {}, ("NotAllowed", "UNAUTHENTICATED")),
        (me, {"quantity": 0}, ("InvalidInput", "INVALID")),
        (me, {"process": "cutting"}, ("InvalidInput", "INVALID")),
        (me, {"resourceId": None}, ("InvalidInput", "INVALID")),
        (me, {"lastDay": str(day(0))}, ("InvalidInput", "INVALID")),
        (me, {"resourceId": world.gid("Site", new_id())}, ("InvalidInput", "INVALID_ID")),
        (me, {"resourceId": world.gid("Resource", new_id())}, ("NotFound", "UNKNOWN_RESOURCE")),
    ):
        assert await refused(asker, JOIN, **wish | change) == wanted
    assert len(listed((await me.data(WAITLIST))["waitlist"])) == 1
    neither = await do(me, JOIN, {"Accept-Language": "it"}, **wish | {"resourceId": None})
    assert (neither["message"], neither["fields"]) == (
        "Correggi e invia di nuovo: indica resourceId o process, uno dei due.",
        [],
    )


async def it_is_taken(me: world.Asker, entry: str, offer: Any) -> str:
    """The offer is a hold, which is found by its id; gives the booking."""

    async def found() -> Any:
        [edge] = (await me.data(WAITLIST))["waitlist"]["edges"]
        return edge["node"] if edge["node"]["hold"] else None

    assert (await eventually(found))["hold"] == {"id": offer["holdId"], "state": "HELD"}
    return str((await do(me, CONFIRM, id=offer["holdId"]))["booking"]["id"])


async def who_leaves_is_not_offered_anything(me: world.Asker, next_: world.Asker, second: str) -> None:
    left = await do(next_, LEAVE, id=second)
    assert (left["waitlistEntry"]["state"], left["waitlistEntry"]["holdId"]) == ("WITHDRAWN", None)
    found = await next_.data(WAITLIST, {"Filiera-After": left["after"]}, state="WITHDRAWN")
    assert listed(found["waitlist"]) == [second]
    assert (await refused(next_, LEAVE, id=second))[0] == "Conflict"


async def test_a_pool_gathers_shares_and_books_all_of_them(live: world.Asker, database: Databases) -> None:
    bench = a_resource(minimum_quantity=200)
    await publish(await database("capacity"), bench)
    owner = live.as_(bench.party_id, "workshop")
    one, two, stranger = (live.as_(new_id(), "brand") for _ in range(3))
    pool = await it_is_open(owner, stranger, bench)
    first = await do(one, PLEDGE, id=pool, quantity=80)
    assert (first["poolShare"]["state"], first["poolShare"]["price"]) == ("PLEDGED", None)
    assert first["poolShare"]["pool"] == {"id": pool, "state": "OPEN", "pledged": 80}
    await others_see_how_much_is_pledged_and_not_by_whom(one, two, pool, first)
    await what_cannot_be_shared_is_told(live, one, stranger, pool)
    second = await do(two, PLEDGE, id=pool, quantity=120)
    assert (second["poolShare"]["state"], second["poolShare"]["price"]["amount"]) == ("BOOKED", 600 + 120 * 50)
    assert second["poolShare"]["pool"] == {"id": pool, "state": "FIRED", "pledged": 200}

    async def booked() -> Any:
        edges = (await one.data(SHARES, state="BOOKED"))["poolShares"]["edges"]
        return edges if edges and edges[0]["node"]["booking"] else None

    [edge] = await eventually(booked)
    assert edge["node"]["id"] == first["poolShare"]["id"]
    assert await refused(one, TAKE_BACK, id=pool) == ("Conflict", "POOL_OVER")
    assert await refused(owner, CLOSE, id=pool) == ("Conflict", "POOL_OVER")


def opening(bench: Resource, **changes: Any) -> dict[str, Any]:
    closes = datetime.now().astimezone() + timedelta(days=1)
    plain = {"resourceId": world.gid("Resource", bench.id), "day": str(day(9)), "quantity": 240}
    return plain | {"closesAt": closes.isoformat()} | changes


async def it_is_open(owner: world.Asker, stranger: world.Asker, bench: Resource) -> str:
    """Its minimum is that of the terms, unless another is told."""
    done = await do(owner, OPEN, **opening(bench))
    pool = done["pool"]
    assert (pool["state"], pool["quantity"], pool["minimum"], pool["pledged"]) == ("OPEN", 240, 200, 0)
    for change, wanted in (
        ({"quantity": 0}, ("InvalidInput", "INVALID")),
        ({"minimum": 241}, ("Conflict", "NOT_OFFERED")),
        ({"quantity": 480}, ("Conflict", "NO_CAPACITY")),
    ):
        assert await refused(owner, OPEN, **opening(bench, **change)) == wanted
    assert (await refused(stranger, OPEN, **opening(bench)))[0] == "NotAllowed"
    return str(pool["id"])


async def others_see_how_much_is_pledged_and_not_by_whom(
    one: world.Asker, two: world.Asker, pool: str, first: Any
) -> None:
    async def known() -> Any:
        found = await one.data(POOLS, {"Filiera-After": first["after"]}, id=pool)
        return found if found["node"] and found["node"]["pledged"] and found["node"]["resource"] else None

    mine, theirs = await eventually(known), await two.data(POOLS, id=pool)
    share = first["poolShare"]["id"]
    for found, shares in ((mine, [share]), (theirs, [])):
        assert pool in listed(found["pools"])
        assert (found["node"]["pledged"], listed(found["node"]["shares"])) == (80, shares)
    assert [listed((await asker.data(SHARES))["poolShares"]) for asker in (one, two)] == [[share], []]
    assert (await two.data("query($id: ID!) { node(id: $id) { id } }", id=share))["node"] is None


async def what_cannot_be_shared_is_told(live: world.Asker, one: world.Asker, stranger: world.Asker, pool: str) -> None:
    for asker, document, given, wanted in (
        (live, PLEDGE, {"id": pool, "quantity": 1}, ("NotAllowed", "UNAUTHENTICATED")),
        (one, PLEDGE, {"id": pool, "quantity": 1}, ("Conflict", "ALREADY_IN_POOL")),
        (stranger, PLEDGE, {"id": pool, "quantity": 161}, ("Conflict", "POOL_FULL")),
        (stranger, PLEDGE, {"id": pool, "quantity": 0}, ("InvalidInput", "INVALID")),
        (stranger, PLEDGE, {"id": world.gid("Pool", new_id()), "quantity": 1}, ("NotFound", "NOT_FOUND")),
        (stranger, TAKE_BACK, {"id": pool}, ("NotFound", "NOT_FOUND")),
        (stranger, CLOSE, {"id": pool}, ("NotFound", "NOT_FOUND")),
    ):
        assert await refused(asker, document, **given) == wanted


async def test_a_share_is_taken_back_and_a_pool_closed_by_its_workshop(live: world.Asker, database: Databases) -> None:
    bench = a_resource(minimum_quantity=200)
    await publish(await database("capacity"), bench)
    owner = live.as_(bench.party_id, "workshop")
    one, two = (live.as_(new_id(), "brand") for _ in range(2))
    pool = (await do(owner, OPEN, **opening(bench, minimum=150)))["pool"]
    assert pool["minimum"] == 150
    for asker in (one, two):
        assert (await do(asker, PLEDGE, id=pool["id"], quantity=70))["poolShare"]["state"] == "PLEDGED"
    left = await do(one, TAKE_BACK, id=pool["id"])
    assert left["poolShare"]["state"] == "WITHDRAWN"
    assert left["poolShare"]["pool"] == {"id": pool["id"], "state": "OPEN", "pledged": 70}
    closed = await do(owner, CLOSE, id=pool["id"])
    assert (closed["pool"]["state"], closed["pool"]["pledged"]) == ("CLOSED", 70)
    found = await owner.data(POOLS, {"Filiera-After": closed["after"]}, id=pool["id"])
    assert pool["id"] not in listed(found["pools"])

    async def released() -> Any:
        return listed((await two.data(SHARES, state="RELEASED"))["poolShares"])

    assert len(await eventually(released)) == 1
    found = await one.data(SHARES, {"Filiera-After": left["after"]}, state="WITHDRAWN")
    assert listed(found["poolShares"]) == [left["poolShare"]["id"]]
