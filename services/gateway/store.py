"""The only SQL. Every read runs under the session's parties: what they may not see is not there."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Row, Table, TextClause, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import ARRAY

from libs.contracts import REGISTRY, Event, capacity
from libs.kit.db import ReadSession, WriteSession
from services.gateway import tables

_DECODERS = {name: msgspec.json.Decoder(event) for name, event in REGISTRY.items()}
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped


@dataclass(frozen=True, eq=False)
class Listing:
    """A list that can be paged: its order ends with the id, so that every row has one place."""

    topic: str
    order: tuple[str, ...] = ("id",)
    descending: bool = True
    """UUIDv7 ids descending: newest first."""
    filters: Mapping[str, str] = field(default_factory=dict)
    """Condition by the name of its parameter."""
    always: str = "true"

    def place(self, event: Event) -> list[str]:
        """Where an item stands in the order: what a cursor holds."""
        return [str(getattr(event, name)) for name in self.order]


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
HOLDS = Listing("capacity.hold", filters=_BY_STATE)
BOOKINGS = Listing("capacity.booking", filters=_BY_STATE)
ORDERS = Listing("orders.order", filters=_BY_STATE)


async def upsert(session: WriteSession, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows that are newer than what is there; locks in id order."""
    ordered = sorted(rows, key=lambda row: str(row["id"]))
    columns = {c.name: [_literal(c.type, row[c.name]) for row in ordered] for c in table.columns}
    await session.execute(_upsert(table), columns)


async def by_ids(session: ReadSession, topic: str, ids: Iterable[UUID]) -> dict[UUID, Event]:
    """What there is of these aggregates."""
    rows = await session.execute(_by_ids(topic), {"ids": list(ids)})
    return {event.id: event for event in map(_decode, rows)}


async def page(
    session: ReadSession, listing: Listing, first: int, after: Sequence[str] | None, **filters: Any
) -> list[Event]:
    """Up to `first` items after a place in the list, in its order; filters that are None do not count."""
    given = {name: value for name, value in filters.items() if value is not None}
    places = {f"after{i}": place for i, place in enumerate(after or ())}
    statement = _page(listing, tuple(given), bool(after))
    return [_decode(row) for row in await session.execute(statement, given | places | {"first": first})]


async def pages(
    session: ReadSession, listing: Listing, first: int, after: Sequence[str] | None, parent: str, ids: Sequence[UUID]
) -> list[list[Event]]:
    """A page for each of these parents, in one statement; `parent` is the column that names it."""
    places = {f"after{i}": place for i, place in enumerate(after or ())}
    rows = await session.execute(_pages(listing, parent, bool(after)), places | {"ids": ids, "first": first})
    found: dict[UUID, list[Event]] = {key: [] for key in ids}
    for row in rows:
        found[row.parent].append(_decode(row))
    return [found[key] for key in ids]


async def buckets(
    session: ReadSession, resources: Iterable[UUID], start: date, days: int
) -> dict[tuple[UUID, date], capacity.Bucket]:
    """The touched days of these resources, from `start` for so many days."""
    given = {"resources": list(resources), "start": start, "end": start + timedelta(days)}
    found = (_decode(row) for row in await session.execute(_BUCKETS, given))
    return {(b.resource_id, b.day): b for b in found if isinstance(b, capacity.Bucket)}


async def resources_of(session: ReadSession, workshop: UUID) -> list[Event]:
    """Every resource of a workshop."""
    return [_decode(row) for row in await session.execute(_RESOURCES_OF, {"party_id": workshop})]


_BUCKETS = text(
    "SELECT type, event::text FROM bucket"
    " WHERE resource_id = ANY(CAST(:resources AS uuid[])) AND day >= :start AND day < :end"
)
_RESOURCES_OF = text("SELECT type, event::text FROM resource WHERE party_id = :party_id ORDER BY id")


@cache
def _upsert(table: Table) -> TextClause:
    names = ", ".join(c.name for c in table.columns)
    arrays = ", ".join(f"CAST(:{c.name} AS {_carrier(c.type)}[])" for c in table.columns)
    values = ", ".join(f"CAST({c.name} AS {_sql(c.type)})" for c in table.columns)
    newer = ", ".join(f"{c.name} = excluded.{c.name}" for c in table.columns if c.name != "id")
    return text(f"""
        INSERT INTO {table.name} ({names}) SELECT {values} FROM unnest({arrays}) AS given ({names})
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


def _decode(row: Row[Any]) -> Event:
    event: Event = _DECODERS[row.type].decode(row.event)
    return event


def _sql(column: Any) -> str:
    return str(column.compile(dialect=_DIALECT))


def _carrier(column: Any) -> str:
    """unnest flattens arrays of arrays, so a list travels as the text of an array."""
    return "text" if isinstance(column, ARRAY) else _sql(column)


def _literal(column: Any, value: Any) -> Any:
    if not isinstance(column, ARRAY):
        return value
    quoted = (str(item).replace("\\", "\\\\").replace('"', '\\"') for item in value)
    return "{" + ",".join(f'"{item}"' for item in quoted) + "}"
