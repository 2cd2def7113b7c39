"""Whether a platform at rest has lost or doubled anything: every service's newest states, held against each other.

The outbox keeps the newest event of each aggregate for ever, so it is the owner's word on the present state.
"""

import json
from collections import Counter
from typing import Any

from services.gateway.tables import OF_TOPIC
from tests.system.running import SERVICES, Running

NEWEST = """
    SELECT DISTINCT ON (aggregatetype, aggregateid) aggregatetype AS topic, aggregateid AS id, version, payload::text
    FROM outbox ORDER BY aggregatetype, aggregateid, version DESC
"""
GAPS = """
    SELECT aggregatetype, aggregateid FROM outbox
    GROUP BY 1, 2 HAVING count(*) <> max(version) - min(version) + 1 OR min(version) <> 1
"""
ON_THEIR_WAY = {"placed", "reserved"}


async def newest(running: Running) -> dict[str, dict[str, dict[str, Any]]]:
    """Topic -> aggregate id -> its newest state, as its owner told it."""
    states: dict[str, dict[str, dict[str, Any]]] = {}
    for service in SERVICES:
        for row in await running.ask(service, NEWEST):
            states.setdefault(row["topic"], {})[str(row["id"])] = json.loads(row["payload"])
    return states


async def at_rest(running: Running) -> bool:
    """Nothing unsent, nothing unread, no order on its way."""
    for service in SERVICES:
        if (await running.ask(service, "SELECT count(*) FROM outbox WHERE sent_at IS NULL"))[0][0]:
            return False
    states = await newest(running)
    if any(order["state"] in ON_THEIR_WAY for order in states.get("orders.order", {}).values()):
        return False
    return not await unread(running, states)


async def unread(running: Running, states: dict[str, dict[str, dict[str, Any]]]) -> list[str]:
    """What the gateway has not seen in its newest version."""
    seen = {
        (row["topic"], str(row["aggregate_id"])): row["version"]
        for row in await running.ask("gateway", "SELECT topic, aggregate_id, version FROM consumed")
    }
    return [
        f"{topic} {identity} v{state['version']}, seen v{seen.get((topic, identity))}"
        for topic, aggregates in states.items()
        if topic in OF_TOPIC
        for identity, state in aggregates.items()
        if seen.get((topic, identity)) != state["version"]
    ]


async def faults(running: Running) -> list[str]:
    """Every way in which the books do not balance; empty if all is well."""
    states = await newest(running)
    orders, bookings, holds, buckets = (
        states.get(topic, {}) for topic in ("orders.order", "capacity.booking", "capacity.hold", "capacity.bucket")
    )
    found = [f"unread: {one}" for one in await unread(running, states)]
    for service in SERVICES:
        found += [f"gap in {service}: {tuple(row)}" for row in await running.ask(service, GAPS)]
        found += [
            f"parked in {service}: {tuple(row)}"
            for row in await running.ask(service, "SELECT topic, reason FROM parked")
        ]
    firm = {one for one, booking in bookings.items() if booking["state"] == "confirmed" and booking["order_id"]}
    wanted = {one for one, order in orders.items() if order["state"] == "confirmed"}
    found += [f"order without booking: {one}" for one in wanted - firm]
    found += [f"booking without order: {one}" for one in firm - wanted]
    found += [f"quarantined: {one}" for one, order in orders.items() if order["state"] == "quarantined"]
    committed = _sum(booking for booking in bookings.values() if booking["state"] == "confirmed")
    held = _sum(hold for hold in holds.values() if hold["state"] == "held")
    for identity, bucket in buckets.items():
        if bucket["committed"] != committed[identity] or bucket["held"] != held[identity]:
            found.append(f"bucket {identity}: {bucket}, but bookings {committed[identity]} and holds {held[identity]}")
    found += [f"bucket never told: {one}" for one in (committed + held).keys() - buckets.keys()]
    return found


def _sum(takers: Any) -> Counter[str]:
    total: Counter[str] = Counter()
    for taker in takers:
        for part in taker["allocations"]:
            total[part["bucket_id"]] += part["quantity"]
    return total
