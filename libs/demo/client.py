"""A small client of the public GraphQL API: kept connections, a deadline on every wait, one clear error per failure."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Self
from uuid import UUID, uuid4

import httpx
import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

Json = dict[str, Any]
Tokens = Callable[[UUID, str], str]
"""Makes the bearer token of a party in a role."""

_DEADLINE = 30.0
_PATIENCE = 45.0
"""Seconds for a mutation: every process that was killed is back by then."""
_REMEMBERED = 16
_LOOKS = 8
"""How often a query is asked again that could not be answered with what was written; each waits for it 2 s."""


class DemoError(Exception):
    """An expected failure. Its message is one plain sentence for people."""


class UnreachableError(DemoError):
    """Nobody answers there, or not in time: trying again later may help."""


class RefusedError(DemoError):
    """The platform said no, with its typed error: `kind` (the GraphQL type), `code`, and a sentence."""

    def __init__(self, operation: str, kind: str, code: str, sentence: str) -> None:
        super().__init__(f"{operation} was refused ({code}): {sentence}")
        self.kind, self.code, self.sentence = kind, code, sentence


class BehindError(DemoError):
    """The gateway has not heard yet of what was written."""


class Platform:
    """The gateway at one address, with one pool of connections."""

    def __init__(self, url: str, tokens: Tokens) -> None:
        self.url = url.rstrip("/")
        self._tokens = tokens
        self._http = httpx.AsyncClient(base_url=self.url, timeout=_DEADLINE, trust_env=False)
        self._has_answered = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    def actor(self, role: str, name: str, party: UUID | None = None) -> "Actor":
        """Somebody who acts here: a party, a fresh one unless given, with a token of its own."""
        identity = party or uuid4()
        return Actor(self, identity, role, name, self._tokens(identity, role))

    async def answers(self) -> None:
        """Raise UnreachableError unless a gateway answers here."""
        await self.post("{ __typename }", {})

    async def post(self, document: str, variables: Json, headers: dict[str, str] | None = None) -> Json:
        """The `data` of one operation. Raises UnreachableError, or DemoError for what a client did not expect."""
        try:
            answer = await self._http.post(
                "/graphql", json={"query": document, "variables": variables}, headers=headers
            )
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        self._has_answered = True
        return _data(answer)

    def _unreachable(self, error: httpx.HTTPError) -> UnreachableError:
        if self._has_answered:
            name = type(error).__name__
            return UnreachableError(f"{self.url} answers no more ({name}): if it is restarting, try again in a moment")
        if isinstance(error, httpx.ConnectError):
            return UnreachableError(
                f"Nothing answers at {self.url}: start it with ./filiera up; if it is up, ./filiera status says why"
            )
        return UnreachableError(f"{self.url} does not answer well ({type(error).__name__}): is it still starting?")


class Actor:
    """A party with its token, doing things through the public API. What it reads waits for what it wrote."""

    def __init__(self, platform: Platform, party: UUID, role: str, name: str, token: str) -> None:
        self.platform, self.party, self.role, self.name = platform, party, role, name
        self._token = token
        self._written: deque[str] = deque(maxlen=_REMEMBERED)

    async def ask(self, document: str, **variables: Any) -> Json:
        """The `data` of a query."""
        headers = {"authorization": f"Bearer {self._token}"}
        if self._written:
            headers["filiera-after"] = ",".join(self._written)
        for _ in range(_LOOKS):
            with suppress(BehindError):
                return await self.platform.post(document, variables, headers)
        raise BehindError("What was written cannot be read yet: ./filiera status says what is behind")

    async def do(self, name: str, wanted: str, given: Json, patience: float = _PATIENCE) -> Json:
        """Carry out a mutation once and return its success, `wanted` being the fields asked for.

        Raises RefusedError with the platform's typed error. Within `patience` seconds a platform that is away, or has
        not heard of a site yet, is asked again with the same idempotency key: nothing is done twice.
        """
        given = {**given, "idempotencyKey": str(uuid4())}
        until = asyncio.get_running_loop().time() + patience
        for pause in _pauses():
            try:
                return await self._do(name, wanted, given)
            except (RefusedError, UnreachableError) as error:
                if not _passing(error) or asyncio.get_running_loop().time() + pause > until:
                    raise
            await asyncio.sleep(pause)
        raise AssertionError("the pauses never end")

    async def _do(self, name: str, wanted: str, given: Json) -> Json:
        data = await self.ask(mutation(name, wanted), input=given)
        result: Json = data[name]
        if result["__typename"].endswith("Success"):
            self._written.append(result["after"])
            return result
        fields = "".join(f" [{f['path']}: {f['message']}]" for f in result.get("fields", ()))
        raise RefusedError(name, result["__typename"], result["code"], result["message"] + fields)

    async def watch(
        self, document: str, variables: Json, enough: Callable[[Json], bool], seconds: float = 20
    ) -> list[Json]:
        """What a subscription tells, up to the first answer that is enough. Raises UnreachableError when time is up."""
        told: list[Json] = []
        try:
            async with asyncio.timeout(seconds), self._socket() as socket:
                await self._subscribe(socket, document, variables)
                while not told or not enough(told[-1]):
                    told.append(await _next(socket))
        except TimeoutError:
            raise UnreachableError(f"The subscription told nothing final in {seconds:g} s, only {told}") from None
        except (OSError, WebSocketException) as error:
            raise UnreachableError(f"The subscription at {self.platform.url} broke: {error}") from error
        return told

    def _socket(self) -> connect:
        url = self.platform.url.replace("http", "ws", 1) + "/graphql"
        return connect(url, subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None)

    async def _subscribe(self, socket: ClientConnection, document: str, variables: Json) -> None:
        await _send(socket, {"type": "connection_init", "payload": {"authorization": f"Bearer {self._token}"}})
        await _receive(socket, "connection_ack")
        payload = {"query": document, "variables": variables}
        await _send(socket, {"id": "1", "type": "subscribe", "payload": payload})


def _passing(error: RefusedError | UnreachableError) -> bool:
    """Whether asking again may help: nobody answered, or what was asked for, or for what, is on its way."""
    if isinstance(error, UnreachableError):
        return True
    return error.kind == "Unavailable" or error.code in {"STILL_RUNNING", "SITE_UNKNOWN"}


def _pauses() -> Iterator[float]:
    pause = 0.1
    while True:
        yield pause
        pause = min(2 * pause, 3.0)


def mutation(name: str, wanted: str) -> str:
    """The document of a mutation that asks for these fields of its success, or else for why not."""
    title = name[0].upper() + name[1:]
    return (
        f"mutation {title}($input: {title}Input!) {{ {name}(input: $input) {{ __typename"
        f" ... on {title}Success {{ {wanted} after }}"
        " ... on Failure { code message } ... on InvalidInput { fields { path message } } } }"
    )


def _data(answer: httpx.Response) -> Json:
    try:
        body = msgspec.json.decode(answer.content, type=dict[str, Any])
    except msgspec.DecodeError:
        body = {}
    if answer.status_code in (429, 502, 503, 504):
        raise UnreachableError(f"{answer.url} is busy or not ready ({answer.status_code}): {_reason(body)}")
    if body.get("errors") or body.get("data") is None:
        raise DemoError(f"{answer.url} answered {answer.status_code}: {_reason(body)}")
    if (body.get("extensions") or {}).get("stale"):
        raise BehindError(f"{answer.url} has not heard yet of what was written")
    data: Json = body["data"]
    return data


def _reason(body: Json) -> str:
    messages = [error.get("message", "") for error in body.get("errors") or ()]
    return "; ".join(messages) or body.get("detail") or "no GraphQL answer; is this the gateway's address?"


async def _send(socket: ClientConnection, message: Json) -> None:
    await socket.send(msgspec.json.encode(message).decode())


async def _receive(socket: ClientConnection, wanted: str) -> Json:
    """The next message of that type; pings are answered meanwhile."""
    while True:
        message = msgspec.json.decode(await socket.recv(), type=dict[str, Any])
        if message["type"] == wanted:
            return message
        if message["type"] != "ping":
            raise DemoError(f"The subscription said {message['type']} instead of {wanted}: {message.get('payload')}")
        await _send(socket, {"type": "pong"})


async def _next(socket: ClientConnection) -> Json:
    payload = (await _receive(socket, "next"))["payload"]
    if payload.get("errors"):
        raise DemoError(f"The subscription failed: {_reason(payload)}")
    data: Json = payload["data"]
    return data
