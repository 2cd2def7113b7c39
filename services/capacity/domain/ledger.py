"""The ledger: buckets that never give away more than they have, and what is done with the claims on them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from services.capacity.domain.agreement import Deal, Ending
from services.capacity.domain.calendar import Calendar, published_on
from services.capacity.domain.claims import Booking, C, Claim, Hold, HoldState, Proposal, Reason
from services.capacity.domain.life import BookingEvent, HoldEvent
from services.capacity.domain.offer import Allocation, Resource
from services.capacity.domain.terms import Refused

__all__ = ["Booking", "Bucket", "C", "Claim", "Hold", "HoldState", "Ledger", "NoRoomError", "Reason"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """One resource on one local day. The conservation law: held + committed + blocked <= published, none negative.

    What is taken stays published when the calendar shrinks below it: the shortfall is `unattainable`. So `published`
    less `unattainable` is what the calendar gives, and while anything is unattainable nothing is available.
    """

    id: UUID
    party_id: UUID
    version: int = 0
    resource_id: UUID
    day: date
    published: int
    held: int = 0
    committed: int = 0
    blocked: int = 0
    unattainable: int = 0

    @property
    def taken(self) -> int:
        return self.held + self.committed + self.blocked

    @property
    def available(self) -> int:
        return self.published - self.taken

    @property
    def given(self) -> int:
        """What its calendar gives."""
        return self.published - self.unattainable

    def giving(self, quantity: int) -> "Bucket":
        """This bucket with a calendar that gives so much."""
        published = max(quantity, self.taken)
        return replace(self, published=published, unattainable=published - quantity)

    def moved(self, held: int, committed: int) -> "Bucket":
        """This bucket with so much more, or less, held and committed."""
        held, committed = self.held + held, self.committed + committed
        taken = held + committed + self.blocked
        if min(held, committed, self.published - taken) < 0:
            raise ValueError(f"the conservation law would be broken: {held} held, {committed} committed of {self}")
        published = max(self.given, taken)
        return replace(self, held=held, committed=committed, published=published, unattainable=published - self.given)


class NoRoomError(Exception):
    """A bucket has less than was asked."""

    def __init__(self, asked: Allocation, available: int) -> None:
        super().__init__(asked, available)
        self.asked, self.available = asked, available

    def told(self, resource: Resource) -> Refused:
        """The same as a sentence."""
        free = f"{resource.name} has {self.available} {resource.unit} free on {self.asked.day}"
        return Refused("NO_CAPACITY", f"{free}; {self.asked.quantity} were asked for: take less, or another day.")


class Ledger:
    """Buckets at hand, and what one transaction does with them, in order: `changes`."""

    def __init__(self, buckets: Iterable[Bucket]) -> None:
        self.buckets = {bucket.id: bucket for bucket in buckets}
        self._before = dict(self.buckets)
        self.changes: list[Claim] = []

    # --- holds ---

    def place(self, hold: Hold) -> Hold:
        """Take room, all or nothing. Raises NoRoomError for the first bucket that has too little."""
        self._check_room(hold.allocations)
        return self._write(hold, held=1)

    def refuse(self, hold: Hold, refused: Refused) -> Hold:
        """Write down why there was no room."""
        reason = Reason(refused.code, refused.message)
        return self._write(replace(hold, state="refused", allocations=[], expires_at=None, refusal=reason))

    def propose(self, hold: Hold, proposal: Proposal, until: datetime, now: datetime) -> Hold:
        """Ask the workshop of a live hold to decide on it until then."""
        hold.follow("propose", now)
        return self._write(hold.become("held", proposal=proposal, expires_at=until))

    def amend(
        self, hold: Hold, allocations: list[Allocation], proposal: Proposal, until: datetime, now: datetime
    ) -> Hold:
        """Put other days or another price in the place of what was proposed. Raises NoRoomError."""
        hold.follow("amend", now)
        amended = hold.become("held", allocations=allocations, proposal=proposal, expires_at=until)
        return self._exchange(hold, amended, held=1)

    def confirm(self, hold: Hold, deal: Deal, now: datetime, *, event: HoldEvent = "confirm") -> Booking:
        """Make a live hold firm; if material is awaited, until then."""
        hold.follow(event, now)
        self._write(hold.become("confirmed"), held=-1, committed=1)
        return self._write(hold.booked(deal))

    def release(self, hold: Hold, now: datetime, *, event: HoldEvent = "release", reason: Reason | None = None) -> Hold:
        """Give a live hold's room back."""
        hold.follow(event, now)
        return self._write(hold.become("released", refusal=reason), held=-1)

    def expire(self, hold: Hold) -> Hold:
        """Take the room back from a hold that is over."""
        return self._write(hold.become("expired"), held=-1)

    # --- bookings ---

    def step(self, booking: Booking, event: BookingEvent, deadline: datetime | None = None, **changes: Any) -> Booking:
        """Do what the table says; the room stays as it is. Gives the booking as it was if nothing follows."""
        if (stage := booking.follow(event)) is None:
            return booking
        return self._write(booking.at(stage, deadline, **changes))

    def cancel(self, booking: Booking, ending: Ending, *, event: BookingEvent = "cancel") -> Booking:
        """Free a booking's room. Gives the booking as it was if nothing follows."""
        if (stage := booking.follow(event)) is None:
            return booking
        return self._write(booking.at(stage, ending=ending), committed=-1)

    def move(self, booking: Booking, allocations: list[Allocation], deadline: datetime) -> Booking:
        """Give a displaced booking other days, for its buyer to accept until then. Raises NoRoomError."""
        stage, promised = booking.follow("move") or booking.stage, booking.promised or booking.allocations
        moved = booking.at(stage, deadline, allocations=allocations, promised=promised)
        return self._exchange(booking, moved, committed=1)

    # --- buckets ---

    def republish(self, calendars: Mapping[UUID, Calendar]) -> None:
        """Give every bucket at hand what its resource's calendar says; what is taken beyond becomes unattainable."""
        for bucket in self.buckets.values():
            self.buckets[bucket.id] = bucket.giving(published_on(calendars[bucket.resource_id], bucket.day))

    def changed(self) -> list[Bucket]:
        """Buckets that are not as they were, each one version on."""
        moved = (bucket for bucket in self.buckets.values() if bucket != self._before[bucket.id])
        return [replace(bucket, version=bucket.version + 1) for bucket in moved]

    def _check_room(self, allocations: Sequence[Allocation]) -> None:
        for asked in allocations:
            if (available := self.buckets[asked.bucket_id].available) < asked.quantity:
                raise NoRoomError(asked, available)

    def _exchange(self, old: C, new: C, held: int = 0, committed: int = 0) -> C:
        """Free what a claim had and take what it has instead, or change nothing."""
        before = dict(self.buckets)
        self._move(old.allocations, -held, -committed)
        try:
            self._check_room(new.allocations)
        except NoRoomError:
            self.buckets = before
            raise
        return self._write(new, held, committed)

    def _write(self, claim: C, held: int = 0, committed: int = 0) -> C:
        self.changes.append(claim)
        self._move(claim.allocations, held, committed)
        return claim

    def _move(self, allocations: Sequence[Allocation], held: int, committed: int) -> None:
        for part in allocations if held or committed else ():
            moved = self.buckets[part.bucket_id].moved(held * part.quantity, committed * part.quantity)
            self.buckets[part.bucket_id] = moved
