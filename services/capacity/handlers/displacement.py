"""The displacement procedure as a job: whoever a calendar does not carry any more gives way, in the published order."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from libs.kit.db import WriteSession
from libs.service.runtime import Kit
from services.capacity import store
from services.capacity.domain.claims import Booking, Reason
from services.capacity.domain.displacement import answer_by, give_way
from services.capacity.handlers.bookings import At, with_resources
from services.capacity.handlers.facts import save_and_tell
from services.capacity.handlers.jobs import while_more

log = logging.getLogger(__name__)

_AT_ONCE = 50
_HOURS_ARE_GONE = Reason("DISPLACED", "The workshop has these hours no more; hold others.")


async def displace(kit: Kit) -> None:
    """Settle days that give less than was taken of them, or enough again. A booking that cannot be settled keeps none
    of the others waiting."""
    await while_more(kit, partial(_displace_some, failed=set()))


async def _displace_some(session: WriteSession, failed: set[UUID]) -> bool:
    """Whether there may be more to do. Days of whom nothing could be done for are `failed`, and not looked at again."""
    unsettled = await store.unsettled(session, _AT_ONCE, failed)
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
    stuck = [*_each(_displace, found.displaced, known), *_each(_restore, found.restored, known)]
    failed |= {part.bucket_id for booking in stuck for part in booking.allocations}
    await save_and_tell(session, ledger)
    return bool(ledger.changes or stuck)


def _each(do: Callable[[At], None], bookings: Sequence[Booking], known: Mapping[UUID, At]) -> Iterator[Booking]:
    """Those of these bookings with whom it could not be done."""
    for booking in bookings:
        try:
            do(known[booking.id])
        except (ValueError, LookupError, OverflowError):  # e.g. a zone that is no more, or a day without a next
            log.exception("a booking cannot be displaced or restored", extra={"aggregate": booking.id})
            yield booking


def _displace(at: At) -> None:
    """Whose days are short is remembered: the workshop that owes, however the booking ends."""
    parts = [part for part in at.booking.allocations if at.ledger.buckets[part.bucket_id].unattainable]
    by = sorted({*at.booking.displaced_by, *(part.workshop_id for part in parts)})
    at.ledger.step(at.booking, "displace", _answer_by(at), displaced_by=by)


def _restore(at: At) -> None:
    """Whose buyer has not accepted the days that it is on waits for that again, and its workshop owes until then."""
    if at.booking.promised:
        at.ledger.step(at.booking, "restore", _answer_by(at))
    else:
        at.ledger.step(at.booking, "restore", material_by=at.material_by(), displaced_by=[])


def _answer_by(at: At) -> datetime:
    return answer_by(at.booking.allocations, at.resources, at.now)
