"""Commands reach the service that owns them, over real ports, and come back as typed answers."""

import json
import socket
from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import msgspec
import pytest
from fastapi import FastAPI, Header, Response

from libs.kit.errors import ProblemDetails
from libs.kit.ids import new_id
from libs.kit.testing import eventually
from services.gateway.app import api
from tests.services.gateway import world
from tests.services.gateway.conftest import Serve, port_of

FAILURE = """__typename ... on Failure { code message } ... on InvalidInput { fields { path message } }
    ... on Unavailable { idempotencyKey }"""
REGISTER = f"""mutation($input: RegisterPartyInput!) {{ registerParty(input: $input) {{ {FAILURE}
    ... on RegisterPartySuccess {{ after party {{ id version kind name sites {{ edges {{ cursor }} }} }} }} }} }}"""
SITE = f"""mutation($input: RegisterSiteInput!) {{ registerSite(input: $input) {{ {FAILURE}
    ... on RegisterSiteSuccess {{ after site {{ id name }} }} }} }}"""
PRODUCT = f"""mutation($input: RegisterProductInput!) {{ registerProduct(input: $input) {{ {FAILURE}
    ... on RegisterProductSuccess {{ after product {{ id offered price {{ amount }} }} }} }} }}"""
WITHDRAW = f"""mutation($input: WithdrawProductInput!) {{ withdrawProduct(input: $input) {{ {FAILURE}
    ... on WithdrawProductSuccess {{ after product {{ id offered version }} }} }} }}"""
PLACE = f"""mutation($input: PlaceOrderInput!) {{ placeOrder(input: $input) {{ {FAILURE} }} }}"""
HOLD = f"""mutation($input: PlaceHoldInput!) {{ placeHold(input: $input) {{ {FAILURE} }} }}"""
IMPORT = f"""mutation($input: ImportPartiesInput!) {{ importParties(input: $input) {{ {FAILURE}
    ... on ImportPartiesSuccess {{ accepted skipped after }} }} }}"""
PLACE_IN_MILAN = {"municipality": "Milano", "latitude": 45.5, "longitude": 9.2, "timeZone": "Europe/Rome"}


