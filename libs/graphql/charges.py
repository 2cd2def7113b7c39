"""What asking costs: a little for the text and the body, before they are looked at, then what the operation costs."""

from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address
from typing import Any

from graphql import GraphQLError, GraphQLSchema

from libs.contracts.values import PartyKind
from libs.graphql.documents import Refusal, check_introspection, points
from libs.graphql.operation import Connection
from libs.kit.budget import SpentError

RATE_LIMITED = "RATE_LIMITED"
_CHARACTERS, _BYTES = 100, 1024
"""So many of a document, and of a request's body, cost a point: reading them is work too."""


async def charge(
    connection: Connection, schema: GraphQLSchema, text: str, variables: Mapping[str, Any] | None, operation: str | None
) -> dict[str, Any]:
    """Spend what an operation costs; for `extensions`: `budget`, with cost, remaining, limit. Raises Refusal."""
    caller, limit = _payer(connection)
    cost = 1 + len(text) // _CHARACTERS + connection.size // _BYTES
    remaining = await _take(connection, caller, limit, cost)
    connection.spent = {"budget": {"cost": cost, "remaining": remaining, "limit": limit}}
    if not connection.kit.settings.introspection:
        check_introspection(schema, text)
    running = points(schema, text, variables, operation)
    remaining = await _take(connection, caller, limit, running)
    connection.spent = {"budget": {"cost": cost + running, "remaining": remaining, "limit": limit}}
    return connection.spent


async def _take(connection: Connection, caller: str, limit: int, points: int) -> int:
    try:
        return await connection.kit.budgets.take(caller, limit, points)
    except SpentError as spent:
        connection.spent = {"budget": {"cost": 0, "remaining": spent.remaining, "limit": limit}}
        said = f"You have asked for more than {limit} points a minute. Try again in {spent.seconds} s."
        more = {"code": RATE_LIMITED, "retryAfter": spent.seconds}
        raise Refusal(GraphQLError(said, extensions=more)) from None


def _payer(connection: Connection) -> tuple[str, int]:
    settings, caller = connection.kit.settings, connection.caller
    if caller is None:
        return f"address:{_network(connection.address)}", settings.points_anonymous
    return f"party:{caller.party}", settings.points_hub if caller.role == PartyKind.HUB else settings.points_party


def _network(address: str) -> str:
    """Of IPv6 the /64: whoever has one address there has them all."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or IPv6Address(int(parsed) >> 64 << 64))
    return str(parsed)
