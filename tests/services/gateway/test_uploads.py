"""A workshop sends its list through the gateway by a signed address, without a token, and is told row by row."""

import asyncio
import logging
import re
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest

from libs.graphql_limits.rules import Rules, allowed
from libs.kit.db import Database
from libs.kit.ids import new_id
from libs.uploads import passing
from libs.uploads.files import LARGEST
from services.capacity.handlers import uploads
from services.gateway.app import api
from tests.conftest import Databases
from tests.services.capacity.rows import ROW, a_table, counts, events
from tests.services.gateway import world
from tests.services.gateway.test_commands import FAILURE, do
from tests.services.gateway.test_publishing import know_site

SIGN = f"""mutation($input: SignUploadInput!) {{ signUpload(input: $input) {{ {FAILURE}
    ... on SignUploadSuccess {{ url method contentType maxBytes expiresAt idempotencyKey }} }} }}"""
VERSION = "query($id: ID!) { node(id: $id) { ... on Resource { version } } }"


@pytest.fixture
async def capacity(live: world.Asker, database: Databases) -> Database:
    """The database of the capacity that the gateway passes files on to."""
    return await database("capacity")


async def workshop(live: world.Asker, capacity: Database) -> tuple[world.Asker, str]:
    """A workshop with a site, and a row of its list."""
    party, site = new_id(), new_id()
    await know_site(capacity, party, site)
    return live.as_(party, "workshop"), ROW.format(reference="B1", site=site, name="Banco")


async def signed(me: world.Asker, kind: str = "RESOURCES_CSV", **more: str) -> dict[str, Any]:
    done = await do(me, SIGN, kind=kind, **more)
    assert done["__typename"] == "SignUploadSuccess", done
    return done


async def send(me: world.Asker, to: dict[str, Any], body: bytes, **headers: str) -> httpx.Response:
    """As a browser would: by what the mutation told, and nothing else."""
    told = {"Content-Type": to["contentType"]} | {name.replace("_", "-"): value for name, value in headers.items()}
    return await me.http.request(to["method"], to["url"], content=body, headers=told)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.status_code, answer.json()["code"]


