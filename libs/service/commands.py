"""Commands over HTTP: who asks, under which key, in one transaction."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel, ConfigDict, model_validator

from libs.kit.auth import Principal
from libs.kit.db import WriteSession, write
from libs.kit.errors import BadRequest, Problem, whole
from libs.service.idempotency import Asked, first_answers, remembering
from libs.service.runtime import Kit, KitOf, kit_of

LONGEST_KEY = 255


class Body(BaseModel):
    """What a command is sent as: nothing but the fields named, text without blanks at its ends."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    _whole = model_validator(mode="before")(whole)


class Imported(msgspec.Struct, frozen=True):
    """How many of the things sent were new, and how many were known already and left as they are."""

    accepted: int
    skipped: int


Handler = Callable[[WriteSession], Awaitable[msgspec.Struct]]
"""Does the work and returns what to answer: the event told, or a summary of many."""


async def principal(request: Request, kit: KitOf) -> Principal:
    """The caller of a request; raises Unauthenticated."""
    return await kit.verifier.principal(request.headers.get("authorization"))


Caller = Annotated[Principal, Depends(principal)]


@dataclass(frozen=True)
class Command:
    """One command on its way: run it once, or give the first answer again."""

    kit: Kit
    caller: Principal
    asked: Asked

    async def run(self, handler: Handler, status: int = 200, role: str | None = None) -> Response:
        """Run the handler in a transaction of the caller's party and answer with the state it returns, as JSON.

        `role` is the database role to act as, where it is not the service's own.
        """
        async with self.kit.database.write(self.caller.party, role=role) as session:
            if (known := await self._answered(session)) is not None:
                return known
            answer = Response(msgspec.json.encode(await handler(session)), status, media_type="application/json")
            await write(session, *remembering([(self.asked, answer)]))
        return answer

    async def answered(self) -> Response | None:
        """The first answer, if there is one: for work of several transactions, each of which can be done again."""
        async with self.kit.database.write(self.caller.party) as session:
            return await self._answered(session)

    async def _answered(self, session: WriteSession) -> Response | None:
        [known] = await first_answers(session, [self.asked])
        if isinstance(known, Problem):
            raise known
        return known


async def command(
    request: Request, idempotency_key: Annotated[str | None, Header(max_length=LONGEST_KEY)] = None
) -> Command:
    """The command that a request carries; raises Unauthenticated, or BadRequest without a key."""
    kit = kit_of(request)
    caller = await principal(request, kit)
    if not idempotency_key:
        raise BadRequest("Send an `Idempotency-Key` header, new for each command, e.g. a UUID.", code="KEY_MISSING")
    body = await request.body()
    if b"\\u0000" in body:
        raise BadRequest("Text cannot hold the character NUL; take it out and send again.", code="NUL")
    asked = f"{request.method} {request.url.path}\n".encode() + body
    return Command(kit, caller, Asked(caller.party, idempotency_key, hashlib.sha256(asked).digest()))


Commanded = Annotated[Command, Depends(command)]


def answers(state: type[msgspec.Struct], status: int = 200) -> dict[str, Any]:
    """Arguments of a route that answers with an aggregate's state, so that its OpenAPI says so."""
    schema = msgspec.json.schema_components([state], ref_template="{name}")[1]
    inlined = _inline(schema[state.__name__], schema)
    problem = {"description": "A problem (RFC 9457).", "content": {"application/problem+json": {}}}
    described = {"description": state.__doc__, "content": {"application/json": {"schema": inlined}}}
    return {"status_code": status, "response_model": None, "responses": {status: described, "4XX": problem}}


def _inline(schema: Any, known: dict[str, Any]) -> Any:
    if isinstance(schema, dict) and "$ref" in schema:
        return _inline(known[schema["$ref"]], known)
    if isinstance(schema, dict):
        return {name: _inline(value, known) for name, value in schema.items()}
    return [_inline(item, known) for item in schema] if isinstance(schema, list) else schema
