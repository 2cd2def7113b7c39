"""The only SQL. Every read runs under the session's parties: what they may not see is not there."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import Row, Table, TextClause, text
from sqlalchemy.dialects import postgresql

from libs.contracts import REGISTRY, Event, capacity
from libs.graphql.listing import Listing
from libs.kit.db import ReadSession, WriteSession
from services.gateway import tables

_DECODERS = {name: msgspec.json.Decoder(event) for name, event in REGISTRY.items()}
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped


class Page(NamedTuple):
    """What is asked of each of several parents: up to `first` items of their list after a place."""

    listing: Listing
    parent: str
    """The column that names the parent."""
    first: int
    after: tuple[str, ...]


_OF_PARTY = {"party_id": "party_id = CAST(:party_id AS uuid)"}
_BY_STATE = {"state": "state = :state"}
PARTIES = Listing(
    "catalog.party",
    ("name", "id"),
    descending=False,
    filters={"kind": "kind = :kind", "name": "lower(name) ^@ lower(:name)"},
)
SITES = Listing("catalog.site", ("name", "id"), descending=False)
PRODUCTS = Listing("catalog.product", always="offered", filters=_OF_PARTY)
RESOURCES = Listing("capacity.resource", filters=_OF_PARTY | {"process": "processes @> ARRAY[CAST(:process AS text)]"})
AT_SITE = Listing(
    "capacity.resource",
    always="EXISTS (SELECT FROM site WHERE site.id = resource.site_id AND site.party_id = resource.party_id)",
)
"""Resources at a site of their own workshop: whoever publishes one may name any site."""
HOLDS = Listing("capacity.hold", filters=_BY_STATE)
BOOKINGS = Listing("capacity.booking", filters=_BY_STATE)
ORDERS = Listing("orders.order", filters=_BY_STATE)


async def upsert(session: WriteSession, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows that are newer than what is there; locks in id order."""
    ordered = sorted(rows, key=lambda row: row["id"])
    await session.execute(_upsert(table), {"rows": msgspec.json.encode(ordered).decode()})


async def by_ids(session: ReadSession, topic: str, ids: Sequence[UUID]) -> dict[UUID, Event]:
    """What there is of these aggregates."""
    rows = await session.execute(_by_ids(topic), {"ids": ids})
    return {event.id: event for event in map(_decode, rows)}


async def page(
    session: ReadSession, /, listing: Listing, first: int, after: Sequence[str] = (), **filters: Any
) -> list[Event]:
    """Up to `first` items after a place in the list, in its order; filters that are None do not count."""
    given = {name: value for name, value in filters.items() if value is not None}
    statement = _page(listing, tuple(given), bool(after))
    return [_decode(row) for row in await session.execute(statement, given | _places(after) | {"first": first})]


async def pages(session: ReadSession, asked: Page, parents: Sequence[UUID]) -> dict[UUID, list[Event]]:
    """The page of each of these parents that has any items, in one statement."""
    statement = _pages(asked.listing, asked.parent, bool(asked.after))
    found: dict[UUID, list[Event]] = defaultdict(list)
    given = _places(asked.after) | {"ids": parents, "first": asked.first}
    for row in await session.execute(statement, given):
        found[row.parent].append(_decode(row))
    return found


async def buckets(
    session: ReadSession, days: Sequence[date], resources: Sequence[UUID]
) -> dict[UUID, dict[date, capacity.Bucket]]:
    """The touched ones of these days in a row, for each of these resources that has any."""
    given = {"resources": resources, "first": days[0], "last": days[-1]}
    found: dict[UUID, dict[date, capacity.Bucket]] = defaultdict(dict)
    for row in await session.execute(_BUCKETS, given):
        bucket: Any = _decode(row)
        found[bucket.resource_id][bucket.day] = bucket
    return found


async def versions_on(session: ReadSession, workshop: UUID, day: date, most: int) -> dict[UUID, tuple[int, int | None]]:
    """The first of a workshop's resources, each with its version and its bucket's of a day, if that is touched."""
    rows = await session.execute(_VERSIONS_ON, {"party_id": workshop, "day": day, "most": most})
    return {row.id: (row.version, row.touched) for row in rows}


_BUCKETS = text(
    "SELECT type, event::text FROM bucket"
    " WHERE resource_id = ANY(CAST(:resources AS uuid[])) AND day BETWEEN :first AND :last"
)
_VERSIONS_ON = text("""
    SELECT of_party.id, of_party.version, bucket.version AS touched
      FROM (SELECT id, version FROM resource WHERE party_id = :party_id ORDER BY id LIMIT :most) AS of_party
      LEFT JOIN bucket ON bucket.resource_id = of_party.id AND bucket.day = :day
""")


@cache
def _upsert(table: Table) -> TextClause:
    names = ", ".join(c.name for c in table.columns)
    typed = ", ".join(f"{c.name} {_sql(c.type)}" for c in table.columns)
    newer = ", ".join(f"{c.name} = excluded.{c.name}" for c in table.columns if c.name != "id")
    return text(f"""
        INSERT INTO {table.name} ({names})
        SELECT {names} FROM json_to_recordset(CAST(CAST(:rows AS text) AS json)) AS given ({typed})
        ON CONFLICT (id) DO UPDATE SET {newer} WHERE {table.name}.version < excluded.version
    """)  # noqa: S608 - names are ours


@cache
def _by_ids(topic: str) -> TextClause:
    return text(f"SELECT type, event::text FROM {tables.OF_TOPIC[topic].name} WHERE id = ANY(CAST(:ids AS uuid[]))")  # noqa: S608 - names are ours


@cache
def _page(listing: Listing, given: tuple[str, ...], after: bool) -> TextClause:
    return text(_select(listing, [listing.filters[name] for name in given], after))


@cache
def _pages(listing: Listing, parent: str, after: bool) -> TextClause:
    inner = _select(listing, [f"{parent} = wanted.parent"], after)
    return text(f"""
        SELECT wanted.parent, item.type, item.event
          FROM unnest(CAST(:ids AS uuid[])) AS wanted (parent), LATERAL ({inner}) AS item
    """)  # noqa: S608 - names are ours


def _select(listing: Listing, conditions: list[str], after: bool) -> str:
    table = tables.OF_TOPIC[listing.topic]
    if after:
        types = [_sql(table.c[name].type) for name in listing.order]
        given = ", ".join(f"CAST(CAST(:after{i} AS text) AS {type_})" for i, type_ in enumerate(types))
        conditions = [*conditions, f"({', '.join(listing.order)}) {'<' if listing.descending else '>'} ({given})"]
    where = " AND ".join([listing.always, *conditions])
    order = ", ".join(f"{name} {'DESC' if listing.descending else 'ASC'}" for name in listing.order)
    return f"SELECT type, event::text FROM {table.name} WHERE {where} ORDER BY {order} LIMIT :first"  # noqa: S608 - names are ours


def _places(after: Sequence[str]) -> dict[str, Any]:
    return {f"after{i}": place for i, place in enumerate(after)}


def _decode(row: Row[Any]) -> Event:
    event: Event = _DECODERS[row.type].decode(row.event)
    return event


def _sql(column: Any) -> str:
    return str(column.compile(dialect=_DIALECT))
