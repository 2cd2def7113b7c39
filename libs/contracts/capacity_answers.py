"""What capacity answers at once to who asks for room, waits for it, shares it, or wants to send a file."""

from datetime import date, datetime
from uuid import UUID

import msgspec

from libs.contracts.capacity_queues import PoolPledged, SharePledged, WaitlistEntry
from libs.contracts.values import Money


class WindowDay(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be held of a day."""

    day: date
    """A local day of the resource's site."""
    quantity: int
    """In the resource's unit."""


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """Where there was room a moment ago, and what to hold of it."""

    resource_id: UUID
    """What is free."""
    workshop_id: UUID
    """Whose it is."""
    site_id: UUID
    """Where it stands."""
    name: str
    """Of the resource."""
    starts_on: date
    """The first local day that is taken of it."""
    ends_on: date
    """The last one."""
    quantity: int
    """As much as was asked for, or the least above it that is sold."""
    price: Money
    """Of all of it, set-up included."""
    km: float | None
    """From the place asked about."""
    sold_to_you: bool
    """Whether who asks may hold it; if not, the workshop sells by invitation, and may be asked for one."""
    days: list[WindowDay]
    """All that is free of each day, until there is enough: what a hold asks for."""


class SearchAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Where there was room a moment ago. Only a hold makes sure."""

    as_of: datetime
    """All that was held, booked, published or shown before this instant is taken into account."""
    age_seconds: float
    """How long ago that was when this was answered."""
    windows: list[Window]
    """The best first; as many as were asked for, or all that there are."""


class PlaceInLine(msgspec.Struct, frozen=True):
    """Where a party stands in line."""

    entry: WaitlistEntry
    """Its place."""
    ahead: int
    """How many wait longer for room that could be its own."""


class Pledge(SharePledged, frozen=True, kw_only=True):
    """A share that a party has just pledged, or taken back."""

    pool: PoolPledged | None = None
    """Its pool, as it is since; none if the party may see it no more."""


class SignedUpload(msgspec.Struct, frozen=True, kw_only=True):
    """What lets whoever has it send one file, as the party that asked for it."""

    signed: str
    """The end of the address that the file is sent to. Whoever has it may send: it is kept as a password is."""
    content_type: str
    """The `Content-Type` that it is sent with."""
    max_bytes: int
    """No file may have more."""
    expires_at: datetime
    """From then on it is refused."""
