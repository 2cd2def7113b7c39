"""Sites, as the catalog tells of them: whose they are, and by which clock their days begin."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from libs.contracts import catalog
from libs.kit.db import WriteSession
from libs.service.runtime import Kit
from services.capacity import store
from services.capacity.domain.offer import Site

LOOKS = 20
"""For a site that was registered a moment ago: two seconds."""
_PAUSE = 0.1


async def keep_sites(session: WriteSession, events: Sequence[catalog.SiteRegistered]) -> None:
    """Remember sites as they are now."""
    newest = {event.id: event for event in events}
    await store.keep_sites(session, msgspec.convert([*newest.values()], list[Site], from_attributes=True))


async def known_sites(kit: Kit, ids: Collection[UUID]) -> tuple[dict[UUID, Site], datetime]:
    """These of the sites that exist, and what time it is. Those the catalog has told of only just may still be on their
    way: they are waited for, in no transaction."""
    for _ in range(LOOKS):
        async with kit.database.read() as session:
            found, now = await store.sites(session, ids), await store.now(session)
        if len(found) == len(ids):
            break
        await asyncio.sleep(_PAUSE)
    return found, now
