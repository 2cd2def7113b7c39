"""Capacity as orders may rely on it, driven by the events of orders alone: one order, one bucket, no I/O.

What it does is decided by capacity's own rules, its table of steps and its ledger: a change there is seen here. Its own
are only the answer to a plan, and what the kit's consumer does: a version already seen is skipped.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from libs.kit.ids import new_id
from services.capacity.domain.agreement import Ending
from services.capacity.domain.ledger import Booking, Bucket, Hold, Ledger
from services.capacity.domain.offer import Allocation
from services.capacity.domain.saga import STEPS, Room, room_of
from services.capacity.domain.terms import Money, Refused

_FULL = Refused("NO_CAPACITY", "The bench is full.")
_PART = Allocation(bucket_id=new_id(), resource_id=new_id(), workshop_id=new_id(), day=date(2026, 3, 2), quantity=70)


def _bucket() -> Bucket:
    owner = {"party_id": _PART.workshop_id, "resource_id": _PART.resource_id}
    return Bucket(id=_PART.bucket_id, day=_PART.day, published=_PART.quantity, **owner)


@dataclass
class HonestCapacity:
    """The capacity side of one order; `grants` is its answer, None if it stands still for so long."""

    grants: bool | None
    order_id: UUID = field(default_factory=new_id)
    hold: Hold | None = None
    booking: Booking | None = None
    bucket: Bucket = field(default_factory=_bucket)
    now: datetime = datetime(2026, 3, 1, tzinfo=UTC)
    seen: int = 0
    told: list[str] = field(default_factory=list)
    """Names of the capacity events published, in order."""

    @property
    def room(self) -> Room:
        """What it has for the order."""
        return room_of(self.hold, self.booking, self.now)

    @property
    def taken(self) -> int:
        """How much of the bucket is taken."""
        return self.bucket.taken

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

    def _do(self, step: str) -> None:
        ledger = Ledger([self.bucket])
        if step == "plan" and self.grants:
            ledger.place(self._wanted())
        elif step in {"plan", "refuse"}:
            ledger.refuse(self._wanted(), _FULL)
        elif step == "confirm":
            ledger.confirm(self.hold, Money(5_000), self.now)
        elif step == "release":
            ledger.release(self.hold, self.now)
        elif step == "expire":
            ledger.expire(self.hold)
        elif step == "cancel":
            ledger.cancel(self.booking, Ending(by="buyer", code="CANCELLED", message="Cancelled."))
        else:
            assert step == "nothing", f"capacity has a step that is not known here: {step}"
        self._keep(ledger)

    def _wanted(self) -> Hold:
        ours = {"id": self.order_id, "party_id": self.order_id, "order_id": self.order_id}
        return Hold(**ours, allocations=[_PART], expires_at=self.now + timedelta(minutes=1))

    def _keep(self, ledger: Ledger) -> None:
        self.bucket = ledger.buckets[self.bucket.id]
        for claim in ledger.changes:
            if isinstance(claim, Booking):
                self.booking = claim
                self.told.append(f"Booking{claim.state.capitalize()}")
            else:
                self.hold = claim
                self.told.append("HoldPlaced" if claim.state == "held" else f"Hold{claim.state.capitalize()}")
