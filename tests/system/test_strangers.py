"""A party can neither read nor change another's data, on any route and any field there is.

Routes are walked from the services' OpenAPI, fields from the gateway's own schema: a new one is covered by itself.
"""

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest

from libs.demo.client import DemoError, Platform
from libs.kit.testing import eventually
from tests.system import guess, trade
from tests.system.books import newest
from tests.system.running import SERVICES, Running

PRIVATE = ("Hold", "Booking", "Order", "WaitlistEntry", "PoolShare")
ROLES = ("brand", "workshop", "retailer", "lab", "hub")
INTROSPECTION = """query { __schema { queryType { fields { ...F } } mutationType { fields { ...F } }
  types { kind name fields { ...F } inputFields { ...A } enumValues { name } possibleTypes { kind name } } } }
fragment F on __Field { name args { ...A } type { ...T } }
fragment A on __InputValue { name defaultValue type { ...T } }
fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { name } } } } }"""


@dataclass(frozen=True)
class Victims:
    """A workshop, a brand and a shop with something of each kind; global ids by type."""

    parties: frozenset[str]
    ids: dict[str, str]

    @property
    def private(self) -> list[str]:
        """What a stranger must never see, as global id and as bare UUID."""
        hidden = [self.ids[kind] for kind in PRIVATE]
        return hidden + [trade.bare(one) for one in hidden]


@pytest.fixture
async def victims(client: Platform) -> Victims:
    place = await trade.workshop(client, "laser")
    brand = await trade.register(client, "brand", "Casa vittima")
    shop = await trade.register(client, "retailer", "Bottega vittima")
    thing = await trade.product(brand, "laser")
    kept = await trade.hold(brand, place.resource, ahead=3, quantity=10)
    spent = await trade.hold(brand, place.resource, ahead=4, quantity=10)
    booking = (await brand.do("confirmHold", "booking { id }", {"id": spent}))["booking"]["id"]
    order = await trade.order(shop, thing)
    await eventually(lambda: confirmed(shop, order))
    entry = await trade.wait(shop, place.resource, ahead=5, quantity=10)
    await eventually(lambda: offered(shop, entry))
    share = await trade.pledge(brand, place, ahead=20, quantity=10)
    ids = {"Site": place.site, "Resource": place.resource, "Product": thing}
    ids |= {"Hold": kept, "Booking": booking, "Order": order, "WaitlistEntry": entry, "PoolShare": share}
    return Victims(frozenset(str(actor.party) for actor in (place.actor, brand, shop)), ids)


async def confirmed(shop: trade.Actor, order: str) -> bool:
    return await trade.state_of(shop, order) == "CONFIRMED"


async def offered(shop: trade.Actor, entry: str) -> bool:
    return await trade.state_of(shop, entry) == "OFFERED"


@pytest.fixture
async def unchanged(running: Running, victims: Victims) -> AsyncIterator[None]:
    """Nothing of theirs has another version when the test ends, and nothing was put among it.

    But for what is meant for strangers: they may book a workshop's buckets, and a hub may bring in resources.
    """
    before = await versions(running, victims)
    yield
    after = await versions(running, victims)
    assert {key: after.get(key) for key in before} == before
    assert {key.partition(" ")[0] for key in after.keys() - before.keys()} <= {"capacity.resource"}


async def versions(running: Running, victims: Victims) -> dict[str, int]:
    states = await newest(running)
    theirs = victims.parties
    return {
        f"{topic} {identity}": state["version"]
        for topic, aggregates in states.items()
        for identity, state in aggregates.items()
        if topic != "capacity.bucket" and (identity in theirs or state.get("party_id") in theirs)
    }


@pytest.mark.usefixtures("unchanged")
async def test_no_route_of_any_service_serves_a_stranger(running: Running, victims: Victims) -> None:
    walked = 0
    for url in service_urls(running):
        async with httpx.AsyncClient(base_url=url, timeout=20, trust_env=False) as http:
            document = (await http.get("/openapi.json")).json()
            for path, method, operation in routes(document):
                walked += await walk_route(running, victims, http, document, path, method, operation)
    assert walked > 100


def service_urls(running: Running) -> list[str]:
    return [part["url"] for name, part in running.status().items() if name in set(SERVICES) - {"gateway"}]


def routes(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, found) for path, methods in document["paths"].items() for method, found in methods.items()]


