"""A stranger walks every field of every type with every id of others: nothing leaks, not even that a thing exists."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from graphql import introspection_from_schema

from libs.contracts.values import Money, Terms
from libs.kit.ids import new_id
from services.gateway.api.schema import schema
from tests.services.gateway import world
from tests.services.gateway.conftest import Tell
from tests.services.gateway.sockets import wire
from tests.system import guess

KNOWN: Any = introspection_from_schema(schema.graphql)["__schema"]
TYPES = {one["name"]: one for one in KNOWN["types"]}
NODES = [one["name"] for one in TYPES["Node"]["possibleTypes"]]
Frames = Callable[[str, str, str], Awaitable[list[Any]]]
WHO = ("brand", "workshop", "retailer", "lab", "hub", "")


@dataclass(frozen=True)
class Others:
    """What a brand, a shop and a workshop have: `secret` concerns nobody else, `public` may be seen by all."""

    secret: dict[str, str]
    public: dict[str, str]

    @property
    def hidden(self) -> list[str]:
        """What no answer to a stranger may hold: ids, global and bare."""
        return [*self.secret.values(), *(bare(one) for one in self.secret.values())]


def bare(gid: str) -> str:
    return base64.b64decode(gid).decode().partition(":")[2].partition("/")[0]


def twin(gid: str) -> str:
    """An id of the same type that nobody has."""
    decoded = base64.b64decode(gid).decode()
    return base64.b64encode(decoded.replace(bare(gid), str(new_id())).encode()).decode()


@pytest.fixture
async def others(tell: Tell) -> Others:
    shop, brand, workshop = new_id(), new_id(), new_id()
    hidden = Terms(price_per_unit=Money(45), setup_price=Money(1_500), visibility="private")
    place, product, bench = world.site(workshop), world.product(brand), world.resource(workshop)
    private = world.resource(workshop, terms=hidden, site_id=place.id)
    day = world.bucket(private)
    hold, booking = world.hold(shop, bench), world.booking(shop, bench)
    order = world.order(shop, [product], [bench])
    parties = [world.party("workshop", id=workshop), world.party("brand", id=brand), world.party("retailer", id=shop)]
    entry, shared, hidden_pool = world.waiting(shop, bench), world.pool(bench), world.pool(private)
    share, queues = world.share(brand, shared), [entry, world.offered(entry, bench), shared, hidden_pool]
    await tell(*parties, place, product, bench, private, day, hold, booking, order, share, *queues)
    ids: dict[str, UUID] = {"Hold": hold.id, "Booking": booking.id, "Order": order.id, "Resource": private.id}
    ids |= {"WaitlistEntry": entry.id, "PoolShare": share.id, "Pool": hidden_pool.id}
    secret = {name: world.gid(name, id_) for name, id_ in ids.items()}
    secret["Bucket"] = world.gid("Bucket", f"{private.id}/{day.day}")
    known = {"Party": workshop, "Site": place.id, "Product": product.id, "Resource": bench.id}
    known["Pool"] = shared.id
    return Others(secret, {name: world.gid(name, id_) for name, id_ in known.items()})


@pytest.fixture(autouse=True)
def enough_to_spend(monkeypatch: pytest.MonkeyPatch) -> None:
    """A walk asks more than anybody would: what that costs is held elsewhere."""
    for payer in ("ANONYMOUS", "PARTY"):
        monkeypatch.setenv(f"FILIERA_POINTS_{payer}", str(10**9))


def stranger(ask: world.Asker, role: str) -> world.Asker:
    return ask.as_(new_id(), role) if role else ask


def documents(kind: str, field: Any) -> list[str]:
    """Operations that ask a root's field for everything there is behind it, by `$id`."""
    ids = [one for one in field["args"] if named(one["type"]) == "ID"]
    more = [one for one in field["args"] if one not in ids and one["type"]["kind"] == "NON_NULL"]
    given = [f"{one['name']}: $id" for one in ids]
    given += [
        f"{one['name']}: {'2' if one['name'] == 'first' else literal(guess.argument(one['type'], TYPES, ''))}"
        for one in more
    ]
    head = "($id: ID!)" if ids else ""
    call = f"({', '.join(given)})" if given else ""
    return [f"{kind}{head} {{ {field['name']}{call} {wanted} }}" for wanted in guess.everything(field["type"], TYPES)]


def literal(value: Any) -> str:
    """As GraphQL writes it: names are not in quotes."""
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{name}: {literal(one)}' for name, one in value.items())} }}"
    return f"[{', '.join(map(literal, value))}]" if isinstance(value, list) else json.dumps(value)


