"""The displacement procedure as a job: whoever a calendar does not carry any more gives way, in the published order."""

from libs.kit.db import WriteSession
from libs.service.runtime import Kit
from services.capacity import store
from services.capacity.domain.claims import Reason
from services.capacity.domain.displacement import answer_by, give_way
from services.capacity.handlers.bookings import At, with_resources
from services.capacity.handlers.facts import save_and_tell

_AT_ONCE = 50
_HOURS_ARE_GONE = Reason("DISPLACED", "The workshop has these hours no more; hold others.")


async def displace(kit: Kit) -> None:
    """Settle days that give less than was taken of them, or enough again, some at a time."""
    more = True
    while more:
        async with kit.database.work() as session:
            more = await _displace_some(session)


async def _displace_some(session: WriteSession) -> bool:
    """Whether there may be more to do."""
    unsettled = await store.unsettled(session, _AT_ONCE)
    if not unsettled:
        return False
    holds, bookings = await store.claims_on(session, unsettled)
    ledger = await store.open_ledger(session, claims=[*holds, *bookings])
    now = await store.now(session)
    for hold in holds:
        if hold.is_over(now):
            ledger.expire(hold)
    buckets = [ledger.buckets[key] for key in unsettled if key in ledger.buckets]
    found = give_way(buckets, [hold for hold in holds if not hold.is_over(now)], bookings)
    known = await with_resources(session, [*found.displaced, *found.restored], ledger, now)
    for hold in found.released:
        ledger.release(hold, now, event="displace", reason=_HOURS_ARE_GONE)
    for booking in found.displaced:
        _displace(known[booking.id])
    for booking in found.restored:
        at = known[booking.id]
        ledger.step(booking, "restore", material_by=at.material_by(), displaced_by=[])
    await save_and_tell(session, ledger)
    return bool(ledger.changes)


def _displace(at: At) -> None:
    """Whose days are short is remembered: the workshop that owes, however the booking ends."""
    parts = [part for part in at.booking.allocations if at.ledger.buckets[part.bucket_id].unattainable]
    by = sorted({*at.booking.displaced_by, *(part.workshop_id for part in parts)})
    at.ledger.step(at.booking, "displace", answer_by(at.booking, at.first, at.now), displaced_by=by)
