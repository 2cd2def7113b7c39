"""What a read model is: a table of the newest event of each aggregate of a topic, as it came.

Not SQLModel: these rows are never objects, they are written as JSON and read as events.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from libs.contracts import REGISTRY, Event

_COMMON = {"id": "uuid", "version": "int", "type": "text", "event": "json"}


@dataclass(frozen=True, eq=False)
class ReadModel:
    """One view: the newest event of each aggregate, beside the columns that lists filter and sort by."""

    topic: str
    table: str
    own: Mapping[str, str]
    """Its own columns: the SQL type by the name. Each holds the event's field of that name, unless it is derived."""
    derived: Mapping[str, Callable[[Any], object]] = field(default_factory=dict)
    """Columns that are worked out from the event."""

    @property
    def columns(self) -> dict[str, str]:
        """All that the table has: the SQL type by the name."""
        return _COMMON | dict(self.own)

    @property
    def events(self) -> tuple[type[Event], ...]:
        """What can happen to its aggregates."""
        return tuple(event for event in REGISTRY.values() if event.topic == self.topic)

    def row(self, event: Event) -> dict[str, Any]:
        """What the table keeps of an event."""
        own = {name: self.derived[name](event) if name in self.derived else getattr(event, name) for name in self.own}
        return {"id": event.id, "version": event.version, "type": event.type, "event": event} | own


def by_topic(*models: ReadModel) -> dict[str, ReadModel]:
    """These read models, each by its topic."""
    return {model.topic: model for model in models}
