"""Qualifications, as the catalog tells of them, and what lacks of them."""

from collections.abc import Iterable, Mapping, Sequence, Set
from uuid import UUID

import msgspec

from libs.contracts import catalog
from libs.kit.db import WriteSession
from services.capacity import store
from services.capacity.domain.offer import Resource
from services.capacity.domain.qualification import Lack, Needed, Qualification


async def keep_qualifications(session: WriteSession, events: Sequence[catalog.Qualification]) -> None:
    """Remember qualifications as they are now."""
    newest = {event.id: event for event in events}
    kept = msgspec.convert([*newest.values()], list[Qualification], from_attributes=True)
    await store.keep_qualifications(session, kept)


async def lacking(session: WriteSession, known: Mapping[UUID, Resource], asked: Iterable[Needed]) -> Set[Lack]:
    """What workshops lack of what is needed of them, at this moment: nothing is remembered here."""
    wanted = {
        (known[key].party_id, day, scheme)
        for needed in asked
        for (key, day), schemes in needed.items()
        if key in known
        for scheme in schemes
    }
    return await store.lacking(session, wanted)
