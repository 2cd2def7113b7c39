"""How read models are read. Every read runs under the session's parties: what they may not see is not there."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Row, TextClause, text

from libs.contracts import REGISTRY, Event
from libs.kit.db import ReadSession
from libs.read_models.declaration import ReadModel
from libs.read_models.listing import Listing, Page

_DECODERS = {name: msgspec.json.Decoder(event) for name, event in REGISTRY.items()}


def decode(row: Row[Any]) -> Event:
    """The event of a row that has `type` and `event::text`."""
    event: Event = _DECODERS[row.type].decode(row.event)
    return event


class Reader:
    """Reads the read models of some topics."""

    def __init__(self, models: Mapping[str, ReadModel]) -> None:
        self._models = models

    async def by_ids(self, session: ReadSession, topic: str, ids: Sequence[UUID]) -> dict[UUID, Event]:
        """What there is of these aggregates."""
        rows = await session.execute(_by_ids(self._models[topic]), {"ids": ids})
        return {event.id: event for event in map(decode, rows)}

    async def page(
        self, session: ReadSession, /, listing: Listing, first: int, after: Sequence[str] = (), **filters: Any
    ) -> list[Event]:
        """Up to `first` items after a place in the list, in its order; filters that are None do not count."""
        given = {name: value for name, value in filters.items() if value is not None}
        statement = _page(self._models[listing.topic], listing, tuple(given), bool(after))
        return [decode(row) for row in await session.execute(statement, given | _places(after) | {"first": first})]

    async def pages(self, session: ReadSession, asked: Page, parents: Sequence[UUID]) -> dict[UUID, list[Event]]:
        """The page of each of these parents that has any items, in one statement."""
        statement = _pages(self._models[asked.listing.topic], asked.listing, asked.parent, bool(asked.after))
        found: dict[UUID, list[Event]] = defaultdict(list)
        given = _places(asked.after) | {"ids": parents, "first": asked.first}
        for row in await session.execute(statement, given):
            found[row.parent].append(decode(row))
        return found


@cache
def _by_ids(model: ReadModel) -> TextClause:
    return text(f"SELECT type, event::text FROM {model.table} WHERE id = ANY(CAST(:ids AS uuid[]))")  # noqa: S608 - names are ours


@cache
def _page(model: ReadModel, listing: Listing, given: tuple[str, ...], after: bool) -> TextClause:
    return text(_select(model, listing, [listing.filters[name] for name in given], after))


@cache
def _pages(model: ReadModel, listing: Listing, parent: str, after: bool) -> TextClause:
    inner = _select(model, listing, [f"{parent} = wanted.parent"], after)
    return text(f"""
        SELECT wanted.parent, item.type, item.event
          FROM unnest(CAST(:ids AS uuid[])) AS wanted (parent), LATERAL ({inner}) AS item
    """)  # noqa: S608 - names are ours


def _select(model: ReadModel, listing: Listing, conditions: list[str], after: bool) -> str:
    if after:
        types = [model.columns[name] for name in listing.order]
        given = ", ".join(f"CAST(CAST(:after{i} AS text) AS {type_})" for i, type_ in enumerate(types))
        conditions = [*conditions, f"({', '.join(listing.order)}) {'<' if listing.descending else '>'} ({given})"]
    where = " AND ".join([listing.always, *conditions])
    order = ", ".join(f"{name} {'DESC' if listing.descending else 'ASC'}" for name in listing.order)
    return f"SELECT type, event::text FROM {model.table} WHERE {where} ORDER BY {order} LIMIT :first"  # noqa: S608 - names are ours


def _places(after: Sequence[str]) -> dict[str, Any]:
    return {f"after{i}": place for i, place in enumerate(after)}
