"""Capacity as orders may rely on it, driven by the events of orders, its workshop and the buyer: one order, no I/O.

What it does is decided by capacity's own rules, its table of steps and its ledger: a change there is seen here. Its own
are only the answer to a plan, and what the kit's consumer does: a version already seen is skipped.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from libs.contracts import capacity
from libs.kit.ids import new_id
from services.capacity.domain.agreement import Deal, Ending
from services.capacity.domain.claims import Reason
from services.capacity.domain.ledger import Booking, Bucket, Hold, Ledger, NoRoomError
from services.capacity.domain.offer import Allocation
from services.capacity.domain.saga import STEPS, Room, room_of
from services.capacity.domain.terms import Money, Refused
from services.capacity.handlers.facts import booking_event, hold_event

_END = Ending(by="buyer", code="CANCELLED", message="Cancelled.")
_FULL = Refused("NO_CAPACITY", "The bench is full.")
_PART = Allocation(bucket_id=new_id(), resource_id=new_id(), workshop_id=new_id(), day=date(2126, 3, 2), quantity=70)
LATER = replace(_PART, bucket_id=new_id(), day=date(2126, 3, 30))
"""Where the workshop moves it: later than the buyer asked for."""


def _buckets() -> dict[UUID, Bucket]:
    owner = {"party_id": _PART.workshop_id, "resource_id": _PART.resource_id}
    days = (Bucket(id=part.bucket_id, day=part.day, published=part.quantity, **owner) for part in (_PART, LATER))
    return {bucket.id: bucket for bucket in days}


@dataclass
class HonestCapacity:
    """The capacity side of one order; `grants` is its answer, None if it stands still for so long."""

    grants: bool | None
    order_id: UUID = field(default_factory=new_id)
    hold: Hold | None = None
    booking: Booking | None = None
    buckets: dict[UUID, Bucket] = field(default_factory=_buckets)
    now: datetime = datetime(2126, 3, 1, tzinfo=UTC)
    seen: int = 0
    told: list[capacity.Hold | capacity.Booking] = field(default_factory=list)
    """The events published, in order."""
    agreed_to: set[UUID] = field(default_factory=lambda: {_PART.bucket_id})
    """Days that the buyer asked for, or accepted."""

    @property
    def room(self) -> Room:
        """What it has for the order."""
        return room_of(self.hold, self.booking, self.now)

    @property
    def taken(self) -> int:
        """How much is taken of all days."""
        return sum(bucket.taken for bucket in self.buckets.values())

    def hear(self, version: int, state: str) -> None:
        """An event of orders arrived."""
        if version <= self.seen or self.grants is None:
            return
        self.seen = version
        self._do(STEPS[state][self.room])

    def let_time_pass(self) -> None:
        """Nobody confirmed the hold in time; that is not written down yet."""
        self.now += timedelta(hours=1)

    def expire(self) -> None:
        """The job writes down that a hold is over."""
        if self.room == "over":
            self._do("expire")

    # --- what its workshop, the buyer and the clock do to a booking: refused where it may not be ---

    def shrink(self, part: Allocation = _PART) -> None:
        """The workshop has the hours of a day no more: who stands on it gives way."""
        ledger = self._giving(part, 0)
        stands = bool(ledger.buckets[part.bucket_id].unattainable)
        if stands and self.room == "live" and self.hold:
            ledger.release(self.hold, self.now, event="displace", reason=Reason("DISPLACED", "Gone."))
        elif stands and self.booking:
            ledger.step(self.booking, "displace", self.now)
        self._keep(ledger)

    def grow(self, part: Allocation = _PART) -> None:
        """It has them again."""
        ledger = self._giving(part, part.quantity)
        if self.booking and part in self.booking.allocations:
            ledger.step(self.booking, "restore", self.now)
        self._keep(ledger)

    def shrink_later(self) -> None:
        """The same of the day to which it moves work."""
        self.shrink(LATER)

    def grow_later(self) -> None:
        """It has that again."""
        self.grow(LATER)

    def move(self) -> None:
        """The workshop moves a displaced booking."""
        self._settle(lambda ledger, booking: ledger.move(booking, [LATER], self.now))

    def accept(self) -> None:
        """The buyer agrees to that."""
        if self.booking and self.booking.stage == "moved":
            self.agreed_to |= {part.bucket_id for part in self.booking.allocations}
        self._settle(lambda ledger, booking: ledger.step(booking, "accept", promised=[]))

    def reject(self) -> None:
        """The buyer does not."""
        self._settle(lambda ledger, booking: ledger.cancel(booking, _END, event="reject"))

    def deadline(self) -> None:
        """Nobody settled it in time."""
        self._settle(lambda ledger, booking: ledger.cancel(booking, _END, event="deadline"))

    def work(self) -> None:
        """The workshop begins."""
        self._settle(lambda ledger, booking: ledger.step(booking, "start"))

    def complete(self) -> None:
        """The workshop is done."""
        self._settle(lambda ledger, booking: ledger.step(booking, "complete"))

    def _settle(self, do: Callable[[Ledger, Booking], object]) -> None:
        ledger = Ledger(self.buckets.values())
        if self.booking:
            with suppress(Refused, NoRoomError):
                do(ledger, self.booking)
        self._keep(ledger)

    def _giving(self, part: Allocation, quantity: int) -> Ledger:
        return Ledger([*self.buckets.values(), self.buckets[part.bucket_id].giving(quantity)])

    # --- what orders ask for ---

    def _do(self, step: str) -> None:
        ledger = Ledger(self.buckets.values())
        if step == "plan" and self.grants and ledger.buckets[_PART.bucket_id].available:
            ledger.place(self._wanted())
        elif step in {"plan", "refuse"}:
            ledger.refuse(self._wanted(), _FULL)
        elif step == "confirm":
            ledger.confirm(self.hold, Deal(price=Money(5_000)), self.now)
        elif step == "release":
            ledger.release(self.hold, self.now)
        elif step == "expire":
            ledger.expire(self.hold)
        elif step == "cancel":
            ledger.cancel(self.booking, _END)
        else:
            assert step == "nothing", f"capacity has a step that is not known here: {step}"
        self._keep(ledger)

    def _wanted(self) -> Hold:
        ours = {"id": self.order_id, "party_id": self.order_id, "order_id": self.order_id}
        return Hold(**ours, allocations=[_PART], expires_at=self.now + timedelta(minutes=1))

    def _keep(self, ledger: Ledger) -> None:
        self.buckets = ledger.buckets
        for claim in ledger.changes:
            if isinstance(claim, Booking):
                self.booking = claim
                self.told.append(booking_event(claim))
            else:
                self.hold = claim
                self.told.append(hold_event(claim))
