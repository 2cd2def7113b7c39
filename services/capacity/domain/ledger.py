"""The ledger: buckets that never give away more than they have, and the lives of holds and bookings.

held ──confirm──> confirmed, and a booking: confirmed ──cancel──> cancelled
 ├───release──> released
 └───expire───> expired            refused: how a hold that an order asked for in vain begins and ends
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Literal, TypeVar
from uuid import UUID

from services.capacity.domain.agreement import Agreed, Ending
from services.capacity.domain.calendar import Calendar, published_on
from services.capacity.domain.offer import Allocation, Resource
from services.capacity.domain.terms import Money, Refused

HoldState = Literal["held", "refused", "confirmed", "released", "expired"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """One resource on one local day. The conservation law: held + committed + blocked <= published, none negative."""

    id: UUID
    party_id: UUID
    version: int = 0
    resource_id: UUID
    day: date
    published: int
    held: int = 0
    committed: int = 0
    blocked: int = 0

    @property
    def taken(self) -> int:
        return self.held + self.committed + self.blocked

    @property
    def available(self) -> int:
        return self.published - self.taken

    def moved(self, held: int, committed: int) -> "Bucket":
        """This bucket with so much more, or less, held and committed."""
        after = replace(self, held=self.held + held, committed=self.committed + committed)
        if min(after.held, after.committed, after.available) < 0:
            raise ValueError(f"the conservation law would be broken: {after}")
        return after


@dataclass(frozen=True, slots=True)
class Reason:
    """Why there was no room."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A lease on buckets, all or nothing: it counts only while `expires_at` lies ahead."""

    id: UUID
    party_id: UUID
    version: int = 1
    order_id: UUID | None = None
    state: HoldState = "held"
    allocations: list[Allocation]
    expires_at: datetime | None = None
    refusal: Reason | None = None

    def is_over(self, now: datetime) -> bool:
        """Still written down as held, though its time has come."""
        return self.state == "held" and self.expires_at is not None and self.expires_at <= now

    def check_live(self, now: datetime) -> None:
        """Refuse what is not alive at this instant of the ledger's clock."""
        if self.state == "expired" or self.is_over(now):
            raise Refused("HOLD_EXPIRED", f"The hold ended at {self.expires_at:%Y-%m-%d %H:%M:%S} UTC; hold again.")
        if self.state != "held":
            raise Refused("HOLD_NOT_HELD", f"The hold is {self.state} already.")

    def become(self, state: HoldState) -> "Hold":
        return replace(self, state=state, version=self.version + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """A hold made firm, under the same id."""

    id: UUID
    party_id: UUID
    version: int = 1
    order_id: UUID | None = None
    state: Literal["confirmed", "cancelled"] = "confirmed"
    allocations: list[Allocation]
    price: Money
    agreed: list[Agreed] = field(default_factory=list)
    ending: Ending | None = None


Claim = Hold | Booking
C = TypeVar("C", Hold, Booking)


class NoRoomError(Exception):
    """A bucket has less than was asked."""

    def __init__(self, asked: Allocation, available: int) -> None:
        super().__init__(asked, available)
        self.asked, self.available = asked, available

    def told(self, resource: Resource) -> Refused:
        """The same as a sentence."""
        free = f"{resource.name} has {self.available} {resource.unit} free on {self.asked.day}"
        return Refused("NO_CAPACITY", f"{free}; {self.asked.quantity} were asked for.")


class Ledger:
    """Buckets at hand, and what one transaction does with them, in order: `changes`."""

    def __init__(self, buckets: Iterable[Bucket]) -> None:
        self.buckets = {bucket.id: bucket for bucket in buckets}
        self._before = dict(self.buckets)
        self.changes: list[Claim] = []

    def place(self, hold: Hold) -> Hold:
        """Take room, all or nothing. Raises NoRoomError for the first bucket that has too little."""
        for asked in hold.allocations:
            if (available := self.buckets[asked.bucket_id].available) < asked.quantity:
                raise NoRoomError(asked, available)
        return self._write(hold, held=1)

    def refuse(self, hold: Hold, refused: Refused) -> Hold:
        """Write down why there was no room."""
        reason = Reason(refused.code, refused.message)
        return self._write(replace(hold, state="refused", allocations=[], expires_at=None, refusal=reason))

    def confirm(self, hold: Hold, price: Money, now: datetime, agreed: Sequence[Agreed] = ()) -> Booking:
        """Make a live hold firm, on these terms."""
        hold.check_live(now)
        self._write(hold.become("confirmed"), held=-1, committed=1)
        ours: dict[str, Any] = {"party_id": hold.party_id, "order_id": hold.order_id, "allocations": hold.allocations}
        return self._write(Booking(id=hold.id, price=price, agreed=list(agreed), **ours))

    def release(self, hold: Hold, now: datetime) -> Hold:
        """Give a live hold's room back."""
        hold.check_live(now)
        return self._write(hold.become("released"), held=-1)

    def expire(self, hold: Hold) -> Hold:
        """Take the room back from a hold that is over."""
        return self._write(hold.become("expired"), held=-1)

    def cancel(self, booking: Booking, ending: Ending) -> Booking:
        """Free a booking's room."""
        if booking.state == "cancelled":
            raise Refused("ALREADY_CANCELLED", "The booking is cancelled already.")
        ended = replace(booking, state="cancelled", version=booking.version + 1, ending=ending)
        return self._write(ended, committed=-1)

    def republish(self, calendar: Calendar) -> None:
        """Give every bucket at hand what a new calendar says, unless one would fall below what is taken of it."""
        for bucket in sorted(self.buckets.values(), key=lambda bucket: bucket.day):
            published = published_on(calendar, bucket.day)
            if published < bucket.taken:
                taken = f"{bucket.taken} of {bucket.day} are held or booked already"
                raise Refused("BELOW_COMMITTED", f"{taken}; the new calendar gives {published}.")
            self.buckets[bucket.id] = replace(bucket, published=published)

    def changed(self) -> list[Bucket]:
        """Buckets that are not as they were, each one version on."""
        moved = (bucket for bucket in self.buckets.values() if bucket != self._before[bucket.id])
        return [replace(bucket, version=bucket.version + 1) for bucket in moved]

    def _write(self, claim: C, held: int = 0, committed: int = 0) -> C:
        self.changes.append(claim)
        for part in claim.allocations if held or committed else ():
            moved = self.buckets[part.bucket_id].moved(held * part.quantity, committed * part.quantity)
            self.buckets[part.bucket_id] = moved
        return claim
