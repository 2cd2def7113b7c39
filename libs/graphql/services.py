"""The way to the services: a command goes to the one that owns the answer, with the caller's token and a key; so does a
question that it alone can answer."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import httpx
import msgspec

from libs.kit.errors import Problem, ProblemDetails, Unauthenticated, Unavailable
from libs.language import Language

A = TypeVar("A")

_DEADLINE = 10.0
"""Seconds for a command in all, its one retry included."""
_CONNECT = 2.0
_SEND_AGAIN = "It may have been done or not: send again with this idempotencyKey and it is done once."
_ASK_AGAIN = "Ask again in a moment."
_JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Call(Generic[A]):
    """A command or question of a service: where it is sent and what it answers."""

    service: str
    path: str
    answer: type[A]
    id_of: str | None = None
    """The type whose id it takes, if it takes one: `{id}` in the path."""
    posts: bool = False
    """Whether it is a question too large for an address: it is sent as a body."""

    def addressed(self, given: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """The path that this goes to, and what of it goes along: an id of the path does not."""
        rest = {name: value for name, value in given.items() if name != "id" or not self.id_of}
        return self.path.format_map(given), rest


class Services:
    """The other services, by name. They are asked in the caller's `language`."""

    def __init__(self, http: httpx.AsyncClient, urls: Mapping[str, str], language: Language = "en") -> None:
        self._http, self._urls, self.language = http, urls, language

    async def send(self, call: Call[A], body: dict[str, Any], authorization: str | None, key: str) -> A:
        """Send a command and decode its answer. Raises the Problem of the service, or Unavailable."""
        path, rest = call.addressed(body)
        headers = self._of(authorization) | {"Idempotency-Key": key} | _JSON
        return await self._answer(call, _SEND_AGAIN, "POST", path, headers=headers, content=msgspec.json.encode(rest))

    async def ask(self, call: Call[A], question: Mapping[str, Any], authorization: str | None) -> A:
        """Ask what changes nothing. Raises the Problem of the service, or Unavailable."""
        (path, rest), headers = call.addressed(question), self._of(authorization)
        if not call.posts:
            return await self._answer(call, _ASK_AGAIN, "GET", path, headers=headers, params=rest)
        content = msgspec.json.encode(rest)
        return await self._answer(call, _ASK_AGAIN, "POST", path, headers=headers | _JSON, content=content)

    async def _answer(self, call: Call[A], again: str, method: str, path: str, **request: Any) -> A:
        """What comes back; `again` is what to do if nothing does, or nothing that can be read."""
        answer = await self.answer_of(call, again, method, path, **request)
        if not answer.is_success:
            raise _problem(call.service, answer, again)
        return msgspec.json.decode(answer.content, type=call.answer)

    async def answer_of(
        self, call: Call[Any], again: str, method: str, path: str, *, seconds: float = _DEADLINE, **request: Any
    ) -> httpx.Response:
        """What its service answers within so many seconds, whatever that is. Raises Unavailable, which says what to do
        `again`."""
        url = self._urls.get(call.service, "") + path  # httpx refuses one of a service that is nowhere
        within = httpx.Timeout(seconds, connect=_CONNECT)
        try:
            async with asyncio.timeout(seconds):
                return await self._twice(method, url, timeout=within, **request)
        except (httpx.TransportError, TimeoutError) as error:
            raise Unavailable(f"The service {call.service} does not answer. {again}") from error

    def _of(self, authorization: str | None) -> dict[str, str]:
        """The headers that say who is calling, and in which language. Raises Unauthenticated."""
        if authorization is None:
            raise Unauthenticated("This needs a token: send `Authorization: Bearer <token>`.")
        return {"Authorization": authorization, "Accept-Language": self.language}

    async def _twice(self, method: str, url: str, **request: Any) -> httpx.Response:
        try:
            return await self._http.request(method, url, **request)
        except httpx.TransportError:  # the same key: if the first did arrive, its answer comes again
            return await self._http.request(method, url, **request)


def client() -> httpx.AsyncClient:
    """The connections that `Services` uses; whoever makes them closes them."""
    return httpx.AsyncClient(timeout=_DEADLINE, follow_redirects=False)


def _problem(service: str, answer: httpx.Response, again: str) -> Problem:
    """What a service says is wrong. No service says no without saying why: then it is a proxy, or a fault."""
    try:
        told = msgspec.json.decode(answer.content, type=ProblemDetails)
        problem = Problem(told.detail, code=told.code, errors=told.errors)
        problem.status = answer.status_code
    except msgspec.DecodeError:
        said = f"The service {service} answered {answer.status_code} without saying why. {again}"
        problem = Problem(said, code="BAD_ANSWER")
        problem.status = max(answer.status_code, problem.status)
    return problem
