"""Mutations: an input that becomes a command of a service, and its answer, or why not, as a type."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeAlias, Union

import strawberry
from msgspec.structs import astuple
from strawberry import ID, field

from libs.contracts import Event
from libs.graphql.opaque import after_token
from libs.graphql.operation import Operation
from libs.graphql.services import Call
from libs.graphql.shapes import list_of
from libs.graphql_commands.failures import FAILURES, failure
from libs.graphql_commands.inputs import body_of, input_type
from libs.kit.errors import FieldError, Invalid, Problem
from libs.kit.ids import new_id
from libs.service.commands import Imported

_KEY = "Name the command with a key of your own, so that sending it again does it once. Kept for 24 hours."
_MANY = "Up to 500. Those already known are left as they are."
_AFTER = "Send it back in the header `Filiera-After`, and a query sees at least this, or says it is `stale`."

Answer = Callable[[Any, Any, dict[str, Any]], dict[str, Any]]
"""The fields of a success: from the operation, what the service answered, and what it was sent under which key."""
Ready = Callable[[Any, dict[str, Any]], Awaitable[dict[str, Any]]]
"""Makes the body whole with what the operation's read models know, before it is sent."""
_Info: TypeAlias = strawberry.Info[Operation, None]


def command(name: str, description: str, call: Call[Any], shown: Any, fields: dict[str, Any]) -> Any:
    """A mutation that writes one aggregate, of the type `shown`, taking these fields and, if the call does, its id."""
    if call.id_of:
        fields = fields | {"id": field(description="Which one.", graphql_type=ID, metadata={"id_of": call.id_of})}
    aggregate = shown.__name__[0].lower() + shown.__name__[1:]
    written = {aggregate: field(description="As it is now.", graphql_type=shown)}

    def answer(operation: Operation, state: Event, _body: Any) -> dict[str, Any]:
        operation.know(*(value for value in astuple(state) if isinstance(value, Event)))
        return {aggregate: operation.seen(state), "after": after_token(state.topic, state.id, state.version)}

    return mutation(name, description, call, fields, with_after(written), answer)


def bulk(name: str, description: str, call: Call[Imported], of: type[Event], item: Any) -> Any:
    """A mutation that brings many aggregates with ids of their own; its `after` is the last one's."""
    items = call.path.rpartition("/")[2]
    listed = field(description=_MANY, graphql_type=list_of(item))
    counts = {
        "accepted": field(description="How many are new.", graphql_type=int),
        "skipped": field(description="How many were known already.", graphql_type=int),
    }

    def answer(_operation: Operation, done: Imported, body: dict[str, Any]) -> dict[str, Any]:
        last = body[items][-1]["id"]
        return {"accepted": done.accepted, "skipped": done.skipped, "after": after_token(of.topic, last, 1)}

    return mutation(name, description, call, {items: listed}, with_after(counts), answer)


def with_after(written: dict[str, Any]) -> dict[str, Any]:
    """These fields of a success, and what a query sends back to see what was written."""
    return written | {"after": field(description=_AFTER, graphql_type=str)}


def mutation(
    name: str, description: str, call: Call[Any], fields: Any, told: Any, answer: Answer, ready: Ready | None = None
) -> Any:
    """A mutation that takes these fields, sends the call, and answers those `told` or a failure."""
    title = name[0].upper() + name[1:]
    named = field(description=_KEY, graphql_type=str | None, default=None)
    given = input_type(f"{title}Input", f"What `{name}` takes.", fields | {"idempotency_key": named})
    success: Any = strawberry.type(type(f"{title}Success", (), told), description="It is done.")
    union = strawberry.union(f"{title}Result", description=f"What `{name}` answers.")

    async def run(info: _Info, input: Any) -> Any:  # noqa: A002 - the customary name
        key = str(new_id()) if input.idempotency_key is None else input.idempotency_key
        try:
            _check_key(key)
            body = body_of(input)
            body.pop("idempotency_key", None)
            body = await ready(info.context, body) if ready else body
            done = await _send(info.context, call, body, key)
            return success(**answer(info.context, done, body | {"idempotency_key": key}))
        except Problem as problem:
            return failure(problem, key, info.context.connection.told, input)

    run.__annotations__["input"] = Annotated[given, strawberry.argument(description="What it takes.")]
    result = Annotated[Union[(success, *FAILURES)], union]  # type: ignore[valid-type]  # made at run time
    return strawberry.mutation(resolver=run, name=name, description=description, graphql_type=result)


def _check_key(key: str) -> None:
    if not (1 <= len(key) <= 255 and key.isascii() and key.isprintable() and key == key.strip()):
        error = FieldError(
            "idempotency_key", "must be 1 to 255 printable ASCII characters, none of them blank at an end"
        )
        raise Invalid("Choose another idempotencyKey, e.g. a UUID.", errors=[error])


async def _send(operation: Operation, call: Call[Any], body: dict[str, Any], key: str) -> Any:
    await operation.release()  # waiting for a service must not keep a connection of the pool
    connection = operation.connection
    return await connection.services.send(call, body, connection.authorization, key)
