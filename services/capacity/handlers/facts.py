"""What happened, as events: the one place where the domain's state becomes a contract's."""

import msgspec

from libs.contracts import capacity
from libs.kit.db import Write, WriteSession, write
from libs.messaging import outbox
from services.capacity import store
from services.capacity.domain.ledger import Booking, Hold, Ledger
from services.capacity.domain.offer import Resource

_EVENTS: dict[str, type[capacity.Hold]] = {
    "held": capacity.HoldPlaced,
    "refused": capacity.HoldRefused,
    "confirmed": capacity.HoldConfirmed,
    "released": capacity.HoldReleased,
    "expired": capacity.HoldExpired,
}


def hold_event(hold: Hold) -> capacity.Hold:
    """What a hold's present state is told as."""
    return msgspec.convert(hold, _EVENTS[hold.state], from_attributes=True)


def booking_event(booking: Booking) -> capacity.Booking:
    """What a booking's present state is told as."""
    confirmed = booking.state == "confirmed"
    event = capacity.BookingConfirmed if confirmed else capacity.BookingCancelled
    return msgspec.convert(booking, event, from_attributes=True)


def resource_event(resource: Resource) -> capacity.Resource:
    """What a resource's present state is told as."""
    event = capacity.ResourcePublished if resource.version == 1 else capacity.CalendarChanged
    return msgspec.convert(msgspec.to_builtins(resource), event)


async def save_and_tell(session: WriteSession, ledger: Ledger) -> None:
    """Write what was done and tell it."""
    await write(session, *saving_and_telling(session, ledger))


def saving_and_telling(session: WriteSession, ledger: Ledger) -> list[Write]:
    """What was done, to be written and told: holds and bookings in its order, then each changed bucket once."""
    buckets = ledger.changed()
    claims = [hold_event(one) if isinstance(one, Hold) else booking_event(one) for one in ledger.changes]
    changed = msgspec.convert(buckets, list[capacity.BucketChanged], from_attributes=True)
    return store.saving(ledger.changes, buckets) + outbox.telling(session, *claims, *changed)