def named(kind: Any) -> str:
    while kind.get("ofType"):
        kind = kind["ofType"]
    return str(kind["name"])


def fields_of(root: str) -> list[Any]:
    return list(TYPES[root]["fields"])


def alike(told: Any, other: Any, gid: str, nobodys: str) -> bool:
    """Whether two answers say the same, each of its own id."""
    text = json.dumps(other).replace(nobodys, gid).replace(bare(nobodys), bare(gid))
    return json.dumps(told) == text


@pytest.mark.parametrize("role", WHO)
async def test_no_query_tells_what_is_anothers_or_that_it_exists(ask: world.Asker, others: Others, role: str) -> None:
    me, walked = stranger(ask, role), 0
    for document in (one for field in fields_of("Query") for one in documents("query", field)):
        for gid in [*others.secret.values(), *others.public.values()][: None if "$id" in document else 1]:
            told = await me.answer(document, id=gid)
            assert "Syntax Error" not in json.dumps(told), (document, told)
            assert "INVALID" not in json.dumps(told) or "is the id of a" in json.dumps(told), (document, told)
            seen = json.dumps(told).replace(gid, "").replace(bare(gid), "")
            assert not [one for one in others.hidden if one in seen], (document, told)
            if gid in others.secret.values() and "$id" in document:
                nobodys = twin(gid)
                assert alike(told, await me.answer(document, id=nobodys), gid, nobodys), (document, told)
            walked += 1
    assert walked > 100


@pytest.mark.parametrize("role", WHO)
async def test_no_field_of_any_type_can_be_reached_through_a_node_of_others(
    ask: world.Asker, others: Others, role: str
) -> None:
    me = stranger(ask, role)
    for name in NODES:
        for wanted in guess.everything({"name": name, "kind": "OBJECT"}, TYPES):
            document = f"query($id: ID!) {{ node(id: $id) {{ __typename ... on {name} {wanted} }} }}"
            for gid in others.secret.values():
                assert await me.answer(document, id=gid) == {"data": {"node": None}}, (name, gid)


def test_the_walk_asks_for_every_field_there_is() -> None:
    asked = " ".join(
        text for name in NODES for text in guess.everything({"name": name, "kind": "OBJECT"}, TYPES)
    ) + " ".join(text for root in ("Query", "Subscription") for f in fields_of(root) for text in documents("x", f))
    shown = [one for one in TYPES.values() if one["kind"] == "OBJECT" and not one["name"].startswith("__")]
    mutations = (
        "Mutation",
        "Success",
        "FieldProblem",
        "InvalidInput",
        "NotAllowed",
        "NotFound",
        "Conflict",
        "Unavailable",
    )
    for one in shown:
        if not one["name"].endswith(mutations):  # what mutations answer is walked by tests/system/test_strangers.py
            for field in one["fields"]:
                assert field["name"] in asked, (one["name"], field["name"])


@pytest.fixture
async def frames(address: str) -> Frames:
    """What a subscription tells first, to somebody of this role."""

    async def told(role: str, document: str, gid: str) -> list[Any]:
        async with wire(address) as client:
            await client.begin(new_id() if role else None, role)
            await client.subscribe(document, id=gid)
            heard = []
            while (frame := await client.receive(4))["type"] not in ("complete", "error"):
                frame["payload"].pop("extensions", None)
                heard.append(frame)
            return [*heard, frame]

    return told


@pytest.mark.parametrize("role", ["brand", "hub", ""])
async def test_no_subscription_tells_what_is_anothers_or_that_it_exists(
    frames: Frames, others: Others, role: str
) -> None:
    asked = [one for field in fields_of("Subscription") for one in documents("subscription", field) if "$id" in one]
    assert len(asked) >= 2
    for gid in others.secret.values():
        nobodys = twin(gid)
        told = await asyncio.gather(*(frames(role, document, one) for document in asked for one in (gid, nobodys)))
        assert not [one for one in others.hidden if one in json.dumps(told[::2])], told
        assert all(alike(*two, gid, nobodys) for two in zip(told[::2], told[1::2], strict=True)), told


async def test_a_strangers_day_shows_nothing_of_others(address: str, others: Others, tell: Tell) -> None:
    me = new_id()
    mine = world.resource(me)
    await tell(mine)
    [document] = documents("subscription", next(f for f in fields_of("Subscription") if f["name"] == "workshopDay"))
    async with wire(address) as client:
        await client.begin(me, "workshop")
        await client.subscribe(document)
        text = json.dumps(await client.receive())
        assert str(mine.id) in text or world.gid("Resource", mine.id) in text
        assert not [one for one in others.hidden if one in text]
        assert await client.silent(2.5)