async def walk_route(
    running: Running, victims: Victims, http: httpx.AsyncClient, document: Any, path: str, method: str, operation: Any
) -> int:
    """Send every role of a stranger to a route with every id of the victims; returns how many requests were sent."""
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    sent = 0
    for role in ROLES:
        for target in [*map(trade.bare, victims.ids.values()), *victims.parties]:
            headers = {"Authorization": f"Bearer {running.token(uuid4(), role)}", "Idempotency-Key": str(uuid4())}
            json = guess.body(schema, document, target) if schema else None
            answer = await http.request(method, re.sub(r"{\w+}", target, path), headers=headers, json=json)
            sent += 1
            assert answer.status_code < 500, (method, path, answer.text)
            if "{" in path:
                assert answer.status_code in (401, 403, 404), (method, path, role, answer.text)
            assert not leaks(answer.text, victims, target), (method, path, role, answer.text)
    return sent


def leaks(text: str, victims: Victims, sent: str) -> list[str]:
    """Private ids in an answer, other than what was sent."""
    return [one for one in victims.private if one in text and sent not in one and bare_or_self(one) != sent]


def bare_or_self(identity: str) -> str:
    return identity if "-" in identity else trade.bare(identity)


@pytest.mark.usefixtures("unchanged")
async def test_no_query_shows_a_stranger_what_is_private(client: Platform, victims: Victims) -> None:
    schema = (await client.actor("hub", "x").ask(INTROSPECTION))["__schema"]
    types = {kind["name"]: kind for kind in schema["types"]}
    for role in ROLES:
        stranger = await trade.register(client, role, "Estraneo")
        for field in schema["queryType"]["fields"]:
            for target in victims.ids.values():
                text = await ask_field(stranger, "query", field, types, target)
                assert not [one for one in victims.private if one in text and one != target], (field["name"], text)
                if field["name"] == "node" and target in victims.private:
                    assert text.count("\n") == text.count('{"node": null}') - 1, text


@pytest.mark.usefixtures("unchanged")
async def test_no_mutation_lets_a_stranger_change_anything(client: Platform, victims: Victims) -> None:
    schema = (await client.actor("hub", "x").ask(INTROSPECTION))["__schema"]
    types = {kind["name"]: kind for kind in schema["types"]}
    for role in ROLES:
        for field in schema["mutationType"]["fields"]:
            targets = [(client.actor(role, "Estraneo"), one) for one in victims.ids.values()]
            await asyncio.gather(*(mutates(stranger, field, types, one, victims) for stranger, one in targets))


async def mutates(stranger: trade.Actor, field: Any, types: Any, target: str, victims: Victims) -> None:
    text = await ask_field(stranger, "mutation", field, types, target)
    await as_of_nothing(stranger, field, types, target, text)
    assert not [one for one in victims.private if one in text and one != target], (field["name"], text)


async def as_of_nothing(actor: trade.Actor, field: Any, types: Any, target: str, text: str) -> None:
    """Fail if what a mutation says of an id is not what it says of one that nobody has: not even existence is told.

    For queries and subscriptions tests/services/gateway/test_foreign.py does the same.
    """
    type_ = base64.b64decode(target).decode().partition(":")[0]
    if type_ in PRIVATE and "ID" in json.dumps([given_type(one, types) for one in field["args"]]):
        key = str(uuid4())
        nobodys = base64.b64encode(f"{type_}:{key}".encode()).decode()
        told = await ask_field(actor, "mutation", field, types, nobodys)
        assert told.replace(nobodys, target).replace(key, trade.bare(target)) == text, field["name"]


def given_type(one: Any, types: Any) -> Any:
    """The smallest value that an argument takes, with "ID" for every id."""
    return guess.argument(one["type"], types, "ID", one["name"])


async def ask_field(actor: trade.Actor, kind: str, field: Any, types: Any, target: str) -> str:
    """Everything that one field says about one id, as text."""
    required = [one for one in field["args"] if one["type"]["kind"] == "NON_NULL" and one["defaultValue"] is None]
    given = {one["name"]: guess.argument(one["type"], types, target, one["name"]) for one in required}
    head = ", ".join(f"${one['name']}: {named(one['type'])}" for one in required)
    call = ", ".join(f"{one['name']}: ${one['name']}" for one in required)
    start = f"{kind} Walk{f'({head})' if head else ''} {{ {field['name']}{f'({call})' if call else ''} "
    answers = []
    for wanted in guess.everything(field["type"], types):
        try:
            answers.append(json.dumps(await actor.ask(start + wanted + " }", **given)))
        except DemoError as refused:
            answers.append(str(refused))
    assert not [one for one in answers if "The operation has more than" in one or "points; " in one], answers
    return "\n".join(answers)


def named(kind: Any) -> str:
    """A type as a variable's declaration writes it."""
    if kind["kind"] == "NON_NULL":
        return f"{named(kind['ofType'])}!"
    if kind["kind"] == "LIST":
        return f"[{named(kind['ofType'])}]"
    return str(kind["name"])
