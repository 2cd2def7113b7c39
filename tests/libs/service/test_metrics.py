"""What `/metrics` tells of requests: how long by route, what was refused by code; never a label that a caller chose."""

from libs.kit.ids import new_id
from libs.kit.testing import headers
from tests.conftest import Clients


async def test_requests_are_timed_by_their_routes_and_refusals_counted_by_their_codes(client: Clients) -> None:
    orders = await client("orders")
    mine = headers(new_id(), "retailer")
    await orders.post(f"/orders/{new_id()}/cancel", headers=mine)
    await orders.post("/orders", headers=mine, json={})
    await orders.request("BREW", "/orders", headers=mine)
    await orders.get("/nothing/here")
    told = (await orders.get("/metrics")).text
    assert 'filiera_request_seconds_count{method="POST",route="/orders/{order_id}/cancel"}' in told
    assert 'filiera_refusals_total{code="NOT_FOUND"}' in told
    assert 'filiera_refusals_total{code="INVALID"}' in told
    assert not any(chosen in told for chosen in ("BREW", "nothing", "/health"))


async def test_operations_are_timed_by_the_field_they_ask_for(client: Clients) -> None:
    gateway = await client("gateway")
    for query in ("{ viewer { role } }", "query a { viewer { role } parties(first: 1) { __typename } }", "{ mistake }"):
        await gateway.post("/graphql", json={"query": query})
    told = (await gateway.get("/metrics")).text
    assert 'filiera_operation_seconds_count{operation="viewer"}' in told
    assert 'filiera_operation_seconds_count{operation="several"}' in told
    assert "mistake" not in told