@pytest.fixture
async def live(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[world.Asker]:
    """The gateway and the catalog, for real; capacity refuses connections and orders is not configured."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
        urls = {"catalog": await serve("catalog"), "capacity": nobody}
        monkeypatch.setenv("FILIERA_SERVICES", json.dumps(urls))
        async with httpx.AsyncClient(base_url=await serve("gateway"), timeout=30) as http:
            yield world.Asker(http)


async def do(asker: world.Asker, mutation: str, headers: dict[str, str] | None = None, **given: Any) -> dict[str, Any]:
    [answer] = (await asker.data(mutation, headers, input=given)).values()
    return answer


async def test_the_life_of_a_command(live: world.Asker) -> None:
    """One start of the services for what belongs together: they take seconds to join their brokers."""
    me = live.as_(new_id(), "brand")
    await a_command_is_answered_by_its_owner_and_seen_by_the_next_query(me)
    await the_same_key_does_it_once(me)
    await a_rule_of_the_owner_comes_back_as_a_typed_failure(live, me)
    await a_product_is_registered_and_withdrawn(me)
    await a_hub_brings_parties_with_their_own_ids(live)
    await a_service_that_does_not_answer_is_unavailable(live)


async def a_command_is_answered_by_its_owner_and_seen_by_the_next_query(me: world.Asker) -> None:
    done = await do(me, REGISTER, kind="BRAND", name="Casa")
    id_ = world.gid("Party", me.party)
    expected = {"id": id_, "version": 1, "kind": "BRAND", "name": "Casa", "sites": {"edges": []}}
    assert done["party"] == expected
    query = "query($id: ID!) { node(id: $id) { ... on Party { name } } }"

    async def seen() -> Any:
        answer = await me.answer(query, {"Filiera-After": done["after"]}, id=id_)
        return None if answer.get("extensions") == {"stale": True} else answer  # a broker may be lost meanwhile

    assert await eventually(seen, 30) == {"data": {"node": {"name": "Casa"}}}


async def the_same_key_does_it_once(me: world.Asker) -> None:
    given = {"name": "Atelier", **PLACE_IN_MILAN, "idempotencyKey": str(new_id())}
    first, again = [await do(me, SITE, **given) for _ in range(2)]
    other = await do(me, SITE, **given | {"idempotencyKey": str(new_id())})
    assert first == again
    assert other["site"]["id"] != first["site"]["id"]
    assert (await do(me, SITE, **given | {"name": "Other"}))["__typename"] == "InvalidInput"
    query = "query($id: ID!) { node(id: $id) { ... on Party { sites { edges { node { name } } } } } }"
    after = {"Filiera-After": f"{first['after']}, {other['after']}"}
    seen = await me.data(query, after, id=world.gid("Party", me.party))
    assert [edge["node"]["name"] for edge in seen["node"]["sites"]["edges"]] == ["Atelier", "Atelier"]


async def a_rule_of_the_owner_comes_back_as_a_typed_failure(live: world.Asker, me: world.Asker) -> None:
    twice = await do(me, REGISTER, kind="BRAND", name="Casa")
    assert (twice["__typename"], twice["code"]) == ("Conflict", "PARTY_EXISTS")
    other = await do(live.as_(new_id(), "brand"), REGISTER, kind="WORKSHOP", name="Casa")
    assert other["__typename"] in ("NotAllowed", "InvalidInput")
    place = PLACE_IN_MILAN | {"latitude": 91.0, "timeZone": "Mars/Olympus"}
    wrong = await do(me, SITE, name="Nowhere", **place)
    assert wrong["__typename"] == "InvalidInput"
    assert {field["path"] for field in wrong["fields"]} >= {"latitude"}
    missing = await do(me, WITHDRAW, id=world.gid("Product", new_id()))
    assert missing["__typename"] == "NotFound"
    nobody = await do(live, REGISTER, kind="BRAND", name="Casa")
    assert (nobody["__typename"], nobody["code"]) == ("NotAllowed", "UNAUTHENTICATED")


async def a_product_is_registered_and_withdrawn(me: world.Asker) -> None:
    routing = [{"process": "cutting", "setupMinutes": 30, "runMinutes": 4}]
    given = {"name": "Shirt", "description": "", "price": {"amount": 9_900, "currency": "EUR"}, "routing": routing}
    made = await do(me, PRODUCT, **given, variants=[{"sku": "S", "label": "Small"}])
    gone = await do(me, WITHDRAW, id=made["product"]["id"])
    assert gone["product"] == {"id": made["product"]["id"], "offered": False, "version": 2}
    query = "query($id: ID!) { node(id: $id) { ... on Product { offered } } }"
    seen = await me.data(query, {"Filiera-After": gone["after"]}, id=made["product"]["id"])
    assert seen["node"]["offered"] is False


async def a_hub_brings_parties_with_their_own_ids(live: world.Asker) -> None:
    hub = live.as_(new_id(), "hub")
    ids = [new_id(), new_id()]
    site = {"id": str(new_id()), "name": "Via Padova", **PLACE_IN_MILAN}
    parties = [
        {"id": str(ids[0]), "kind": "WORKSHOP", "name": "Uno", "sites": [site]},
        {"id": world.gid("Party", ids[1]), "kind": "LAB", "name": "Due", "sites": []},
    ]
    done = await do(hub, IMPORT, parties=parties)
    assert (done["__typename"], done["accepted"], done["skipped"]) == ("ImportPartiesSuccess", 2, 0)
    again = await do(hub, IMPORT, parties=parties)
    assert (again["accepted"], again["skipped"]) == (0, 2)
    query = "query($id: ID!) { node(id: $id) { ... on Party { name } } }"
    seen = await live.data(query, {"Filiera-After": done["after"]}, id=world.gid("Party", ids[1]))
    assert seen["node"] == {"name": "Due"}
    wrong = await do(hub, IMPORT, parties=[parties[0] | {"id": world.gid("Site", ids[0])}])
    assert (wrong["__typename"], wrong["fields"][0]["path"]) == ("InvalidInput", "parties.0.id")
    none = await do(hub, IMPORT, parties=[])
    assert none["__typename"] in ("InvalidInput", "ImportPartiesSuccess")


async def a_service_that_does_not_answer_is_unavailable(live: world.Asker) -> None:
    shop = live.as_(new_id(), "retailer")
    wish = {"resourceId": world.gid("Resource", new_id()), "day": "2031-03-03", "quantity": 60}
    line = {"productId": world.gid("Product", new_id()), "sku": "S", "quantity": 1}
    held = await do(shop, HOLD, allocations=[wish])
    ordered = await do(shop, PLACE, lines=[line], earliestDay="2031-03-03", dueDay="2031-03-04")
    for answer in (held, ordered):
        assert (answer["__typename"], answer["code"]) == ("Unavailable", "UNAVAILABLE")
        again = "It may have been done or not: send again with this idempotencyKey and it is done once."
        assert again in answer["message"]


async def test_an_id_of_the_wrong_type_in_an_input_is_named_by_its_path(ask: world.Asker) -> None:
    shop = ask.as_(new_id())
    lines = [
        {"productId": world.gid("Product", new_id()), "sku": "S", "quantity": 1},
        {"productId": world.gid("Party", new_id()), "sku": "S", "quantity": 1},
        {"productId": "x", "sku": "S", "quantity": 1},
        {"productId": str(new_id()), "sku": "S", "quantity": 1},
    ]
    answer = await do(shop, PLACE, lines=lines, earliestDay="2031-03-03", dueDay="2031-03-04")
    assert (answer["__typename"], answer["code"]) == ("InvalidInput", "INVALID_ID")
    assert [field["path"] for field in answer["fields"]] == [f"lines.{n}.productId" for n in (1, 2, 3)]
    assert answer["fields"][0]["message"] == "This is the id of a Party; one of a Product is needed."


@pytest.mark.parametrize("status", [500, 501, 418])
async def test_a_services_fault_is_told_as_a_fault_that_sending_again_does_not_mend(
    ask: world.Asker, service_that_fails: list[str], status: int, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await ask.as_(new_id(), "brand").answer(REGISTER, input={"kind": "BRAND", "name": f"{status}"})
    [error] = answer["errors"]
    assert (answer["data"], error["path"], error["extensions"]) == (None, ["registerParty"], {"code": "INTERNAL"})
    assert error["message"] == "This is a fault of ours. Try again, or tell us the time."
    assert "secret" not in str(answer)
    assert "secret" in caplog.text


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_a_service_that_is_away_or_busy_is_unavailable(
    ask: world.Asker, service_that_fails: list[str], status: int
) -> None:
    asker = ask.as_(new_id(), "brand")
    told = await do(asker, REGISTER, kind="BRAND", name=f"{status}")
    assert (told["__typename"], told["code"]) == ("Unavailable", "A_SECRET")


async def test_what_may_have_been_done_is_sent_again_with_the_key_that_is_told(
    ask: world.Asker, service_that_fails: list[str]
) -> None:
    brand = ask.as_(new_id(), "brand")
    given = {"kind": "LAB", "name": "504"}
    made = (await do(brand, REGISTER, **given))["idempotencyKey"]
    for key in (made, "my own"):
        assert (await do(brand, REGISTER, **given, idempotencyKey=key))["idempotencyKey"] == key
    assert service_that_fails == [made, made, "my own"]


@pytest.mark.parametrize("status", [404, 500])
async def test_no_without_a_reason_is_a_fault(ask: world.Asker, service_that_fails: list[str], status: int) -> None:
    answer = await ask.as_(new_id(), "brand").answer(REGISTER, input={"kind": "LAB", "name": f"{status}"})
    assert [error["extensions"] for error in answer["errors"]] == [{"code": "INTERNAL"}]


async def test_a_proxy_that_reaches_no_service_is_unavailable(ask: world.Asker, service_that_fails: list[str]) -> None:
    told = await do(ask.as_(new_id(), "brand"), REGISTER, kind="LAB", name="502")
    assert (told["__typename"], told["code"]) == ("Unavailable", "BAD_ANSWER")


@pytest.fixture
async def service_that_fails(ask: world.Asker) -> AsyncIterator[list[str]]:
    """A catalog behind a real port that fails with the status it is named; with a problem, unless it is a lab's.

    Gives the idempotency keys that it is sent.
    """
    catalog = FastAPI()
    keys: list[str] = []

    @catalog.post("/parties")
    async def fail(body: dict[str, Any], idempotency_key: Annotated[str, Header()]) -> Response:
        keys.append(idempotency_key)
        status = int(body["name"])
        problem = ProblemDetails(title="No", status=status, detail="secret", code="A_SECRET")
        return Response(b"<html>" if body["kind"] == "lab" else msgspec.json.encode(problem), status)

    async with port_of(catalog) as where:
        api.state.kit.settings.services["catalog"] = f"http://{where}"
        yield keys


@pytest.mark.parametrize("key", ["", " k", "è", "a\nb", "k" * 256])
async def test_a_key_that_no_header_can_carry_is_named_by_its_path(ask: world.Asker, key: str) -> None:
    answer = await do(ask.as_(new_id(), "brand"), REGISTER, kind="BRAND", name="x", idempotencyKey=key)
    assert (answer["__typename"], answer["fields"][0]["path"]) == ("InvalidInput", "idempotencyKey")


async def test_text_with_a_nul_is_refused_and_not_a_fault(ask: world.Asker) -> None:
    sent = {"query": 'query { parties(name: "a\0b") { edges { cursor } } }'}
    answer = await ask.http.post("/graphql", json=sent)
    assert (answer.status_code, answer.json()["code"]) == (400, "NUL")
    error = await ask.error(r'query { parties(name: "a\u{0}b") { edges { cursor } } }')
    assert error["extensions"] == {"code": "NUL"}
