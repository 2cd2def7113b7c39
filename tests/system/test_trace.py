"""One trace through HTTP, outbox, Kafka and consumers, and the edges between services that it shows."""

import secrets

from libs.demo.client import Platform
from libs.kit.testing import eventually
from tests.system import trade
from tests.system.otlp import Collector, Span

EDGES = {
    ("gateway", "orders"),
    ("orders", "capacity"),
    ("capacity", "orders"),
    ("orders", "gateway"),
    ("capacity", "gateway"),
}


async def test_an_order_is_one_trace_across_every_service(client: Platform, collector: Collector) -> None:
    await trade.workshop(client, "lasting")
    shirt = await trade.product(await trade.register(client, "brand", "Casa tracciata"), "lasting")
    shop = await trade.register(client, "retailer", "Bottega tracciata")
    trace_id = secrets.token_hex(16)
    client.headers["traceparent"] = f"00-{trace_id}-{secrets.token_hex(8)}-01"
    await trade.order(shop, shirt)
    await eventually(lambda: edges(collector.trace(trace_id)) >= EDGES, seconds=30)


def edges(spans: list[Span]) -> set[tuple[str, str]]:
    """Pairs of services where a span of one is the child of a span of the other."""
    services = {span.span_id: span.service for span in spans}
    pairs = {(services[span.parent_id], span.service) for span in spans if span.parent_id in services}
    return {(one, other) for one, other in pairs if one != other}
