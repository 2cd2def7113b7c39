"""What an event does to the read models: upsert if newer."""

from collections.abc import Sequence
from typing import Any

from libs.contracts import Event, capacity, catalog, orders
from libs.graphql.changes import Changes
from libs.kit.db import WriteSession
from services.gateway import store, tables, views


async def project(session: WriteSession, events: Sequence[Event], changes: Changes) -> None:
    """Bring one read model up to these events of one topic, in any order, any number of times."""
    latest: dict[object, Event] = {}
    for event in events:
        if event.version >= latest.get(event.id, event).version:
            latest[event.id] = event
    await store.upsert(session, tables.OF_TOPIC[events[0].topic], [_row(event) for event in latest.values()])
    changes.told_by(session, [key for event in latest.values() for key in _keys(event)])


def _row(event: Event) -> dict[str, Any]:
    return {"id": event.id, "version": event.version, "type": event.type, "event": event} | _columns(event)


def _columns(event: Event) -> dict[str, Any]:
    match event:
        case catalog.Party():
            return {"kind": event.kind, "name": event.name}
        case catalog.Site():
            return {"party_id": event.party_id, "name": event.name}
        case catalog.Product():
            return {"party_id": event.party_id, "offered": not isinstance(event, catalog.ProductWithdrawn)}
        case capacity.Resource():
            where = {"party_id": event.party_id, "site_id": event.site_id, "processes": event.processes}
            return where | {"audience": views.invited(event)}
        case capacity.Bucket():
            return {"party_id": event.party_id, "resource_id": event.resource_id, "day": event.day}
        case capacity.Hold() | capacity.Booking() | orders.Order():
            return {"state": event.state, "audience": views.audience(event)}
    raise TypeError(f"{event.type} has no read model")


def _keys(event: Event) -> list[str]:
    """Under which names a change is told to those who wait for it."""
    keys = [f"{event.topic}:{event.id}"]
    if isinstance(event, capacity.Bucket):
        keys.append(f"day:{event.party_id}:{event.day}")
    return keys
