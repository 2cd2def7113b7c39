"""Mutations: an input that becomes a command of a service, and its answer, or why not, as a type."""

from collections.abc import Callable
from typing import Annotated, Any, TypeAlias, Union

import strawberry
from strawberry import field

from libs.graphql.failures import FAILURES, failure
from libs.graphql.inputs import body_of, input_type
from libs.graphql.operation import Operation
from libs.graphql.services import Call
from libs.kit.errors import FieldError, Invalid, Problem
from libs.kit.ids import new_id

_KEY = "Name the command with a key of your own, so that sending it again does it once. Kept for 24 hours."
_AFTER = "Send it back in the header `Filiera-After`, and a query sees at least this, or says it is `stale`."

Answer = Callable[[Any, Any, dict[str, Any]], dict[str, Any]]
"""The fields of a success, `after` among them: from the operation, what the service answered and what it was sent."""
_Info: TypeAlias = strawberry.Info[Operation, None]


def mutation(name: str, description: str, call: Call[Any], fields: Any, written: Any, answer: Answer) -> Any:
    """A mutation that takes these fields, sends the call, and answers those `written` or a failure."""
    title = name[0].upper() + name[1:]
    named = field(description=_KEY, graphql_type=str | None, default=None)
    given = input_type(f"{title}Input", f"What `{name}` takes.", fields | {"idempotency_key": named})
    after = field(description=_AFTER, graphql_type=str)
    success: Any = strawberry.type(type(f"{title}Success", (), written | {"after": after}), description="It is done.")
    union = strawberry.union(f"{title}Result", description=f"What `{name}` answers.")

    async def run(info: _Info, input: Any) -> Any:  # noqa: A002 - the customary name
        key = str(new_id()) if input.idempotency_key is None else input.idempotency_key
        try:
            _check_key(key)
            body = body_of(input)
            body.pop("idempotency_key", None)
            done = await _send(info.context, call, body, key)
            return success(**answer(info.context, done, body))
        except Problem as problem:
            return failure(problem, key)

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
