"""What capacity says of those who wait for room, and of those who share it."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from libs.contracts._base import Event, event
from libs.contracts.values import Allocation, Money


class WaitlistState(StrEnum):
    """`waiting` and `offered` are open; the others are final."""

    WAITING = "waiting"
    """There is no room yet, or others come first."""
    OFFERED = "offered"
    """Room is held for it until `expires_at`."""
    ACCEPTED = "accepted"
    """The offer was confirmed."""
    DECLINED = "declined"
    """The offer was released."""
    MISSED = "missed"
    """Nobody confirmed the offer in time."""
    WITHDRAWN = "withdrawn"
    """The party left the line."""
    LAPSED = "lapsed"
    """The last day that would do is over."""


class WaitlistEntry(Event, frozen=True, kw_only=True):
    """State of a party's place in line for room that was not there. It is offered room once: the hold, and then the
    booking, have its id."""

    party_id: UUID
    """Who waits."""
    state: WaitlistState
    """Whether it still waits, and how it ended."""
    resource_id: UUID | None = None
    """What is waited for, if it is one resource; else `process` and `currency` say it."""
    process: str | None = None
    """Any resource that can do this, from the shared taxonomy."""
    currency: str | None = None
    """ISO 4217, of what is waited for."""
    quantity: int
    """All of it or nothing, in the resource's unit; minutes of a process."""
    first_day: date
    """Of the days that will do, at the resource's site."""
    last_day: date
    """The last day that will do."""
    joined_at: Annotated[datetime, msgspec.Meta(tz=True)]
    """What decides who is first (RFC 3339, UTC), on the ledger's database clock."""
    allocations: list[Allocation] = msgspec.field(default_factory=list)
    """What it was offered; nothing before."""
    expires_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    """The offer ends at this instant (RFC 3339, UTC), as its hold does."""


@event("capacity", "waitlist", "waitlist_joined")
class WaitlistJoined(WaitlistEntry, frozen=True, kw_only=True):
    """A party went to the end of the line."""


@event("capacity", "waitlist", "waitlist_offered")
class WaitlistOffered(WaitlistEntry, frozen=True, kw_only=True):
    """There was room and nobody before it whom it fitted: it is held until `expires_at`."""


@event("capacity", "waitlist", "waitlist_accepted")
class WaitlistAccepted(WaitlistEntry, frozen=True, kw_only=True):
    """The offer was confirmed: there is a booking of the same id."""


@event("capacity", "waitlist", "waitlist_declined")
class WaitlistDeclined(WaitlistEntry, frozen=True, kw_only=True):
    """The offer was released; the room goes to the next."""


@event("capacity", "waitlist", "waitlist_missed")
class WaitlistMissed(WaitlistEntry, frozen=True, kw_only=True):
    """Nobody confirmed the offer in time; the room goes to the next."""


@event("capacity", "waitlist", "waitlist_withdrawn")
class WaitlistWithdrawn(WaitlistEntry, frozen=True, kw_only=True):
    """The party left the line, and an offer with it."""


@event("capacity", "waitlist", "waitlist_lapsed")
class WaitlistLapsed(WaitlistEntry, frozen=True, kw_only=True):
    """The last day that would do is over, and there was no room."""


class PoolState(StrEnum):
    """`open` gathers shares; the others are final."""

    OPEN = "open"
    """It gathers shares until `closes_at`."""
    FIRED = "fired"
    """The minimum was met: every share is a booking."""
    LAPSED = "lapsed"
    """The minimum was not met in time."""
    CLOSED = "closed"
    """The workshop took the room back."""


class Pool(Event, frozen=True, kw_only=True):
    """State of a pool: room that a workshop sells by shares, once a minimum is pledged. While it is open its room is
    the workshop's hold of the same id."""

    party_id: UUID
    """The workshop."""
    state: PoolState
    """Whether it gathers shares, and how it ended."""
    resource_id: UUID
    """Whose time it is."""
    day: date
    """Of the site's time zone."""
    quantity: int
    """What is set aside, in the resource's unit."""
    minimum: int
    """What must be pledged for it to fire."""
    pledged: int
    """All shares together."""
    price_per_unit: Money
    """For one unit."""
    setup_price: Money
    """Once for all shares: by quantity, to the last minor unit."""
    minimum_charge: Money | None = None
    """All shares together pay no less: what lacks is shared as setting up is."""
    closes_at: Annotated[datetime, msgspec.Meta(tz=True)]
    """It lapses at this instant (RFC 3339, UTC), on the ledger's database clock."""


@event("capacity", "pool", "pool_opened")
class PoolOpened(Pool, frozen=True, kw_only=True):
    """A workshop set room aside for shares."""


@event("capacity", "pool", "pool_pledged")
class PoolPledged(Pool, frozen=True, kw_only=True):
    """Somebody joined or left: `pledged` is what has come together."""


@event("capacity", "pool", "pool_fired")
class PoolFired(Pool, frozen=True, kw_only=True):
    """The minimum was met: every share is a booking."""


@event("capacity", "pool", "pool_lapsed")
class PoolLapsed(Pool, frozen=True, kw_only=True):
    """The minimum was not met in time; everybody is released."""


@event("capacity", "pool", "pool_closed")
class PoolClosed(Pool, frozen=True, kw_only=True):
    """The workshop took the room back; everybody is released."""


class ShareState(StrEnum):
    """`pledged` is open; the others are final."""

    PLEDGED = "pledged"
    """The pool is open."""
    BOOKED = "booked"
    """The pool fired."""
    WITHDRAWN = "withdrawn"
    """The party left while the pool was open."""
    RELEASED = "released"
    """The pool lapsed or was closed."""


class PoolShare(Event, frozen=True, kw_only=True):
    """State of what a party pledged to a pool. When the pool fires, a booking has the share's id."""

    party_id: UUID
    """Who pledged."""
    pool_id: UUID
    """The pool."""
    state: ShareState
    """Whether it is pledged only, and how it ended."""
    quantity: int
    """In the resource's unit."""
    joined_at: Annotated[datetime, msgspec.Meta(tz=True)]
    """When it was pledged (RFC 3339, UTC), on the ledger's database clock."""
    at_most: Money
    """What it costs if no more than the minimum comes together; never more."""
    price: Money | None = None
    """What it costs, once the pool has fired."""


@event("capacity", "share", "share_pledged")
class SharePledged(PoolShare, frozen=True, kw_only=True):
    """A party joined a pool."""


@event("capacity", "share", "share_booked")
class ShareBooked(PoolShare, frozen=True, kw_only=True):
    """The pool fired: there is a booking of the same id, at `price`."""


@event("capacity", "share", "share_withdrawn")
class ShareWithdrawn(PoolShare, frozen=True, kw_only=True):
    """The party left the pool while it was open."""


@event("capacity", "share", "share_released")
class ShareReleased(PoolShare, frozen=True, kw_only=True):
    """The pool lapsed or was closed."""
