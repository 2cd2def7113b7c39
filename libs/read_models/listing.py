"""Lists that are paged by keyset: the order, and the opaque cursors that name a place in it."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

import msgspec


class NoPlaceError(ValueError):
    """What was given is no cursor of the list."""


@dataclass(frozen=True, eq=False)
class Listing:
    """A list that can be paged: its order ends with the id, so that every row has one place."""

    topic: str
    order: tuple[str, ...] = ("id",)
    """Columns of texts, days or ids."""
    descending: bool = True
    """UUIDv7 ids descending: newest first."""
    filters: Mapping[str, str] = field(default_factory=dict)
    """Condition by the name of its parameter."""
    always: str = "true"

    def cursor(self, item: Any) -> str:
        """Where an item stands in the order."""
        place = [getattr(item, name) for name in self.order]
        return urlsafe_b64encode(msgspec.json.encode([self.topic, *place])).decode()

    def place(self, cursor: str) -> tuple[str, ...]:
        """The place that a cursor of this list names. Raises NoPlaceError."""
        try:
            found, *place = msgspec.json.decode(urlsafe_b64decode(cursor), type=list[str])
            place[-1] = str(UUID(place[-1]))  # PostgreSQL knows fewer ways to write one
        except (ValueError, IndexError):
            found, place = "", []
        if found != self.topic or len(place) != len(self.order) or "\0" in "".join(place):
            raise NoPlaceError(cursor)
        return tuple(place)


class Page(NamedTuple):
    """What is asked of each of several parents: up to `first` items of their list after a place."""

    listing: Listing
    parent: str
    """The column that names the parent."""
    first: int
    after: tuple[str, ...]
