import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import UUID, uuid4

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from libs.demo.cli import _command, _commanded, main
from libs.demo.client import Actor, DemoError, Platform, RefusedError, UnreachableError

Answers = list[tuple[int, Any]]
ORDER = "subscription Order($id: ID!) { order(id: $id) { state } }"


def a_token(party: UUID, role: str) -> str:
    return "secret-token"


class Gateway:
    """Answers HTTP requests on a port of its own with what it was told, one after the other; remembers the requests."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.heads: list[str] = []
        self.bodies: list[Any] = []
        self.talks: list[Any] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.talks.append(asyncio.current_task())
        with suppress(asyncio.IncompleteReadError):  # the client is done
            while self.answers:
                await self._answer(reader, writer)
        writer.close()
        await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.split("content-length: ")[1].split("\r\n")[0])
        self.heads.append(head)
        self.bodies.append(json.loads(await reader.readexactly(length)))
        status, body = self.answers.pop(0)
        text = body if isinstance(body, str) else json.dumps(body)
        writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: {len(text)}\r\n\r\n{text}".encode())
        await writer.drain()


@asynccontextmanager
async def answering(*answers: tuple[int, Any]) -> AsyncIterator[tuple[Gateway, Actor]]:
    gateway = Gateway(list(answers))
    async with await asyncio.start_server(gateway, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with Platform(f"http://127.0.0.1:{port}", a_token) as platform:
            yield gateway, platform.actor("brand", "Casa Velmira")
        await asyncio.gather(*gateway.talks)


def success(**fields: Any) -> tuple[int, Any]:
    return 200, {"data": {"placeHold": {"__typename": "PlaceHoldSuccess", "after": "a1", **fields}}}


def failure(kind: str, code: str, **fields: Any) -> tuple[int, Any]:
    result = {"__typename": kind, "code": code, "message": "Only 60 minutes are free.", **fields}
    return 200, {"data": {"placeHold": result}}


async def test_a_read_waits_for_what_was_written_before() -> None:
    async with answering(success(hold={"id": "h1"}), (200, {"data": {"node": None}})) as (gateway, brand):
        assert (await brand.do("placeHold", "hold { id }", {}))["hold"] == {"id": "h1"}
        await brand.ask("{ node }")
    assert "filiera-after" not in gateway.heads[0]
    assert "filiera-after: a1" in gateway.heads[1]


async def test_a_mutation_speaks_for_its_party_and_has_a_key_of_its_own() -> None:
    async with answering(success(), success()) as (gateway, brand):
        await brand.do("placeHold", "hold { id }", {"seconds": 2})
        await brand.do("placeHold", "hold { id }", {"seconds": 2})
    assert "authorization: bearer secret-token" in gateway.heads[0]
    keys = {body["variables"]["input"]["idempotencyKey"] for body in gateway.bodies}
    assert len(keys) == 2


async def test_a_refusal_carries_its_kind_code_and_sentence() -> None:
    async with answering(failure("Conflict", "NO_CAPACITY")) as (_, brand):
        with pytest.raises(RefusedError, match="Only 60 minutes are free") as refused:
            await brand.do("placeHold", "hold { id }", {}, patience=5)
    assert (refused.value.kind, refused.value.code) == ("Conflict", "NO_CAPACITY")


async def test_invalid_input_names_the_field() -> None:
    fields = [{"path": "seconds", "message": "At least 1."}]
    async with answering(failure("InvalidInput", "INVALID", fields=fields)) as (_, brand):
        with pytest.raises(RefusedError, match=r"\[seconds: At least 1\.\]"):
            await brand.do("placeHold", "hold { id }", {})


@pytest.mark.parametrize(
    "passing",
    [
        failure("Unavailable", "UNAVAILABLE"),
        failure("Conflict", "STILL_RUNNING"),
        failure("InvalidInput", "SITE_UNKNOWN"),
        (503, {"detail": "starting"}),
        (429, ""),
    ],
)
async def test_a_patient_mutation_is_sent_again_with_the_same_key(passing: tuple[int, Any]) -> None:
    async with answering(passing, passing, success(hold={"id": "h1"})) as (gateway, brand):
        await brand.do("placeHold", "hold { id }", {}, patience=5)
    assert len({body["variables"]["input"]["idempotencyKey"] for body in gateway.bodies}) == 1
    assert len(gateway.bodies) == 3


async def test_an_impatient_mutation_is_sent_once() -> None:
    async with answering(failure("Unavailable", "UNAVAILABLE"), success()) as (gateway, brand):
        with pytest.raises(RefusedError):
            await brand.do("placeHold", "hold { id }", {}, patience=0)
        assert len(gateway.bodies) == 1


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (200, {"data": None, "errors": [{"message": "Cannot query field 'x'"}]}, "Cannot query field 'x'"),
        (401, {"title": "Unauthenticated", "detail": "The token is not accepted"}, "The token is not accepted"),
        (200, "<html>hello</html>", "is this the gateway's address"),
        (200, "[1]", "is this the gateway's address"),
    ],
)
async def test_an_unexpected_answer_is_one_sentence(status: int, body: Any, sentence: str) -> None:
    async with answering((status, body)) as (_, brand):
        with pytest.raises(DemoError, match=sentence) as error:
            await brand.ask("{ x }")
    assert "secret-token" not in str(error.value)


async def test_nobody_there_says_what_to_do(unused_port: int) -> None:
    async with Platform(f"http://127.0.0.1:{unused_port}", a_token) as platform:
        with pytest.raises(UnreachableError, match=f"Nothing answers at http://127.0.0.1:{unused_port}: start it with"):
            await platform.answers()


def test_the_command_fails_with_one_sentence_when_nothing_runs(
    unused_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--gateway", f"http://127.0.0.1:{unused_port}", "--token-command", "echo {role}"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    address = f"http://127.0.0.1:{unused_port}"
    hint = "start it with ./filiera up; if it is up, ./filiera status says why"
    assert printed.err == f"filiera: Nothing answers at {address}: {hint}\n"


async def test_a_gateway_that_stops_answering_is_not_told_to_be_started() -> None:
    async with answering((200, {"data": {}})) as (_, brand):
        await brand.ask("{ x }")
        with pytest.raises(UnreachableError, match=r"answers no more .*try again in a moment"):
            await brand.ask("{ x }")  # it has no answer left and hangs up


@pytest.mark.parametrize("command", ["echo {nope}", "echo {", "echo {party.name}", "echo 'open", ""])
def test_a_token_command_that_cannot_be_filled_in_is_refused_at_once(
    command: str, unused_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["--gateway", f"http://127.0.0.1:{unused_port}", "--token-command", command])
    assert "argument --token-command: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("sh -c 'echo no such role >&2; exit 3'", "ended with 3: no such role"),
        ("true", "ended with 0: it printed nothing"),
    ],
)
async def test_a_token_command_that_fails_says_why(command: str, sentence: str) -> None:
    tokens = _commanded(_command(command))
    with pytest.raises(DemoError, match=sentence):
        tokens(uuid4(), "brand")


@pytest.fixture
def unused_port() -> int:
    """A port that refuses connections: the discard port, which nobody serves."""
    return 9


@asynccontextmanager
async def telling(*messages: dict[str, Any]) -> AsyncIterator[tuple[list[Any], Actor]]:
    """A gateway that acknowledges, then tells these messages and falls silent; what it heard."""
    heard: list[Any] = []

    async def speak(socket: ServerConnection) -> None:
        heard.append(json.loads(await socket.recv()))
        await socket.send(json.dumps({"type": "ping"}))
        await socket.send(json.dumps({"type": "connection_ack"}))
        for message in messages:
            await socket.send(json.dumps(message))
        with suppress(ConnectionClosed):
            while True:
                heard.append(json.loads(await socket.recv()))

    async with serve(speak, "127.0.0.1", 0, subprotocols=["graphql-transport-ws"]) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with Platform(f"http://127.0.0.1:{port}", a_token) as platform:
            yield heard, platform.actor("retailer", "Spazio Lunari", uuid4())


def told(state: str) -> dict[str, Any]:
    return {"type": "next", "id": "1", "payload": {"data": {"order": {"state": state}}}}


def is_confirmed(data: dict[str, Any]) -> bool:
    return bool(data["order"]["state"] == "CONFIRMED")


async def test_a_watch_ends_with_the_first_answer_that_is_enough() -> None:
    async with telling(told("PLACED"), told("CONFIRMED"), told("CANCELLED")) as (heard, shop):
        seen = await shop.watch(ORDER, {"id": "o1"}, is_confirmed)
    assert [data["order"]["state"] for data in seen] == ["PLACED", "CONFIRMED"]
    assert heard[0] == {"type": "connection_init", "payload": {"authorization": "Bearer secret-token"}}
    assert {"type": "pong"} in heard


async def test_a_watch_that_sees_nothing_final_in_time_says_what_it_saw() -> None:
    async with telling(told("PLACED")) as (_, shop):
        with pytest.raises(UnreachableError, match=r"nothing final in 0.5 s.*PLACED"):
            await shop.watch(ORDER, {"id": "o1"}, is_confirmed, seconds=0.5)


@pytest.mark.parametrize(
    "message",
    [
        {"type": "error", "id": "1", "payload": [{"message": "No such order"}]},
        {"type": "next", "id": "1", "payload": {"data": None, "errors": [{"message": "No such order"}]}},
    ],
)
async def test_a_subscription_that_fails_says_why(message: dict[str, Any]) -> None:
    async with telling(message) as (_, shop):
        with pytest.raises(DemoError, match="No such order"):
            await shop.watch(ORDER, {"id": "o1"}, is_confirmed)
