"""What an event does here: its read model is brought up to it, and who waits for that is told."""

from collections.abc import Sequence

from libs.contracts import Event, capacity
from libs.graphql.changes import Changes
from libs.kit.db import WriteSession
from libs.read_models import projection
from services.gateway import tables


async def project(session: WriteSession, events: Sequence[Event], changes: Changes) -> None:
    """Bring one read model up to these events of one topic, in any order, any number of times."""
    newest = await projection.project(session, tables.OF_TOPIC[events[0].topic], events)
    changes.told_by(session, [key for event in newest for key in _keys(event)])


def _keys(event: Event) -> list[str]:
    """Under which names a change is told to those who wait for it."""
    keys = [f"{event.topic}:{event.id}"]
    if isinstance(event, capacity.Bucket):
        keys.append(f"day:{event.party_id}:{event.day}")
    return keys
