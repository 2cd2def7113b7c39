"""Qualifications, as the catalog tells of them."""

from collections.abc import Sequence

import msgspec

from libs.contracts import catalog
from libs.kit.db import WriteSession
from services.capacity import store
from services.capacity.domain.qualification import Qualification


async def keep_qualifications(session: WriteSession, events: Sequence[catalog.Qualification]) -> None:
    """Remember qualifications as they are now."""
    newest = {event.id: event for event in events}
    kept = msgspec.convert([*newest.values()], list[Qualification], from_attributes=True)
    await store.keep_qualifications(session, kept)