async def test_the_life_of_an_upload(
    live: world.Asker, capacity: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One start of the services for what belongs together."""
    me, row = await workshop(live, capacity)
    await a_table_is_published_once_and_seen(me, row)
    await a_table_and_a_calendar_change_it(me)
    await what_is_refused_is_told_line_by_line_in_the_senders_language(me, row)
    await what_is_no_such_file_is_refused_and_the_address_stays_good(me, row)
    await an_altered_address_is_refused(me, row)
    await an_address_that_is_over_is_refused(me, row, monkeypatch)
    await who_publishes_nothing_gets_no_address(live)
    await no_log_tells_the_address_of_a_fault(me, row, monkeypatch, caplog)
    await who_goes_away_is_no_fault_of_ours(me, caplog)
    await without_capacity_it_is_sent_again(me, row, monkeypatch)
    await whoever_sends_pays(me, row, monkeypatch)
    await nothing_is_read_of_who_can_send_no_file(me, monkeypatch)


async def a_table_is_published_once_and_seen(me: world.Asker, row: str) -> None:
    many = a_table(row, row.replace("B1", "last")) + b"\n" * 1024 * 1024  # more than an operation may have
    to = await signed(me)
    assert (to["method"], to["contentType"], to["maxBytes"]) == ("PUT", "text/csv", LARGEST)
    assert to["url"].startswith("/uploads/")
    first, again = [await send(me, to, many) for _ in range(2)]
    assert (first.status_code, first.headers["Cache-Control"]) == (200, "no-store")
    assert counts(first.json()) == (2, 0, 0)
    assert [one.headers.get("Idempotent-Replay") for one in (first, again)] == [None, "true"]
    assert (first.json(), first.headers["Filiera-After"]) == (again.json(), again.headers["Filiera-After"])
    seen = await me.data(
        VERSION,
        {"Filiera-After": first.headers["Filiera-After"]},
        id=world.gid("Resource", first.json()["lines"][-1]["resource_id"]),
    )
    assert seen == {"node": {"version": 1}}
    assert refusal(await send(me, to, a_table(row))) == (422, "KEY_REUSED")


async def a_table_and_a_calendar_change_it(me: world.Asker) -> None:
    dearer = a_table("B1,60", head="reference,price_per_unit")
    changed = await send(me, await signed(me, "RESOURCE_CHANGES_CSV"), dearer)
    assert counts(changed.json(), "changed") == (1, 0, 0)
    worked = await send(me, await signed(me, "CALENDARS_ICS"), events("B1"))
    [line] = worked.json()["lines"]
    seen = await me.data(
        VERSION, {"Filiera-After": worked.headers["Filiera-After"]}, id=world.gid("Resource", line["resource_id"])
    )
    assert seen == {"node": {"version": 3}}
    unchanged = await send(me, await signed(me, "RESOURCE_CHANGES_CSV"), dearer)
    assert counts(unchanged.json(), "changed") == (0, 1, 0)
    assert "Filiera-After" not in unchanged.headers


async def what_is_refused_is_told_line_by_line_in_the_senders_language(me: world.Asker, row: str) -> None:
    body, to = a_table(row.replace("bench", "oven"), row.replace("B1", "B2")), await signed(me)
    english, italian = [await send(me, to, body, Accept_Language=one) for one in ("en", "it")]
    assert counts(english.json()) == counts(italian.json()) == (1, 0, 1)
    told = [one.json()["lines"][0]["errors"][0]["message"] for one in (english, italian)]
    assert [one.headers["Content-Language"] for one in (english, italian)] == ["en", "it"]
    assert told[0] != told[1]


async def what_is_no_such_file_is_refused_and_the_address_stays_good(me: world.Asker, row: str) -> None:
    to, body = await signed(me), a_table(row.replace("B1", "B3"))
    assert refusal(await send(me, to | {"contentType": "application/json"}, body)) == (400, "WRONG_TYPE")
    assert refusal(await send(me, to | {"contentType": "text/calendar"}, body)) == (400, "WRONG_TYPE")
    assert refusal(await send(me, to, b"")) == (400, "EMPTY")
    assert refusal(await send(me, to, body + b"\n" * LARGEST)) == (400, "TOO_LARGE")
    assert refusal(await send(me, to, events("B1"))) == (422, "FAULTY_FILE")
    empty = await send(me, to, b"", Accept_Language="it")
    assert empty.json()["detail"] == "Il file è vuoto: invialo come corpo della richiesta."
    assert counts((await send(me, to, body)).json()) == (1, 0, 0)


async def an_altered_address_is_refused(me: world.Asker, row: str) -> None:
    """Nor is any other text a fault of ours."""
    url = (await signed(me))["url"]
    others = [
        url[:-2],
        url + "=",
        url.replace(".", "A."),
        "/uploads/x",
        "/uploads/%00%0d%0a.%C3%A9%FF",
        url + "x" * 9_000,
    ]
    for other in others:
        answer = await send(me, {"url": other, "method": "PUT", "contentType": "text/csv"}, a_table(row))
        assert refusal(answer) == (403, "NO_UPLOAD")
        assert "Take the url that signUpload answers" in answer.json()["detail"]


async def an_address_that_is_over_is_refused(me: world.Asker, row: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(uploads, "LASTS", timedelta(0))
        over = await signed(me)
    answer = await send(me, over, a_table(row), Accept_Language="it")
    assert refusal(answer) == (403, "UPLOAD_EXPIRED")
    assert answer.json()["detail"].startswith("Questo indirizzo è scaduto. Chiedine un altro a signUpload")
    one = await signed(me)  # without a key of its own: what came of its file is asked for by the one that it was given
    first = await send(me, one, a_table(row))
    other = await signed(me, idempotencyKey=one["idempotencyKey"])
    again = await send(me, other, a_table(row))
    assert (again.headers["Idempotent-Replay"], again.json()) == ("true", first.json())


async def who_publishes_nothing_gets_no_address(live: world.Asker) -> None:
    brand = await do(live.as_(new_id(), "brand"), SIGN, kind="RESOURCES_CSV")
    nobody = await do(live, SIGN, kind="RESOURCES_CSV")
    assert [(one["__typename"], one["code"]) for one in (brand, nobody)] == [
        ("NotAllowed", "WRONG_ROLE"),
        ("NotAllowed", "UNAUTHENTICATED"),
    ]


async def whoever_sends_pays(me: world.Asker, row: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By where it comes from, as whoever has no token; what is not paid for is not looked at."""
    to = await signed(me)
    few = Rules(points_anonymous=1)
    with monkeypatch.context() as patched:
        patched.setattr(api.state, "allowed", allowed(api.state.kit, few))
        answers = [await send(me, to, a_table(row)) for _ in range(2)]
    assert refusal(answers[-1]) == (429, "RATE_LIMITED")
    assert int(answers[-1].headers["Retry-After"]) > 1
    assert answers[-1].json()["title"] == "Too much was asked for"


async def nothing_is_read_of_who_can_send_no_file(me: world.Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    """No such address, too large by what it says, too little left to pay, too many at once: the answer comes before the
    body does, of which nothing is kept."""
    good = (await signed(me))["url"]
    assert await refused_unread(me, "/uploads/x") == (403, "NO_UPLOAD")
    assert await refused_unread(me, f"{good}{'x' * 2048}") == (403, "NO_UPLOAD")
    assert await refused_unread(me, good, LARGEST + 1) == (400, "TOO_LARGE")
    with monkeypatch.context() as patched:
        patched.setattr(api.state, "allowed", allowed(api.state.kit, Rules(points_anonymous=1)))
        await send(me, {"url": good, "method": "PUT", "contentType": "text/csv"}, b"")
        assert await refused_unread(me, good) == (429, "RATE_LIMITED")
    with monkeypatch.context() as patched:
        patched.setattr(passing, "MOST_AT_ONCE", 0)
        assert await refused_unread(me, good) == (503, "BUSY")


async def refused_unread(me: world.Asker, url: str, size: int = 2000) -> tuple[int, str]:
    """What is answered to the head of a request, of which no body is sent."""
    reader, writer = await asyncio.open_connection(me.http.base_url.host, me.http.base_url.port)
    head = f"PUT {url} HTTP/1.1\r\nHost: t\r\nContent-Type: text/csv\r\nContent-Length: {size}\r\n\r\n"
    writer.write(head.encode())
    async with asyncio.timeout(10):
        told = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = re.search(r"content-length: (\d+)", told, re.IGNORECASE)
        body = await reader.readexactly(int(length[1]) if length else 0)
    writer.close()
    await writer.wait_closed()
    return int(told.split()[1]), msgspec.json.decode(body)["code"]


async def no_log_tells_the_address_of_a_fault(
    me: world.Asker, row: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    to = await signed(me)
    caplog.clear()
    with monkeypatch.context() as patched, caplog.at_level(logging.DEBUG):
        patched.setattr(api.state, "http", None)
        answer = await send(me, to, a_table(row))
    assert (answer.status_code, answer.json()["code"]) == (500, "INTERNAL")
    [told] = [record for record in caplog.records if record.message == "unexpected failure"]
    assert vars(told)["path"] == "/uploads"
    ours = [record for record in caplog.records if record.name.partition(".")[0] in ("libs", "services", "uvicorn")]
    assert not [record for record in ours if to["url"].rpartition("/")[2] in str(vars(record))]


async def who_goes_away_is_no_fault_of_ours(me: world.Asker, caplog: pytest.LogCaptureFixture) -> None:
    """Neither in the middle of a file, at the gateway or at capacity, nor of an operation."""
    gateway, capacity = me.http.base_url, httpx.URL(api.state.kit.settings.services["capacity"])
    signed_at = (await signed(me))["url"]
    by_address = f"Authorization: Upload {signed_at.rpartition('/')[2]}\r\nContent-Type: text/csv"
    caplog.clear()
    await cut_off(gateway, f"PUT {signed_at}", "Content-Type: text/csv")
    await cut_off(gateway, "POST /graphql", "Content-Type: application/json")
    await cut_off(capacity, "PUT /uploads", by_address)
    done = await send(me, await signed(me), b"x")  # what was sent before is over by now
    assert done.json()["code"] == "FAULTY_FILE"
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def cut_off(url: httpx.URL, asked: str, headers: str) -> None:
    """Send half of a body, and go away; what that leads to is over soon."""
    reader, writer = await asyncio.open_connection(url.host, url.port)
    head = f"{asked} HTTP/1.1\r\nHost: t\r\n{headers}\r\nContent-Length: 2000\r\nExpect: 100-continue\r\n\r\n"
    writer.write(head.encode())
    await reader.readuntil(b"\r\n\r\n")  # it is being read now
    writer.write(b"half")
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def without_capacity_it_is_sent_again(me: world.Asker, row: str, monkeypatch: pytest.MonkeyPatch) -> None:
    to = await signed(me)
    with monkeypatch.context() as patched:
        patched.setitem(api.state.kit.settings.services, "capacity", "http://127.0.0.1:9")
        away = await send(me, to, a_table(row))
        unsigned = await do(me, SIGN, kind="RESOURCES_CSV")
    assert refusal(away) == (503, "UNAVAILABLE")
    assert "send the same file to the same address again and it is done once" in away.json()["detail"]
    assert unsigned["__typename"] == "Unavailable"
    assert (await send(me, to, a_table(row))).status_code == 200
