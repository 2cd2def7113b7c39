"""Whoever asks for Italian is told in Italian, and everybody else what they were told before."""

import json
import os
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from libs.contracts import capacity, orders
from libs.contracts.values import Due, Ending, Money, Refusal
from libs.kit.ids import new_id
from libs.kit.testing import token
from tests.services.gateway import world
from tests.services.gateway.conftest import Serve, Tell
from tests.services.gateway.sockets import wire
from tests.services.gateway.streams import EVENTS
from tests.services.gateway.test_commands import HOLD, PLACE_IN_MILAN, REGISTER, SITE, WITHDRAW
from tests.services.gateway.test_commands import PLACE as ORDER
from tests.services.gateway.test_promising import PLACE, PROMISE

ITALIAN = {"Accept-Language": "it-IT, it;q=0.9, en;q=0.8"}
WRONG_ID = 'query { node(id: "x") { __typename } }'
NO_ID = {
    "en": "This is no id of ours. Send an `id` exactly as an answer gave it.",
    "it": "Questo non è un nostro id. Invia un `id` esattamente come l'ha dato una risposta.",
}


@pytest.fixture
async def live(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[world.Asker]:
    """The gateway, the catalog and capacity, for real; orders is not configured."""
    urls = {name: await serve(name) for name in ("catalog", "capacity")}
    monkeypatch.setenv("FILIERA_SERVICES", json.dumps(urls))
    async with httpx.AsyncClient(base_url=await serve("gateway"), timeout=30) as http:
        yield world.Asker(http)


async def both(asker: world.Asker, mutation: str, **given: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the same party is told, asking the same in English and in Italian; the codes are the same."""
    english, italian = [await asker.data(mutation, headers, input=given) for headers in ({}, ITALIAN)]
    [one], [other] = english.values(), italian.values()
    assert (one["__typename"], one["code"]) == (other["__typename"], other["code"])
    return one, other


async def test_a_refused_mutation_is_told_in_the_language_that_is_asked_for(live: world.Asker) -> None:
    """One start of the services for what belongs together."""
    me = live.as_(new_id(), "brand")
    await a_rule_of_the_catalog(me)
    await the_fields_that_are_wrong(me)
    await values_of_a_sentence(me)
    await what_the_gateway_says_itself(me)
    await what_a_question_has_wrong(me)
    await a_problem_of_a_service_asked_directly(me)


async def a_rule_of_the_catalog(me: world.Asker) -> None:
    missing = await both(me, WITHDRAW, id=world.gid("Product", new_id()))
    assert [one["message"] for one in missing] == [
        "You have no such product; check the id.",
        "Non hai questo prodotto; controlla l'id.",
    ]
    kind = await both(me, REGISTER, kind="WORKSHOP", name="Casa")
    assert [one["fields"] for one in kind] == [
        [{"path": "kind", "message": "Your token says that you are a brand."}],
        [{"path": "kind", "message": "Il tuo token dice che sei un marchio."}],
    ]


async def the_fields_that_are_wrong(me: world.Asker) -> None:
    place = PLACE_IN_MILAN | {"latitude": 91.0, "timeZone": "Mars/Olympus"}
    english, italian = await both(me, SITE, name="Nowhere", **place)
    assert [one["path"] for one in english["fields"]] == [one["path"] for one in italian["fields"]]
    assert italian["message"] == "Correggi questi campi e invia di nuovo."
    assert italian["fields"][0]["message"] == "Una latitudine va da -90 a 90 gradi."


async def values_of_a_sentence(me: world.Asker) -> None:
    id_ = new_id()
    wish = {"resourceId": world.gid("Resource", id_), "day": "2031-03-03", "quantity": 60}
    english, italian = await both(me, HOLD, allocations=[wish])
    assert english["message"] == f"There is no resource {id_}; check the id."
    assert italian["message"] == f"Non esiste la risorsa {id_}; controlla l'id."
    _, negative = await both(me, HOLD, allocations=[wish | {"quantity": 0}])
    assert negative["fields"] == [
        {"path": "allocations.0.quantity", "message": "deve essere maggiore o uguale a 1"},
    ]


async def what_the_gateway_says_itself(me: world.Asker) -> None:
    line = {"productId": world.gid("Product", new_id()), "sku": "S", "quantity": 1}
    _, away = await both(me, ORDER, lines=[line], earliestDay="2031-03-03", dueDay="2031-03-04")
    assert away["message"].startswith("Il servizio orders non risponde.")
    _, wrong = await both(me, ORDER, lines=[line | {"productId": "x"}], earliestDay="2031-03-03", dueDay="2031-03-04")
    assert wrong["fields"] == [{"path": "lines.0.productId", "message": NO_ID["it"]}]


async def what_a_question_has_wrong(me: world.Asker) -> None:
    """Of the gateway's own, and of capacity's: sentence and fields in one message."""
    wanted: dict[str, Any] = {"quantity": 1, "place": PLACE, "routing": []}
    for given, message in (
        (wanted, "Un lotto è di un prodotto, o dice come si fa. productId: indica questo o un `routing`, uno dei due"),
        (
            wanted | {"quantity": 0, "routing": [{"process": "cutting", "runMinutes": 1}]},
            "Correggi questi campi e invia di nuovo. quantity: deve essere maggiore o uguale a 1",
        ),
    ):
        answer = await me.answer(PROMISE, ITALIAN, **{"for": given})
        assert [error["message"] for error in answer["errors"]] == [message]


async def a_problem_of_a_service_asked_directly(me: world.Asker) -> None:
    catalog = json.loads(os.environ["FILIERA_SERVICES"])["catalog"]
    who = {"Authorization": f"Bearer {token(me.party, 'brand')}", "Idempotency-Key": str(new_id())}
    async with httpx.AsyncClient(base_url=catalog, timeout=30) as http:
        told = {
            language: await http.post(f"/products/{new_id()}/withdraw", headers=who | {"Accept-Language": language})
            for language in ("en", "it", "de", "it;q=0.3, en;q=0.4", "fr, it;q=0.1")
        }
    assert {language: answer.headers["content-language"] for language, answer in told.items()} == {
        "en": "en",
        "it": "it",
        "de": "en",
        "it;q=0.3, en;q=0.4": "en",
        "fr, it;q=0.1": "it",
    }
    for answer in told.values():
        assert (answer.status_code, answer.headers["vary"], answer.json()["code"]) == (
            404,
            "Accept-Language",
            "NOT_FOUND",
        )
    assert told["en"].json() == told["de"].json()
    assert (told["it"].json()["title"], told["it"].json()["detail"]) == (
        "Non trovato",
        "Non hai questo prodotto; controlla l'id.",
    )


@pytest.mark.parametrize(
    ("query", "english", "italian"),
    [
        (WRONG_ID, NO_ID["en"], NO_ID["it"]),
        (
            "{ resources(first: 101) { edges { cursor } } }",
            "`first` must be 1 to 100.",
            "`first` deve andare da 1 a 100.",
        ),
        ("{ a " * 61 + "}" * 61, "The document is nested too deeply", "Il documento è annidato troppo in profondità"),
        ("{ __schema { types { name } } }", "The schema is not told here", "Qui lo schema non si mostra"),
        ("{ nothing }", "Cannot query field 'nothing'", "Cannot query field 'nothing'"),
    ],
)
async def test_errors_of_an_operation_are_told_so_but_for_those_of_its_text(
    ask: world.Asker, query: str, english: str, italian: str
) -> None:
    for headers, language, expected in (({}, "en", english), (ITALIAN, "it", italian)):
        answer = await ask.http.post("/graphql", json={"query": query}, headers=headers)
        [error] = answer.json()["errors"]
        assert error["message"].startswith(expected)
        assert answer.headers["content-language"] == language
        assert answer.headers["vary"] == "Authorization, Accept, Accept-Language, Filiera-After"


async def test_what_is_no_request_is_a_problem_in_the_language(ask: world.Asker) -> None:
    answer = await ask.http.post("/graphql", json={"nothing": 1}, headers=ITALIAN)
    assert (answer.status_code, answer.headers["content-language"]) == (400, "it")
    assert answer.json()["detail"].startswith('Invia {"query": "...", "variables": {...}}: ha `query` o `documentId`')
    assert "Accept-Language" in answer.headers["vary"]
    refused = await ask.http.post(
        "/graphql", json={"query": "{ viewer { role } }"}, headers=ITALIAN | {"Authorization": "x"}
    )
    assert (refused.status_code, refused.json()["title"]) == (401, "Serve un token valido")


async def test_a_refusal_that_is_kept_is_told_in_the_language_of_who_reads_it(ask: world.Asker, tell: Tell) -> None:
    said = "No workshop has 90 free minutes of cutting between 2031-03-03 and 2031-03-07; none is left: order for other"
    said += " days."
    shop, order = new_id(), world.order(new_id(), [])
    order = world.order(shop, [], state=orders.OrderState.REFUSED, refusal=Refusal(code="NO_CAPACITY", message=said))
    await tell(order)
    query = "query($id: ID!) { node(id: $id) { ... on Order { refusal { code message } } } }"
    kept = [
        (await ask.as_(shop).data(query, headers, id=world.gid("Order", order.id)))["node"]["refusal"]
        for headers in ({}, ITALIAN)
    ]
    assert kept == [
        {"code": "NO_CAPACITY", "message": said},
        {
            "code": "NO_CAPACITY",
            "message": "Nessun laboratorio ha 90 minuti liberi di cutting fra il 2031-03-03 e il 2031-03-07;"
            " non ne resta nessuno: ordina per altri giorni.",
        },
    ]


async def test_how_a_booking_ended_is_told_so_too(ask: world.Asker, tell: Tell) -> None:
    brand, bench = new_id(), world.resource(new_id())
    due = [Due(debtor_id=brand, creditor_id=bench.party_id, amount=Money(100))]
    ending = Ending(by="buyer", code="CANCELLED", message="Cancelled by the buyer.", due=due)
    booked = world.booking(brand, bench, state=capacity.BookingState.CANCELLED, ending=ending)
    await tell(bench, booked)
    query = "query($id: ID!) { node(id: $id) { ... on Booking { ending { message } } } }"
    told = await ask.as_(brand, "brand").data(query, ITALIAN, id=world.gid("Booking", booked.id))
    assert told["node"]["ending"] == {"message": "Disdetta dall'acquirente."}


@pytest.mark.parametrize(
    ("header", "payload", "language"),
    [
        ({}, {}, "en"),
        (ITALIAN, {}, "it"),
        ({}, {"accept-language": "it"}, "it"),
        (ITALIAN, {"accept-language": "en"}, "en"),
        (ITALIAN, {"accept-language": ["en"]}, "it"),
    ],
)
async def test_a_web_socket_says_its_language_when_it_is_opened(
    address: str, header: dict[str, str], payload: dict[str, Any], language: str
) -> None:
    async with wire(address, additional_headers=header) as client:
        await client.send(type="connection_init", payload=payload)
        assert (await client.receive())["type"] == "connection_ack"
        await client.subscribe(WRONG_ID)
        assert (await client.receive())["payload"]["errors"][0]["message"] == NO_ID[language]


async def test_a_socket_is_closed_with_a_reason_in_its_language(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libs.graphql_streams.places.MOST_OPEN", 0)
    async with wire(address, additional_headers=ITALIAN) as client:
        assert await client.closed() == (1008, "Non più di 0 web socket e flussi di eventi insieme: chiudine uno")


async def test_events_are_told_in_the_language(ask: world.Asker) -> None:
    subscription = 'subscription { order(id: "x") { version } }'
    who = {"Authorization": f"Bearer {token(new_id(), 'retailer')}", "Accept": EVENTS}
    answer = await ask.http.post("/graphql", json={"query": subscription}, headers=who | ITALIAN)
    assert NO_ID["it"].encode() in answer.content
    assert answer.headers["vary"] == "Authorization, Accept, Accept-Language, Filiera-After"
