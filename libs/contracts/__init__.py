"""Every event that crosses a service border, as a type; `schemas/` and `asyncapi.json` are generated from them."""

from libs.contracts import capacity, capacity_queues, catalog, orders
from libs.contracts._base import PARTITIONS, REGISTRY, TOPIC_CONFIG, Event, event, source, topics

__all__ = [
    "PARTITIONS",
    "REGISTRY",
    "TOPIC_CONFIG",
    "Event",
    "capacity",
    "capacity_queues",
    "catalog",
    "event",
    "orders",
    "source",
    "topics",
]
