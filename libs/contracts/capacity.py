"""What the capacity ledger says: resources, buckets, holds, bookings."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from libs.contracts._base import Event, event
from libs.contracts.values import (
    Actual,
    Agreed,
    Allocation,
    Calendar,
    Ending,
    Money,
    Pattern,
    Proposal,
    Refusal,
    Terms,
    Work,
)

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""RFC 3339, UTC, on the ledger's database clock."""


class Resource(Event, frozen=True, kw_only=True):
    """State of a resource: what takes time at a site and can do processes."""

    party_id: UUID
    """The workshop."""
    site_id: UUID
    """Where it stands."""
    name: str
    """As the workshop calls it."""
    kind: str
    """machine, bench, operator_pool, tool_set or room."""
    processes: list[str]
    """What it can do, from the shared taxonomy."""
    unit: str
    """Unit of its buckets: `minutes` unless stated."""
    time_zone: str
    """IANA name, the site's."""
    terms: Terms
    """What its time costs and how it is sold."""
    calendar: Calendar
    """When it works."""
    work: dict[str, Work] = msgspec.field(default_factory=dict)
    """By process, what it takes here, for those that the workshop has told."""
    pattern: Pattern | None = None
    """What the calendar is worked out from, day after day, if the workshop works by one."""


@event("capacity", "resource", "resource_published")
class ResourcePublished(Resource, frozen=True, kw_only=True):
    """A workshop published a resource with its terms and calendar."""


@event("capacity", "resource", "calendar_changed")
class CalendarChanged(Resource, frozen=True, kw_only=True):
    """A workshop changed the days or hours of a resource."""


@event("capacity", "resource", "terms_changed")
class TermsChanged(Resource, frozen=True, kw_only=True):
    """A workshop changed how a resource is sold; what is booked stays as it was agreed."""


@event("capacity", "resource", "resource_changed")
class ResourceChanged(Resource, frozen=True, kw_only=True):
    """A workshop changed what it tells of a resource: its name or its work, or several things at once."""


class Bucket(Event, frozen=True, kw_only=True):
    """State of a bucket: one resource on one local day.

    The conservation law: available = published - held - committed - blocked, never negative
    (names after ISA-95 operations capability). A day never touched has no bucket: its quantity is the calendar's.
    """

    party_id: UUID
    """The workshop."""
    resource_id: UUID
    """Whose time it is."""
    day: date
    """Of the site's time zone."""
    published: int
    """What the calendar gives, in the resource's unit; what was taken before it shrank stays published."""
    held: int
    """Under live holds."""
    committed: int
    """Booked."""
    blocked: int
    """Withdrawn by the workshop."""
    unattainable: int = 0
    """Of what is taken: more than the calendar gives any more. While there is any, nothing is available."""


@event("capacity", "bucket", "bucket_changed")
class BucketChanged(Bucket, frozen=True, kw_only=True):
    """A bucket's quantities changed: several changes may be told in one event, the last state counts."""


class HoldState(StrEnum):
    """`held` is alive; the others are final."""

    HELD = "held"
    """Alive until it expires."""
    REFUSED = "refused"
    """There was no room, or the workshop said no."""
    CONFIRMED = "confirmed"
    """Made a booking."""
    RELEASED = "released"
    """Given back by who held it."""
    EXPIRED = "expired"
    """Its time passed."""


class Hold(Event, frozen=True, kw_only=True):
    """State of a hold: a lease on buckets, all or nothing, with an absolute expiry on the database clock."""

    party_id: UUID
    """Who holds."""
    order_id: UUID | None = None
    """The order that asked, if one did; then the hold's id is the order's."""
    state: HoldState
    """Where in its life the hold stands."""
    allocations: list[Allocation]
    """What is held of which days; nothing of a hold that was refused."""
    placed_at: Instant | None = None
    """When it was asked for, on the ledger's database clock: who came first."""
    expires_at: Instant | None = None
    """The lease ends at this instant (RFC 3339, UTC), on the ledger's database clock."""
    refusal: Refusal | None = None
    """Why there was no room, or is none any more."""
    proposal: Proposal | None = None
    """What it shall be booked for, where its workshop decides by hand."""


@event("capacity", "hold", "hold_placed")
class HoldPlaced(Hold, frozen=True, kw_only=True):
    """Room was taken until `expires_at`."""


