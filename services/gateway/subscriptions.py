"""What the gateway reacts to: every event of every aggregate that it shows, listed in `tables.OF_TOPIC`."""

from collections.abc import Sequence

from libs.contracts import REGISTRY, Event
from libs.graphql.changes import Changes
from libs.kit.db import WriteSession
from libs.messaging.consumer import batch
from services.gateway import handlers, tables

changes = Changes()
"""What this process has brought, for those who wait for it. Where nobody announces it, they look by themselves."""


async def _project(session: WriteSession, events: Sequence[Event]) -> None:
    await handlers.project(session, events, changes)


SUBSCRIPTIONS = [
    batch(tuple(event for event in REGISTRY.values() if event.topic == topic), _project) for topic in tables.OF_TOPIC
]
