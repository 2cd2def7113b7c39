"""Prometheus metrics of messaging. The relay and the consumer keep them; `/metrics` shows them."""

from prometheus_client import Counter, Gauge

OUTBOX_OLDEST = Gauge("filiera_outbox_oldest_seconds", "How long the oldest unsent event has waited")
OUTBOX_UNSENT = Gauge("filiera_outbox_unsent", "Events not sent yet")
OUTBOX_BLOCKED = Gauge("filiera_outbox_blocked", "Aggregates whose next event the broker refuses")
PUBLISHED = Counter("filiera_events_published", "Events acknowledged by the broker", ["type"])
LAG = Gauge("filiera_consumer_lag", "Events not consumed yet", ["topic"])
CONSUMED = Counter("filiera_events_consumed", "Events handled, in effect", ["type"])
PARKED = Gauge("filiera_parked", "Events set aside until somebody replays them")
