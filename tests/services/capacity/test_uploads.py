"""A signed address takes one file, as its party, until it is over; nothing else passes for one."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import text

from libs.contracts.capacity_answers import SignedUpload
from libs.contracts.capacity_questions import UploadKind
from libs.contracts.values import PartyKind
from libs.kit.db import Database, WriteSession, rows
from libs.kit.errors import Forbidden
from libs.kit.ids import new_id
from libs.kit.testing import eventually, headers
from libs.service.idempotency import Asked, first_answers
from libs.uploads import files
from libs.uploads.files import LARGEST, TYPES
from services.capacity.api import in_parts
from services.capacity.handlers import uploads
from tests.services.capacity import world
from tests.services.capacity.rows import ROW, a_table, counts, events, resource, send

CSV, CHANGES, ICS = UploadKind


async def sign(api: httpx.AsyncClient, workshop: UUID, kind: UploadKind, key: str | None = None) -> str:
    answer = await api.post("/uploads", json={"kind": kind}, headers=headers(workshop, "workshop", key))
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["content_type"], told["max_bytes"]) == (TYPES[kind], LARGEST)
    return str(told["signed"])


async def upload(
    api: httpx.AsyncClient, signed: str, body: bytes, type_: str = "text/csv", language: str = "en"
) -> httpx.Response:
    sent = {"Authorization": f"Upload {signed}", "Content-Type": type_, "Accept-Language": language}
    return await api.put("/uploads", content=body, headers=sent)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_each_kind_does_what_its_route_does(
    api: httpx.AsyncClient, db: Database, site: tuple[UUID, UUID]
) -> None:
    workshop, at = site
    row = ROW.format(reference="B1", site=at, name="Bench")
    published = await upload(api, await sign(api, workshop, CSV), a_table(row))
    assert counts(published.json()) == (1, 0, 0)
    changed = await upload(api, await sign(api, workshop, CHANGES), a_table("B1,60", head="reference,price_per_unit"))
    assert [line["changed"] for line in changed.json()["lines"]] == [["terms.price_per_unit"]]
    worked = await upload(api, await sign(api, workshop, ICS), events("B1"), "text/calendar")
    assert counts(worked.json(), "changed") == (1, 0, 0)
    versions = [answer.json()["lines"][0]["version"] for answer in (published, changed, worked)]
    assert versions == [1, 2, 3]
    now = await resource(db, workshop, "B1")
    assert (now.version, now.terms.price_per_unit.amount, len(now.pattern.events if now.pattern else ())) == (3, 60, 1)


async def test_the_same_file_is_taken_once_by_whichever_way_it_comes(
    api: httpx.AsyncClient, site: tuple[UUID, UUID]
) -> None:
    workshop, at = site
    key, body = str(new_id()), a_table(ROW.format(reference="B1", site=at, name="Bench"))
    signed = await sign(api, workshop, CSV, key)
    first, again = [await upload(api, signed, body) for _ in range(2)]
    other = await upload(api, await sign(api, workshop, CSV, key), body)
    assert [answer.headers.get("Idempotent-Replay") for answer in (first, again, other)] == [None, "true", "true"]
    assert first.json() == again.json() == other.json() == await send(api, workshop, body, key)
    assert counts(first.json()) == (1, 0, 0)


async def test_another_file_under_the_same_key_is_refused(
    api: httpx.AsyncClient, db: Database, site: tuple[UUID, UUID]
) -> None:
    workshop, at = site
    key = str(new_id())
    one, other = (a_table(ROW.format(reference=name, site=at, name="Bench")) for name in ("B1", "B2"))
    signed = await sign(api, workshop, CSV, key)
    await upload(api, signed, one)
    for answer in (await upload(api, signed, other), await upload(api, await sign(api, workshop, CHANGES, key), one)):
        assert refusal(answer) == (422, "KEY_REUSED")
        assert "Ask signUpload for a new one" in answer.json()["detail"]
    with pytest.raises(KeyError):
        await resource(db, workshop, "B2")


async def test_an_address_acts_as_its_party_alone(
    api: httpx.AsyncClient, db: Database, site: tuple[UUID, UUID]
) -> None:
    workshop, at = site
    row = ROW.format(reference="B1", site=at, name="Bench")
    await send(api, workshop, a_table(row))
    stranger = new_id()
    for kind in (CSV, CHANGES):
        report = (await upload(api, await sign(api, stranger, kind), a_table(row.replace(",55,", ",60,")))).json()
        assert counts(report) == (0, 0, 1)
        assert report["lines"][0]["errors"][0]["path"] == "site_id"
    report = (await upload(api, await sign(api, stranger, ICS), events("B1"), "text/calendar")).json()
    assert counts(report, "changed") == (0, 0, 1)
    assert (await resource(db, workshop, "B1")).version == 1


@pytest.mark.parametrize("role", ["brand", "retailer", "hub"])
async def test_who_publishes_nothing_gets_no_address(api: httpx.AsyncClient, role: str) -> None:
    answer = await api.post("/uploads", json={"kind": CSV}, headers=headers(new_id(), role))
    assert refusal(answer) == (403, "WRONG_ROLE")
    nobody = await api.post("/uploads", json={"kind": CSV}, headers={"Idempotency-Key": "k"})
    assert nobody.status_code == 401


async def test_what_is_no_such_file_changes_nothing(
    api: httpx.AsyncClient, db: Database, site: tuple[UUID, UUID]
) -> None:
    """And the address is good for the right one."""
    workshop, at = site
    body = a_table(ROW.format(reference="B1", site=at, name="Bench"))
    signed = await sign(api, workshop, CSV)
    wrong: list[tuple[bytes, str, tuple[int, str]]] = [
        (body, "text/calendar", (400, "WRONG_TYPE")),
        (b"", "text/csv", (400, "EMPTY")),
        (body + b"\n" * LARGEST, "text/csv", (400, "TOO_LARGE")),
        (events("B1"), "text/csv", (422, "FAULTY_FILE")),
        (b"\xff\xfe\x00", "text/csv", (422, "FAULTY_FILE")),
    ]
    for sent, type_, expected in wrong:
        answer = await upload(api, signed, sent, type_)
        assert refusal(answer) == expected
        assert answer.headers["Content-Type"] == "application/problem+json"
    faulty = await upload(api, await sign(api, workshop, ICS), body, "text/calendar; charset=utf-8")
    assert refusal(faulty) == (422, "FAULTY_FILE")
    with pytest.raises(KeyError):
        await resource(db, workshop, "B1")
    assert counts((await upload(api, signed, body, "Text/CSV; charset=utf-8")).json()) == (1, 0, 0)


@pytest.mark.parametrize("kind", UploadKind)
async def test_while_a_file_is_being_taken_none_is_taken_by_its_address(
    api: httpx.AsyncClient, db: Database, site: tuple[UUID, UUID], kind: UploadKind
) -> None:
    """Neither the same nor another, which is refused for good afterwards: its rows are not written."""
    workshop, at = site
    names = "B1", "B2"
    if kind is not CSV:
        await send(api, workshop, a_table(*(ROW.format(reference=name, site=at, name="Bench") for name in names)))
    one, other = (a_file_of(kind, name, at) for name in names)
    signed = await sign(api, workshop, kind, str(new_id()))
    async with db.write(workshop) as session:
        await session.execute(text("LOCK TABLE resource IN EXCLUSIVE MODE"))
        first = asyncio.create_task(upload(api, signed, one, TYPES[kind]))
        await eventually(lambda: waits_for_resources(session))
        meanwhile = [await upload(api, signed, body, TYPES[kind]) for body in (one, other)]
    for answer in meanwhile:
        assert refusal(answer) == (409, "STILL_RUNNING")
        assert answer.json()["detail"] == "This file is being taken; send it again in a moment for the report."
    done = "published" if kind is CSV else "changed"
    assert counts((await first).json(), done) == (1, 0, 0)
    assert (await upload(api, signed, one, TYPES[kind])).headers["Idempotent-Replay"] == "true"
    assert refusal(await upload(api, signed, other, TYPES[kind])) == (422, "KEY_REUSED")
    if kind is not CSV:
        assert (await resource(db, workshop, "B2")).version == 1


def a_file_of(kind: UploadKind, name: str, at: UUID) -> bytes:
    if kind is ICS:
        return events(name)
    row = ROW.format(reference=name, site=at, name="Bench")
    return a_table(row if kind is CSV else row.replace(",55,", ",60,"))


async def waits_for_resources(session: WriteSession) -> bool:
    """Whether a file is so far that it writes."""
    asked = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'resource'::regclass"
    [(waiting,)] = await rows(session, asked)
    return bool(waiting)


@pytest.mark.parametrize("kind", [CHANGES, ICS])
async def test_a_process_that_is_killed_leaves_no_address_taken(
    api: httpx.AsyncClient, db: Database, site: tuple[UUID, UUID], kind: UploadKind
) -> None:
    """What it took an address by goes with its connection; sent again, the file is done."""
    workshop, at = site
    await send(api, workshop, a_table(ROW.format(reference="B1", site=at, name="Bench")))
    key, body = str(new_id()), a_file_of(kind, "B1", at)
    signed = await sign(api, workshop, kind, key)
    async with in_parts.alone(db, Asked(workshop, key, b"")) as (session, is_free):
        assert is_free
        assert refusal(await upload(api, signed, body, TYPES[kind])) == (409, "STILL_RUNNING")
        [(process,)] = await rows(session, "SELECT pg_backend_pid()")
        async with db.write() as killer:
            await rows(killer, "SELECT pg_terminate_backend($1, 5000)", process)
        assert counts((await upload(api, signed, body, TYPES[kind])).json(), "changed") == (1, 0, 0)


async def test_while_another_command_has_the_key_a_file_is_not_taken(
    api: httpx.AsyncClient, db: Database, site: tuple[UUID, UUID]
) -> None:
    workshop, at = site
    key = str(new_id())
    for kind in UploadKind:
        signed = await sign(api, workshop, kind, key)
        async with db.write(workshop) as session:
            await first_answers(session, [Asked(workshop, key, b"")])
            answer = await upload(api, signed, a_file_of(kind, "B1", at), TYPES[kind])
        assert refusal(answer) == (409, "STILL_RUNNING")


async def test_a_file_that_does_not_come_is_not_waited_for(
    api: httpx.AsyncClient, site: tuple[UUID, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_DEADLINE", 0.1)

    async def slowly() -> AsyncIterator[bytes]:
        yield b"reference"
        await asyncio.sleep(30)

    sent = {"Authorization": f"Upload {await sign(api, site[0], CSV)}", "Content-Type": "text/csv"}
    async with asyncio.timeout(20):
        assert refusal(await api.put("/uploads", content=slowly(), headers=sent)) == (400, "TOO_SLOW")


async def test_the_report_is_told_in_the_language_of_who_sends(api: httpx.AsyncClient, site: tuple[UUID, UUID]) -> None:
    workshop, _ = site
    signed = await sign(api, workshop, CSV)
    body = a_table(ROW.format(reference="B1", site=new_id(), name="Bench"))
    english, italian = [await upload(api, signed, body, language=one) for one in ("en", "it")]
    assert [one.headers["Content-Language"] for one in (english, italian)] == ["en", "it"]
    told = [one.json()["lines"][0]["errors"][0]["message"] for one in (english, italian)]
    assert told[0] != told[1]
    over = await upload(api, "x", body, language="it")
    assert over.json()["detail"].startswith("Questo indirizzo non è stato firmato qui.")


# --- signatures ------------------------------------------------------------------------------------------------------


async def signed_now(db: Database, party: UUID | None = None) -> SignedUpload:
    async with db.read() as session:
        return await uploads.sign(session, world.principal(PartyKind.LAB, party), CSV, "a key, “quoted”")


async def code(db: Database, signed: str) -> str:
    async with db.read() as session:
        with pytest.raises(Forbidden) as refused:
            await uploads.opened(session, signed)
    return refused.value.code


async def test_what_was_signed_is_read_as_it_was(db: Database) -> None:
    party = new_id()
    signed = await signed_now(db, party)
    async with db.read() as session:
        upload = await uploads.opened(session, signed.signed)
    told = (upload.caller.party, upload.caller.role, upload.kind, upload.key, upload.until)
    assert told == (party, PartyKind.LAB, CSV, "a key, “quoted”", signed.expires_at)


async def test_any_byte_that_is_otherwise_is_refused(db: Database) -> None:
    """Each byte of an address, the spare bits at the end of base64 among them; and what is cut off or put on."""
    signed = (await signed_now(db)).signed
    others = [
        signed[:at] + other + signed[at + 1 :]
        for at, was in enumerate(signed)
        for other in (chr(ord(was) ^ 1), chr(ord(was) ^ 2), was.swapcase(), "\xe9")
        if other != was
    ]
    others += [signed[:-1], signed[1:], signed + "=", signed + ".", signed.rstrip("="), f" {signed}", "", ".", "..."]
    async with db.read() as session:
        for other in others:
            with pytest.raises(Forbidden):
                await uploads.opened(session, other)


@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_nothing_that_is_made_up_passes(db: Database, data: Any) -> None:
    """Parts of good ones put together otherwise, among it."""
    one, other = (await signed_now(db)).signed, (await signed_now(db)).signed
    pieces = st.sampled_from([*one.split("."), *other.split("."), ".", "", "="]) | st.text(
        st.characters(max_codepoint=255)
    )
    made = "".join(data.draw(st.lists(pieces, max_size=4)))
    if made not in (one, other):
        assert await code(db, made) == "NO_UPLOAD"


async def test_an_address_is_over_by_the_databases_clock(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async with db.read() as session:
        [(before,)] = await rows(session, "SELECT clock_timestamp()")
        signed = await uploads.sign(session, world.principal(PartyKind.LAB), CSV, "k")
        [(after,)] = await rows(session, "SELECT clock_timestamp()")
    assert before <= signed.expires_at - uploads.LASTS <= after
    monkeypatch.setattr(uploads, "LASTS", timedelta(0))
    assert await code(db, (await signed_now(db)).signed) == "UPLOAD_EXPIRED"


async def test_an_address_that_is_over_changes_nothing(
    api: httpx.AsyncClient, db: Database, site: tuple[UUID, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does it tell what came of the file: another, signed with the same key, does."""
    workshop, at = site
    key, body = str(new_id()), a_table(ROW.format(reference="B1", site=at, name="Bench"))
    with monkeypatch.context() as patched:
        patched.setattr(uploads, "LASTS", timedelta(0))
        over = await sign(api, workshop, CSV, key)
    answer = await upload(api, over, body)
    assert refusal(answer) == (403, "UPLOAD_EXPIRED")
    with pytest.raises(KeyError):
        await resource(db, workshop, "B1")
    assert counts((await upload(api, await sign(api, workshop, CSV, key), body)).json()) == (1, 0, 0)


async def test_the_service_may_read_its_key_and_nothing_more(db: Database) -> None:
    async with db.read() as session:
        [(key,)] = await rows(session, "SELECT key FROM upload_key")
    assert len(key) == 32
    for change in ("UPDATE upload_key SET key = key", "DELETE FROM upload_key", "INSERT INTO upload_key VALUES (true)"):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with db.write() as session:
                await session.execute(text(change))
