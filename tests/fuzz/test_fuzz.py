"""Whatever the published descriptions let anybody send, by any party, is never a fault of ours (a status of 5xx).

Requests are made by schemathesis from OpenAPI and from the GraphQL schema, good ones and bad ones, on a platform of
its own. Ids that exist take the place of made-up ones half of the time, so that more than 404 is seen. The seed is
printed; FILIERA_FUZZ_SEED takes it again, and FILIERA_FUZZ_EXAMPLES says how many of each.
"""

import asyncio
import os
import random
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.graphql import nodes

from libs.kit.testing import eventually
from services.capacity.files import table
from services.gateway import sdl
from tests.system import trade
from tests.system.running import SERVICES, Running, free_ports

SEED = int(os.environ.get("FILIERA_FUZZ_SEED", random.randrange(2**32)))
EXAMPLES = int(os.environ.get("FILIERA_FUZZ_EXAMPLES", "12"))
ROLES = ("brand", "workshop", "retailer", "lab", "hub")
pytestmark = [pytest.mark.system, pytest.mark.xdist_group("system")]
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
QUIET = settings(
    max_examples=EXAMPLES,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),  # schemathesis makes up what the schemas demand, however long it takes
)


@dataclass(frozen=True)
class World:
    """What there is to be asked for: parties by role, and the ids of what they have."""

    running: Running
    tokens: dict[str | None, str]
    """By role; a bad one for nobody."""
    ids: list[str]
    """Bare, as the services take them."""
    global_ids: list[str]
    """As the gateway does."""

    def headers(self, role: str | None) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[role]}", "Idempotency-Key": str(uuid4())}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A platform, as it comes, with a workshop, a brand and a shop that trade."""
    running = Running(tmp_path_factory.mktemp("fuzz"), free_ports(), {})
    running.up()
    try:
        yield asyncio.run(populated(running))
    finally:
        running.run("down")


async def populated(running: Running) -> World:
    async with running.client() as client:
        place = await trade.workshop(client, "laser")
        brand = await trade.register(client, "brand", "Casa")
        shop = await trade.register(client, "retailer", "Bottega")
        thing = await trade.product(brand, "laser")
        holds = [await trade.hold(brand, place.resource, ahead=n, quantity=5) for n in (3, 4)]
        booking = (await brand.do("confirmHold", "booking { id }", {"id": holds[1]}))["booking"]["id"]
        order = await trade.order(shop, thing)
    known = [place.site, place.resource, thing, *holds, booking, order]
    parties = {
        "workshop": place.actor.party,
        "brand": brand.party,
        "retailer": shop.party,
        "lab": uuid4(),
        "hub": uuid4(),
    }
    tokens: dict[str | None, str] = {role: running.token(party, role) for role, party in parties.items()}
    return World(running, tokens | {None: "x"}, [*map(trade.bare, known), *map(str, parties.values())], known)


def fuzz(world: World, service: str, url: str, operation: Any) -> Counter[int]:
    """Send examples of one operation, each as somebody; how often each status was answered. Fails at a 5xx."""
    statuses: Counter[int] = Counter()
    schema = st.one_of([operation.as_strategy(generation_mode=mode) for mode in MODES])

    @seed(SEED)
    @QUIET
    @given(case=schema, role=st.sampled_from([*ROLES, None]), known=st.lists(st.sampled_from(world.ids), min_size=1))
    def send(case: Case, role: str | None, known: list[str]) -> None:
        if len(known) > 1:
            put_known(case, known)
        with suppress(requests.exceptions.InvalidHeader, requests.exceptions.InvalidURL, UnicodeError):
            answer = case.call(
                base_url=url, headers=world.headers(role) | {"Idempotency-Key": str(uuid4())}, timeout=30
            )
            statuses[answer.status_code] += 1
            assert answer.status_code < 500, (SEED, service, role, case.as_curl_command(), answer.text)

    send()
    return statuses


def put_known(case: Case, known: list[str]) -> None:
    """Have ids that exist where ids are."""
    for name in case.path_parameters or {}:
        case.path_parameters[name] = known[0]
    if isinstance(case.body, dict | list):
        case.body = replaced(case.body, iter(known * 20))


def replaced(value: Any, known: Iterator[str]) -> Any:
    if isinstance(value, dict):
        return {name: replaced(item, known) for name, item in value.items()}
    if isinstance(value, list):
        return [replaced(item, known) for item in value]
    with suppress(ValueError, TypeError, AttributeError):
        return next(known, value) if str(UUID(value)) == value else value
    return value


@pytest.mark.parametrize("service", sorted(set(SERVICES) - {"gateway"}))
def test_no_request_to_a_service_is_a_fault_of_ours(world: World, service: str) -> None:
    url = world.running.status()[service]["url"]
    document = httpx.get(f"{url}/openapi.json", timeout=20, trust_env=False).json()
    statuses: Counter[int] = Counter()
    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        statuses += fuzz(world, service, url, found.ok())
    print(f"seed {SEED}, {service}: {dict(sorted(statuses.items()))}")
    assert statuses.total() > EXAMPLES


