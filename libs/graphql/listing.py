"""Lists that are paged by keyset: the order, and the opaque cursors that name a place in it."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec

from libs.graphql.opaque import Malformed, text


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

    def cursor(self, item: Any) -> str:
        """Where an item stands in the order."""
        place = [text(getattr(item, name)) for name in self.order]
        return urlsafe_b64encode(msgspec.json.encode([self.topic, *place])).decode()

    def place(self, cursor: str) -> tuple[str, ...]:
        """The place that a cursor of this list names. Raises Malformed."""
        try:
            found, *place = msgspec.json.decode(urlsafe_b64decode(cursor), type=list[str])
            place[-1] = str(UUID(place[-1]))  # PostgreSQL knows fewer ways to write one
        except (ValueError, IndexError):
            found, place = "", []
        if found != self.topic or len(place) != len(self.order) or "\0" in "".join(place):
            raise Malformed(
                "`after` is no cursor of this list. Send `pageInfo.endCursor` or a `cursor` as it came.",
                "INVALID_CURSOR",
            )
        return tuple(place)
