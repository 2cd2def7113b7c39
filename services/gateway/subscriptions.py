"""What the gateway reacts to: every event of every aggregate that it shows, listed in `tables.OF_TOPIC`."""

from collections.abc import Sequence

from libs.contracts import REGISTRY, Event
from libs.graphql.changes import Changes
from libs.kit.consumer import Subscription, batch
from libs.kit.db import WriteSession
from services.gateway import handlers, tables


def subscriptions(changes: Changes) -> list[Subscription]:
    """One projection per aggregate; each tells `changes` what it has brought."""

    async def project(session: WriteSession, events: Sequence[Event]) -> None:
        await handlers.project(session, events, changes)

    return [
        batch(tuple(event for event in REGISTRY.values() if event.topic == topic), project) for topic in tables.OF_TOPIC
    ]
