"""What asking costs: a little for the text and the body, before they are looked at, then what the operation costs."""

from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address
from typing import Any

from graphql import GraphQLError, GraphQLSchema

from libs.contracts.values import PartyKind
from libs.graphql.documents import Refusal, check_introspection, points
from libs.graphql.operation import Connection
from libs.kit.budget import SpentError
from libs.kit.metrics import REFUSALS

RATE_LIMITED = "RATE_LIMITED"
LARGEST = 128 * 1024
"""Bytes of a request of anybody but a hub, which brings five hundred things at once: making values of more is work."""
_CHARACTERS, _BYTES = 100, 1024
"""So many of a document, and of a request's body, cost a point: reading them is work too."""


async def charge(
    connection: Connection, schema: GraphQLSchema, text: str, variables: Mapping[str, Any] | None, operation: str | None
) -> dict[str, Any]:
    """Spend what an operation costs; for `extensions`: `budget`, with cost, remaining, limit. Raises Refusal."""
    caller, limit = _payer(connection)
    cost = 1 + len(text) // _CHARACTERS + connection.size // _BYTES
    remaining = await _take(connection, caller, limit, cost)
    if connection.size > LARGEST and not _is_hub(connection):
        raise Refusal(GraphQLError(f"Only a hub sends more than {LARGEST} bytes.", extensions={"code": "TOO_LARGE"}))
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
        REFUSALS.labels(RATE_LIMITED).inc()
        connection.spent = {"budget": {"cost": 0, "remaining": spent.remaining, "limit": limit}}
        said = f"You have asked for more than {limit} points a minute. Try again in {spent.seconds} s."
        more = {"code": RATE_LIMITED, "retryAfter": spent.seconds}
        raise Refusal(GraphQLError(said, extensions=more)) from None


def _payer(connection: Connection) -> tuple[str, int]:
    settings, caller = connection.kit.settings, connection.caller
    if caller is None:
        return f"address:{_network(connection.address)}", settings.points_anonymous
    return f"party:{caller.party}", settings.points_hub if _is_hub(connection) else settings.points_party


def _is_hub(connection: Connection) -> bool:
    return connection.caller is not None and connection.caller.role == PartyKind.HUB


def _network(address: str) -> str:
    """Of IPv6 the /64: whoever has one address there has them all."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or IPv6Address(int(parsed) >> 64 << 64))
    return str(parsed)
