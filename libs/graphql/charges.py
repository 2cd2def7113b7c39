"""What asking costs: a little for what is sent, before it is looked at, then what the operation costs."""

from collections.abc import Mapping
from typing import Any

from graphql import GraphQLSchema

from libs.graphql.documents import check_introspection, points
from libs.graphql.operation import Connection

_CHARACTERS, _BYTES = 100, 1024
"""So many of a document, and of what is sent, cost a point: reading them is work too."""


async def charge_bytes(connection: Connection, size: int) -> None:
    """Spend a point, and one for each kilobyte that is sent, before it is read. Raises Refusal."""
    await connection.pay(1 + size // _BYTES)


async def charge(
    connection: Connection, schema: GraphQLSchema, text: str, variables: Mapping[str, Any] | None, operation: str | None
) -> int:
    """Spend what an operation costs, its text first; what its answer alone does. Raises Refusal."""
    await connection.pay(len(text) // _CHARACTERS)
    if not connection.kit.settings.introspection:
        check_introspection(schema, text)
    running = points(schema, text, variables, operation)
    await connection.pay(running)
    return running