@event("capacity", "hold", "hold_refused")
class HoldRefused(Hold, frozen=True, kw_only=True):
    """There was no room; `refusal` says why."""


@event("capacity", "hold", "hold_confirmed")
class HoldConfirmed(Hold, frozen=True, kw_only=True):
    """The hold became a booking of the same id."""


@event("capacity", "hold", "hold_released")
class HoldReleased(Hold, frozen=True, kw_only=True):
    """The room was given back: by who held it or, if `refusal` says why, since a proposal was rejected or the workshop
    has the hours no more."""


@event("capacity", "hold", "hold_proposed")
class HoldProposed(Hold, frozen=True, kw_only=True):
    """The holder asks the workshop, which decides by hand, to book it; it may answer until `expires_at`."""


@event("capacity", "hold", "hold_amended")
class HoldAmended(Hold, frozen=True, kw_only=True):
    """The workshop holds other days or asks another price instead; the holder may answer until `expires_at`."""


@event("capacity", "hold", "hold_expired")
class HoldExpired(Hold, frozen=True, kw_only=True):
    """Nobody confirmed in time; the room is free again."""


class BookingState(StrEnum):
    """A booking is firm until it is cancelled."""

    CONFIRMED = "confirmed"
    """It stands."""
    CANCELLED = "cancelled"
    """By either side, or because a deadline passed."""


class Booking(Event, frozen=True, kw_only=True):
    """State of a booking: a hold made firm. Its id is the hold's."""

    party_id: UUID
    """Who booked."""
    order_id: UUID | None = None
    """The order that it is for, if one asked; then the booking's id is the order's."""
    state: BookingState
    """Whether it still stands."""
    allocations: list[Allocation]
    """What it takes, of which buckets."""
    placed_at: Instant | None = None
    """When its hold was asked for, on the ledger's database clock: who came first."""
    price: Money
    """For all of it, set-up included."""
    agreed: list[Agreed] = msgspec.field(default_factory=list)
    """The terms of each resource when it was booked."""
    ending: Ending | None = None
    """Who cancelled it, why, and what is due for it."""
    stage: str | None = None
    """Where in its life: awaiting_material, firm, displaced, moved, started, completed, cancelled."""
    deadline: Instant | None = None
    """Until when what it waits for must come: its material, a move, or an answer to that. Else it is cancelled."""
    material_by: Instant | None = None
    """Until when fabric, trims and pattern must be in house, if they are asked for."""
    material_at: Instant | None = None
    """When they were declared to be."""
    actual: list[Actual] = msgspec.field(default_factory=list)
    """What each workshop reports of its part."""
    displaced_by: list[UUID] = msgspec.field(default_factory=list)
    """Workshops whose calendars shrank below it, until it stands again."""
    promised: list[Allocation] = msgspec.field(default_factory=list)
    """What its buyer agreed to last, as long as `allocations` are days that it has not agreed to."""


@event("capacity", "booking", "booking_confirmed")
class BookingConfirmed(Booking, frozen=True, kw_only=True):
    """The room is committed."""


@event("capacity", "booking", "booking_cancelled")
class BookingCancelled(Booking, frozen=True, kw_only=True):
    """The booking ended before its time and its room is free again; `ending` says how."""


@event("capacity", "booking", "booking_supplied")
class BookingSupplied(Booking, frozen=True, kw_only=True):
    """Its material is in house: it is firm."""


@event("capacity", "booking", "booking_displaced")
class BookingDisplaced(Booking, frozen=True, kw_only=True):
    """The calendar of its day shrank. It is moved, or gets its hours back, by `deadline`, or it ends."""


@event("capacity", "booking", "booking_moved")
class BookingMoved(Booking, frozen=True, kw_only=True):
    """Its workshop gave it other days; its buyer accepts or rejects them by `deadline`."""


@event("capacity", "booking", "booking_started")
class BookingStarted(Booking, frozen=True, kw_only=True):
    """A workshop has begun its work."""


@event("capacity", "booking", "work_reported")
class WorkReported(Booking, frozen=True, kw_only=True):
    """A workshop reported what the work took and what came of it; `actual` has the sums."""


@event("capacity", "booking", "booking_completed")
class BookingCompleted(Booking, frozen=True, kw_only=True):
    """Every workshop has completed its part."""
