"""What capacity says of those who wait for room."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from libs.contracts._base import Event, event
from libs.contracts.values import Allocation


class WaitlistState(StrEnum):
    """`waiting` and `offered` are open; the others are final."""

    WAITING = "waiting"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    MISSED = "missed"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


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
