"""Prometheus metrics of search."""

from prometheus_client import Gauge, Histogram

LAG = Histogram(
    "filiera_search_lag_seconds",
    "From the telling of a change in the ledger until a search here knows of it",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
)
LOADED = Gauge("filiera_search_load_seconds", "How long the last loading of the index took")
"""Its age is a part of every answer."""
