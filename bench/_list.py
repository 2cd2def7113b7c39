"""What the benchmarks of the gateway ask: a list of resources; and its answer built by hand, the limit of Python."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from libs.contracts import capacity
from libs.contracts.values import Calendar, Money, Terms
from libs.graphql.opaque import global_id
from services.gateway import store

SIZES = (20, 100)
QUERY = """query List($first: Int!) { resources(first: $first) { edges { cursor node { id name kind processes
    terms { pricePerUnit { amount currency } minimumQuantity } } } pageInfo { hasNextPage endCursor } } }"""

IN_SQL = """
    WITH newest AS (SELECT id, event FROM resource ORDER BY id DESC LIMIT $1::int + 1),
    found AS (
        SELECT row_number() OVER (ORDER BY id DESC) AS number,
               translate(encode(place, 'base64'), E'+/\\n', '-_') AS cursor,
               json_build_object(
                   'id', translate(encode(global_id, 'base64'), E'\\n', ''),
                   'name', name, 'kind', kind, 'processes', processes,
                   'terms', json_build_object(
                       'pricePerUnit', terms->'price_per_unit', 'minimumQuantity', terms->'minimum_quantity')) AS node
          FROM newest,
               convert_to('["capacity.resource","' || id || '"]', 'UTF8') AS place,
               convert_to('Resource:' || id, 'UTF8') AS global_id,
               json_to_record(event) AS said (name text, kind text, processes json, terms json)),
    counted AS (SELECT count(*) AS total FROM newest)
    SELECT json_build_object('data', json_build_object('resources', json_build_object(
               'edges', json_agg(json_build_object('cursor', cursor, 'node', node) ORDER BY number)
                        FILTER (WHERE number <= $1),
               'pageInfo', json_build_object(
                   'hasNextPage', count(*) > $1,
                   'endCursor', max(cursor) FILTER (WHERE number = least($1, total))))))::text
      FROM found, counted
"""
"""The answer to `QUERY` made by PostgreSQL alone, in one statement."""


def resources(many: int) -> list[capacity.ResourcePublished]:
    """Resources, the same in every process."""
    terms = Terms(price_per_unit=Money(45), setup_price=Money(1500))
    calendar = Calendar(weekly=[480] * 5 + [0, 0], starts_on=date(2026, 1, 1), ends_on=date(2026, 12, 31))
    return [
        capacity.ResourcePublished(
            id=UUID(int=(7 << 76) + number),
            version=1,
            party_id=UUID(int=1),
            site_id=UUID(int=2),
            name=f"Bench {number}",
            kind="bench",
            processes=["cutting", "lockstitch"],
            unit="minutes",
            time_zone="Europe/Rome",
            terms=terms,
            calendar=calendar,
        )
        for number in range(many)
    ]


def answer(found: Sequence[Any], first: int) -> dict[str, Any]:
    """What `QUERY` answers, its dicts built by hand: the limit of Python."""
    edges = [{"cursor": store.RESOURCES.cursor(one), "node": _node(one)} for one in found[:first]]
    info = {"hasNextPage": len(found) > first, "endCursor": edges[-1]["cursor"]}
    return {"data": {"resources": {"edges": edges, "pageInfo": info}}}


def _node(one: capacity.Resource) -> dict[str, Any]:
    price = {"amount": one.terms.price_per_unit.amount, "currency": one.terms.price_per_unit.currency}
    terms = {"pricePerUnit": price, "minimumQuantity": one.terms.minimum_quantity}
    plain = {"name": one.name, "kind": one.kind, "processes": one.processes}
    return {"id": global_id("Resource", one.id), **plain, "terms": terms}
