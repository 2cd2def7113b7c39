"""One trace through HTTP, outbox, Kafka and consumers, and the edges between services that it shows."""

import secrets

from libs.demo.client import Platform, mutation
from libs.kit.testing import eventually
from tests.system import trade
from tests.system.otlp import Collector, Span
from tests.system.running import Running

EDGES = {
    ("gateway", "orders"),
    ("orders", "capacity"),
    ("capacity", "orders"),
    ("orders", "gateway"),
    ("capacity", "gateway"),
}


async def test_an_order_is_one_trace_across_every_service(
    running: Running, client: Platform, collector: Collector
) -> None:
    await trade.workshop(client, "lasting")
    shirt = await trade.product(await trade.register(client, "brand", "Casa tracciata"), "lasting")
    shop = await trade.register(client, "retailer", "Bottega tracciata")
    trace_id = secrets.token_hex(16)
    line = {"productId": shirt, "sku": "NAV-M", "quantity": 1}
    given = {"lines": [line], "earliestDay": trade.day(2), "dueDay": trade.day(30)}
    traced = {"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01"}
    traced["authorization"] = f"Bearer {running.token(shop.party, 'retailer')}"
    await trade.order(shop, shirt)  # orders knows the product now, so that the next one is taken at once
    placed = await client.post(mutation("placeOrder", "order { id }"), {"input": given}, traced)
    assert placed["placeOrder"]["__typename"] == "PlaceOrderSuccess"
    await eventually(lambda: not EDGES - edges(collector.trace(trace_id)), seconds=30)


def edges(spans: list[Span]) -> set[tuple[str, str]]:
    """Pairs of services where a span of one is the child of a span of the other."""
    services = {span.span_id: span.service for span in spans}
    pairs = {(services[span.parent_id], span.service) for span in spans if span.parent_id in services}
    return {(one, other) for one, other in pairs if one != other}
