"""Prometheus metrics that any service may keep; `/metrics` shows them."""

from prometheus_client import Counter

REFUSALS = Counter("filiera_refusals", "What was asked for and refused, by the code that is answered", ["code"])
