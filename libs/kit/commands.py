"""Commands over HTTP: who asks, under which key, in one transaction.

Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07): the answer is stored with a hash of the request in the
transaction of the effect, per party, for 24 h. Same key and request: the first answer again. Same key, other request:
422. Still running: 409. A failure stores nothing, since it changed nothing.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from fastapi import Depends, Header, Request, Response
from sqlalchemy import text

from libs.kit.auth import Principal
from libs.kit.db import WriteSession
from libs.kit.errors import BadRequest, Conflict, Invalid
from libs.kit.runtime import Kit, KitOf

Handler = Callable[[WriteSession], Awaitable[msgspec.Struct]]
"""Does the work and returns what to answer: the event told, or a summary of many."""

_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended(CAST(:party AS text) || ' ' || :key, 0))")
_FIND = text("""
    SELECT request_hash, status, body FROM idempotency_key
    WHERE party_id = CAST(CAST(:party AS text) AS uuid) AND key = :key
""")
_STORE = text("""
    INSERT INTO idempotency_key (party_id, key, request_hash, status, body)
    VALUES (CAST(CAST(:party AS text) AS uuid), :key, :hash, :status, :body)
""")


async def principal(request: Request, kit: KitOf) -> Principal:
    """The caller of a request; raises Unauthenticated."""
    return await kit.verifier.principal(request.headers.get("authorization"))


Caller = Annotated[Principal, Depends(principal)]


@dataclass(frozen=True)
class Command:
    """One command on its way: run it once, or give the first answer again."""

    kit: Kit
    caller: Principal
    key: str
    request_hash: bytes

    async def run(self, handler: Handler, status: int = 200, role: str | None = None) -> Response:
        """Run the handler in a transaction of the caller's party and answer with the state it returns, as JSON.

        `role` is the database role to act as, where it is not the service's own.
        """
        async with self.kit.database.write(self.caller.party, role=role) as session:
            if stored := await self._first_answer(session):
                return stored
            body = msgspec.json.encode(await handler(session))
            await session.execute(_STORE, self._row() | {"hash": self.request_hash, "status": status, "body": body})
        return Response(body, status, media_type="application/json")

    async def _first_answer(self, session: WriteSession) -> Response | None:
        if not await session.scalar(_LOCK, self._row()):
            raise Conflict("A request with this Idempotency-Key is still running; ask again.", code="STILL_RUNNING")
        row = (await session.execute(_FIND, self._row())).one_or_none()
        if row is None:
            return None
        if row.request_hash != self.request_hash:
            raise Invalid("This Idempotency-Key was used for another request; make a new key.", code="KEY_REUSED")
        return Response(row.body, row.status, {"Idempotent-Replay": "true"}, "application/json")

    def _row(self) -> dict[str, Any]:
        return {"party": str(self.caller.party), "key": self.key}


async def command(
    request: Request, kit: KitOf, caller: Caller, idempotency_key: Annotated[str | None, Header(max_length=255)] = None
) -> Command:
    """The command that a request carries; raises BadRequest without a key."""
    if not idempotency_key:
        raise BadRequest("Send an `Idempotency-Key` header, new for each command, e.g. a UUID.", code="KEY_MISSING")
    body = await request.body()
    if b"\\u0000" in body:
        raise BadRequest("Text cannot hold the character NUL.", code="NUL")
    asked = f"{request.method} {request.url.path}\n".encode() + body
    return Command(kit, caller, idempotency_key, hashlib.sha256(asked).digest())


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
