"""One trace through HTTP, outbox, Kafka and consumers, and the edges between services that it shows."""

import secrets

import httpx

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


async def test_the_address_of_an_upload_is_in_no_trace_and_no_log(
    running: Running, client: Platform, collector: Collector
) -> None:
    """Whoever reads it there could send a file."""
    place = await trade.workshop(client, "laser")
    asked = "mutation { signUpload(input: {kind: RESOURCES_CSV}) { ... on SignUploadSuccess { url } } }"
    token = {"authorization": f"Bearer {running.token(place.actor.party, 'workshop')}"}
    url = (await client.post(asked, {}, token))["signUpload"]["url"]
    async with httpx.AsyncClient(base_url=running.url, timeout=30, trust_env=False) as http:
        trace_id = secrets.token_hex(16)
        said = {"Content-Type": "text/csv", "traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01"}
        sent = [await http.put(url, content=body, headers=said) for body in (b"x", b"")]
    assert [answer.json()["code"] for answer in sent] == ["FAULTY_FILE", "EMPTY"]
    last = secrets.token_hex(16)  # the gateway tells its spans in the order of their ends
    await client.post("{ __typename }", {}, {"traceparent": f"00-{last}-{secrets.token_hex(8)}-01"})
    await eventually(lambda: [span for span in collector.trace(last) if span.service == "gateway"], seconds=30)
    await eventually(lambda: [span for span in collector.trace(trace_id) if span.name == "PUT /uploads"], seconds=30)
    secret = url.rpartition("/")[2]
    assert not [span for span in list(collector.spans) if secret in span.all or secret.partition(".")[2] in span.all]
    logs = [path for path in running.home.rglob("*.log") if path.is_file()]
    assert logs
    assert not [path for path in logs if secret in path.read_text(errors="replace")]


def edges(spans: list[Span]) -> set[tuple[str, str]]:
    """Pairs of services where a span of one is the child of a span of the other."""
    services = {span.span_id: span.service for span in spans}
    pairs = {(services[span.parent_id], span.service) for span in spans if span.parent_id in services}
    return {(one, other) for one, other in pairs if one != other}
