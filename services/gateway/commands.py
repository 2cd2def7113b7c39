"""Commands go to the service that owns the answer, with the caller's token and an idempotency key."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import httpx
import msgspec

from libs.kit.errors import FieldError, ProblemDetails
from libs.kit.ids import new_id

A = TypeVar("A")

_DEADLINE = 10.0
"""Seconds for a command in all, its one retry included."""
_CONNECT = 2.0


@dataclass(frozen=True)
class Call(Generic[A]):
    """A command of a service: where it is sent and what it answers."""

    service: str
    path: str
    """May hold the type whose id the command takes: `/holds/{Hold}/confirm`."""
    answer: type[A]

    @property
    def id_of(self) -> str | None:
        """The type whose id the command takes, if it takes one."""
        found = re.search(r"{(\w+)}", self.path)
        return found and found[1]


class Refused(Exception):  # noqa: N818 - read as "raise Refused"
    """The service said no, or did not answer; `status` is the problem's, 503 if there was no answer."""

    def __init__(self, status: int, code: str, message: str, fields: list[FieldError] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.fields = status, code, message, fields or []


class Commands:
    """The way to the other services."""

    def __init__(self, http: httpx.AsyncClient, services: Mapping[str, str]) -> None:
        self._http = http
        self._services = services

    async def send(self, call: Call[A], body: dict[str, Any], authorization: str, key: str | None) -> A:
        """Send a command and decode its answer. Raises Refused."""
        path = call.path.format(**{call.id_of: body["id"]}) if call.id_of else call.path
        rest = {name: value for name, value in body.items() if name != "id" or not call.id_of}
        headers = {
            "Authorization": authorization,
            "Idempotency-Key": key or str(new_id()),
            "Content-Type": "application/json",
        }
        answer = await self._post(call.service, path, msgspec.json.encode(rest), headers)
        if not answer.is_success:
            raise _refused(answer)
        return msgspec.json.decode(answer.content, type=call.answer)

    async def _post(self, service: str, path: str, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
        if not (base := self._services.get(service)):
            raise _unavailable(service)
        try:
            async with asyncio.timeout(_DEADLINE):
                try:
                    return await self._http.post(base + path, content=body, headers=headers)
                except httpx.TransportError:  # the same key: if the first did arrive, its answer comes again
                    return await self._http.post(base + path, content=body, headers=headers)
        except (httpx.TransportError, TimeoutError) as error:
            raise _unavailable(service) from error


def client() -> httpx.AsyncClient:
    """The connections that `Commands` uses; whoever makes them closes them."""
    return httpx.AsyncClient(timeout=httpx.Timeout(_DEADLINE, connect=_CONNECT), follow_redirects=False)


def _refused(answer: httpx.Response) -> Refused:
    try:
        problem = msgspec.json.decode(answer.content, type=ProblemDetails)
    except msgspec.DecodeError:
        return Refused(503, "BAD_ANSWER", f"A service answered {answer.status_code} without saying why. {_AGAIN}")
    return Refused(answer.status_code, problem.code, problem.detail, problem.errors)


def _unavailable(service: str) -> Refused:
    return Refused(503, "UNAVAILABLE", f"The service {service} does not answer. {_AGAIN}")


_AGAIN = "Nothing was changed as far as we know; send again with the same idempotencyKey."
