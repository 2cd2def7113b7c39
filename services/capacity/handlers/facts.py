"""What happened, as events: the one place where the domain's state becomes a contract's."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import msgspec
from msgspec.structs import asdict, replace

from libs.contracts import capacity
from libs.contracts import capacity_queues as queues
from libs.contracts.values import Ending, Money
from libs.kit.db import Write, WriteSession, write
from libs.messaging import outbox
from services.capacity import store
from services.capacity.domain.ledger import Booking, Hold, Ledger, NoRoomError
from services.capacity.domain.life import BookingStage
from services.capacity.domain.offer import Resource
from services.capacity.domain.pool import Pool, Share
from services.capacity.domain.quota import Limit
from services.capacity.domain.waitlist import Entry
from services.capacity.handlers.refusals import refusing

_EVENTS: dict[str, type[capacity.Hold]] = {
    "held": capacity.HoldPlaced,
    "refused": capacity.HoldRefused,
    "confirmed": capacity.HoldConfirmed,
    "released": capacity.HoldReleased,
    "expired": capacity.HoldExpired,
}
_ENTRY_EVENTS: dict[str, type[queues.WaitlistEntry]] = {
    "waiting": queues.WaitlistJoined,
    "offered": queues.WaitlistOffered,
    "accepted": queues.WaitlistAccepted,
    "declined": queues.WaitlistDeclined,
    "missed": queues.WaitlistMissed,
    "withdrawn": queues.WaitlistWithdrawn,
    "lapsed": queues.WaitlistLapsed,
}
_POOL_EVENTS: dict[str, type[queues.Pool]] = {
    "open": queues.PoolPledged,
    "fired": queues.PoolFired,
    "lapsed": queues.PoolLapsed,
    "closed": queues.PoolClosed,
}
_SHARE_EVENTS: dict[str, type[queues.PoolShare]] = {
    "pledged": queues.SharePledged,
    "booked": queues.ShareBooked,
    "withdrawn": queues.ShareWithdrawn,
    "released": queues.ShareReleased,
}


class PlacedHold(capacity.Hold, frozen=True, kw_only=True):
    """A hold, and the limits that apply to who placed it."""

    limits: list[Limit]
    """With this hold counted in."""


_PROPOSED: dict[str, type[capacity.Hold]] = {"workshop": capacity.HoldProposed, "holder": capacity.HoldAmended}
_STAGES: dict[BookingStage, type[capacity.Booking]] = {
    "awaiting_material": capacity.BookingConfirmed,
    "firm": capacity.BookingConfirmed,
    "displaced": capacity.BookingDisplaced,
    "moved": capacity.BookingMoved,
    "started": capacity.BookingStarted,
    "completed": capacity.BookingCompleted,
    "cancelled": capacity.BookingCancelled,
}


def hold_event(hold: Hold) -> capacity.Hold:
    """What a hold's present state is told as."""
    asked = hold.proposal if hold.state == "held" else None
    event = _PROPOSED[asked.awaiting] if asked else _EVENTS[hold.state]
    return msgspec.convert(hold, event, from_attributes=True)


def placed_hold(hold: Hold, limits: Sequence[Limit]) -> PlacedHold:
    """The answer to who placed it."""
    return PlacedHold(**asdict(hold_event(hold)), limits=list(limits))


def booking_event(booking: Booking) -> capacity.Booking:
    """What a booking's present state is told as."""
    event = _STAGES[booking.stage]
    if booking.stage == "firm" and booking.material_at:
        event = capacity.BookingSupplied
    elif booking.stage == "started" and booking.actual:
        event = capacity.WorkReported
    return msgspec.convert(booking, event, from_attributes=True)


def booking_seen_by(party: UUID, booking: Booking) -> capacity.Booking:
    """A booking for one of its parties: a workshop sees its own part alone, at its own price."""
    told = booking_event(booking)
    if party == booking.party_id:
        return told
    agreed = [part for part in told.agreed if part.workshop_id == party]
    own, promised = ([part for part in some if part.workshop_id == party] for some in (told.allocations, told.promised))
    actual = [one for one in told.actual if one.workshop_id == party]
    price = Money(sum(part.price.amount for part in agreed), told.price.currency)
    ending = _ending_seen_by(party, told.ending)
    return replace(told, allocations=own, promised=promised, agreed=agreed, actual=actual, price=price, ending=ending)


def _ending_seen_by(party: UUID, ending: Ending | None) -> Ending | None:
    return ending and replace(ending, due=[one for one in ending.due if party in (one.debtor_id, one.creditor_id)])


def resource_event(
    resource: Resource, changed: type[capacity.Resource] = capacity.CalendarChanged
) -> capacity.Resource:
    """What a resource's present state is told as; `changed` says what of it, if it is not new."""
    event = capacity.ResourcePublished if resource.version == 1 else changed
    return msgspec.convert(msgspec.to_builtins(resource), event)


def entry_event(entry: Entry) -> queues.WaitlistEntry:
    """What the present state of a place in line is told as."""
    return msgspec.convert(entry, _ENTRY_EVENTS[entry.state], from_attributes=True)


def pool_event(pool: Pool) -> queues.Pool:
    """What a pool's present state is told as."""
    event = queues.PoolOpened if pool.version == 1 else _POOL_EVENTS[pool.state]
    return msgspec.convert(pool, event, from_attributes=True)


def share_event(share: Share) -> queues.PoolShare:
    """What the present state of a share is told as."""
    return msgspec.convert(share, _SHARE_EVENTS[share.state], from_attributes=True)


async def save_and_tell(session: WriteSession, ledger: Ledger) -> None:
    """Write what was done and tell it."""
    await write(session, *saving_and_telling(session, ledger))


@asynccontextmanager
async def deciding(session: WriteSession, ledger: Ledger, resources: Iterable[Resource] = ()) -> AsyncIterator[None]:
    """What is done with the ledger meanwhile is saved and told. Raises the problem of what is refused; room is asked
    for of these resources."""
    with refusing():
        try:
            yield
        except NoRoomError as error:
            raise error.told(next(one for one in resources if one.id == error.asked.resource_id)) from None
    await save_and_tell(session, ledger)


def saving_and_telling(session: WriteSession, ledger: Ledger) -> list[Write]:
    """What was done, to be written and told: holds and bookings in its order, then each changed bucket once."""
    buckets = ledger.changed()
    claims = [hold_event(one) if isinstance(one, Hold) else booking_event(one) for one in ledger.changes]
    changed = msgspec.convert(buckets, list[capacity.BucketChanged], from_attributes=True)
    return store.saving(ledger.changes, buckets) + outbox.telling(session, *claims, *changed)
