"""What every event has in common: its name, its topic, and the aggregate's whole new state."""

from collections.abc import Callable
from typing import Annotated, ClassVar, TypeVar
from uuid import UUID

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A fact about one aggregate, carrying the aggregate's whole new state (DESIGN: an event says what happened).

    A consumer that missed ten is right after the eleventh; a projection is "upsert if newer than `version`".
    """

    type: ClassVar[str] = ""
    """CloudEvents `type`: `filiera.<service>.<thing>_<past_tense>.v<N>`."""
    topic: ClassVar[str] = ""
    """Kafka topic: `<service>.<aggregate>`; the record's key is `id`."""

    id: UUID
    """The aggregate's id, UUIDv7 unless it is a party's (those come from the token issuer)."""
    version: Annotated[int, msgspec.Meta(ge=1)]
    """1 for a new aggregate, then one more at each change; no gaps."""


PARTITIONS = 12
"""Of every topic: no more members of a consumer group than this have work."""
TOPIC_CONFIG = {"cleanup.policy": "compact"}
"""Kept for ever, the newest event of each aggregate at least: it says all."""

E = TypeVar("E", bound=type[Event])

REGISTRY: dict[str, type[Event]] = {}
"""Every event of every service by its CloudEvents type."""


def event(service: str, aggregate: str, happened: str, version: int = 1) -> Callable[[E], E]:
    """Name an event and register it. `happened` is the thing and the past tense, e.g. `hold_placed`."""

    def register(cls: E) -> E:
        cls.type = f"filiera.{service}.{happened}.v{version}"
        cls.topic = f"{service}.{aggregate}"
        if cls.type in REGISTRY:
            raise ValueError(f"two events are named {cls.type}")
        REGISTRY[cls.type] = cls
        return cls

    return register


def topics(service: str) -> list[str]:
    """The topics that a service owns and alone writes to."""
    return sorted({cls.topic for cls in REGISTRY.values() if cls.topic.startswith(f"{service}.")})


def source(topic: str) -> str:
    """CloudEvents `source` (header `ce_source`) of all that the owner of `topic` publishes, a URI reference."""
    return f"/filiera/{topic.partition('.')[0]}"
