"""What asking costs: a little for what is sent, before it is looked at, then what the operation costs."""

from collections.abc import Mapping
from typing import Any

from graphql import GraphQLError, GraphQLSchema

from libs.graphql.operation import Connection
from libs.graphql_limits.documents import Refusal, check_introspection, points

LARGEST = 128 * 1024
"""Bytes of a request of anybody but a hub, which brings five hundred things at once: making values of more is work."""
_CHARACTERS, _BYTES = 100, 1024
"""So many of a document, and of what is sent, cost a point: reading them is work too."""


async def charge_bytes(connection: Connection, size: int) -> None:
    """Spend a point, and one for each kilobyte that is sent, before it is read. Raises Refusal."""
    await connection.pay(1 + size // _BYTES)
    if size > LARGEST and not connection.is_hub:
        raise Refusal(
            GraphQLError(
                f"Only a hub sends more than {LARGEST} bytes: send less at a time.", extensions={"code": "TOO_LARGE"}
            )
        )


async def charge_kept(connection: Connection, text: str, running: int) -> None:
    """Spend the same for an answer that is kept: what a caller may do does not hang on luck. Raises Refusal."""
    await connection.pay(len(text) // _CHARACTERS + running)


async def charge(
    connection: Connection, schema: GraphQLSchema, text: str, variables: Mapping[str, Any] | None, operation: str | None
) -> int:
    """Spend what an operation costs, its text first; what its answer alone does. Raises Refusal."""
    await connection.pay(len(text) // _CHARACTERS)
    if not connection.allowed.rules.introspection:
        check_introspection(schema, text)
    running = points(schema, text, variables, operation)
    await connection.pay(running)
    return running