SCALARS = {"Date": st.dates(), "DateTime": st.datetimes(timezones=st.just(UTC))}


@pytest.fixture(scope="module")
def schema() -> schemathesis.schemas.BaseSchema:
    """The gateway's schema as schemathesis knows it."""
    for name, values in SCALARS.items():
        schemathesis.graphql.scalar(name, values.map(lambda value: nodes.String(value.isoformat())))
    return schemathesis.graphql.from_file(sdl.PATH.read_text())


def test_no_operation_of_the_gateway_is_a_fault_of_ours(world: World, schema: Any) -> None:
    told: Counter[str] = Counter()
    with httpx.Client(base_url=world.running.url, timeout=30, trust_env=False) as http:
        for found in schema.get_all_operations():
            told += fuzz_field(world, http, found.ok())
    print(f"seed {SEED}, gateway: {dict(sorted(told.items()))}")
    assert told["data"] > EXAMPLES


def fuzz_field(world: World, http: httpx.Client, operation: Any) -> Counter[str]:
    """Send examples of one field of a root, each as somebody; how often there were data, and each code of an error."""
    told: Counter[str] = Counter()

    @seed(SEED)
    @QUIET
    @given(
        case=operation.as_strategy(), role=st.sampled_from(ROLES), known=st.none() | st.sampled_from(world.global_ids)
    )
    def send(case: Case, role: str, known: str | None) -> None:
        query = sensible(case.body, known) if known else case.body
        answer = http.post("/graphql", json={"query": query}, headers=world.headers(role))
        codes = [error.get("extensions", {}).get("code", "") for error in answer.json().get("errors", ())]
        told.update(codes or ["data"])
        assert answer.status_code < 500, (SEED, role, query, answer.text)
        assert "INTERNAL" not in codes, (SEED, role, query, answer.text)

    send()
    return told


def sensible(document: str, known: str) -> str:
    """With an id that exists, and pages of a size that there may be: else most are refused for that alone."""
    document = re.sub(r'([iI]d: )"[^"]*"', rf'\1"{known}"', document)
    return re.sub(r"first: -?(\d+)", lambda found: f"first: {int(found[1]) % 100 + 1}", document)


SIGN = (
    "mutation($kind: UploadKind!) { signUpload(input: {kind: $kind}) { ... on SignUploadSuccess { url contentType } } }"
)
CELLS = (
    "B1",
    "bench",
    "laser",
    "55",
    "-1",
    "Mon-Fri 08:00-12:00",
    "laser=1/5+21",
    "IT-MI",
    '"',
    ",",
    ";",
    "\n",
    "\r\n",
)
LINES = (
    *("BEGIN:VCALENDAR", "BEGIN:VEVENT", "END:VEVENT", "END:VCALENDAR", "X-FILIERA-REFERENCE:B1", "DURATION:PT1H"),
    *("DTSTART:20270301T080000Z", "DTSTART;VALUE=DATE:20270301", "RRULE:FREQ=DAILY;COUNT=3", "RRULE:FREQ=SECONDLY"),
)
WORDS = st.sampled_from([*table.NEEDED, *table.OPTIONAL, *CELLS, *(f"{line}\r\n" for line in LINES)])
FILES = st.binary(max_size=200) | st.lists(WORDS | st.text(max_size=8), max_size=60).map(
    lambda words: "".join(words).encode()
)


@pytest.mark.parametrize("kind", ["RESOURCES_CSV", "RESOURCE_CHANGES_CSV", "CALENDARS_ICS"])
def test_no_file_for_a_signed_address_is_a_fault_of_ours(world: World, kind: str) -> None:
    statuses: Counter[int] = Counter()
    with httpx.Client(base_url=world.running.url, timeout=30, trust_env=False) as http:

        @seed(SEED)
        @QUIET
        @given(file=FILES, spoilt=st.booleans(), more=st.text(max_size=20))
        def send(file: bytes, spoilt: bool, more: str) -> None:
            asked = {"query": SIGN, "variables": {"kind": kind}}
            to = http.post("/graphql", json=asked, headers=world.headers("workshop")).json()["data"]["signUpload"]
            with suppress(httpx.InvalidURL, UnicodeError):
                url = to["url"] + (quote(more, safe="") if spoilt else "")
                answer = http.put(url, content=file, headers={"Content-Type": to["contentType"]})
                statuses[answer.status_code] += 1
                assert answer.status_code < 500, (SEED, kind, file, more, answer.text)

        send()
    print(f"seed {SEED}, {kind}: {dict(sorted(statuses.items()))}")
    assert statuses.total() > EXAMPLES // 2


def test_what_was_taken_is_understood_by_everybody(world: World) -> None:
    """Runs last: no event that came of it is parked anywhere."""

    def settled() -> bool:
        parts = [part for name, part in world.running.status().items() if name in SERVICES]
        return all(part["state"] == "ready" and not part["outbox_unsent"] for part in parts)

    asyncio.run(eventually(settled, 60))
    assert {name: part["parked"] for name, part in world.running.status().items() if part.get("parked")} == {}
