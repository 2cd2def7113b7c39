"""What parties have of buckets: holds, which are leases, and the bookings that come of them, under the same id."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, TypeVar, cast
from uuid import UUID

from services.capacity.domain.agreement import Agreed, Deal, Ending
from services.capacity.domain.life import BOOKINGS, HOLDS, BookingEvent, BookingStage, HoldEvent, HoldStage, follow
from services.capacity.domain.offer import Allocation
from services.capacity.domain.terms import Money, Refused

HoldState = Literal["held", "refused", "confirmed", "released", "expired"]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why there was no room, or is none any more."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a hold shall be booked for, where its workshop decides by hand: whose answer is awaited, and the price."""

    awaiting: Literal["workshop", "holder"]
    price: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claimed:
    """What a party has of buckets. Who came first is told by `placed_at`, of the database's clock; none: before that
    was written down."""

    id: UUID
    party_id: UUID
    version: int = 1
    order_id: UUID | None = None
    allocations: list[Allocation]
    placed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold(_Claimed):
    """A lease on buckets, all or nothing: it counts only while `expires_at` lies ahead."""

    state: HoldState = "held"
    expires_at: datetime | None = None
    refusal: Reason | None = None
    proposal: Proposal | None = None

    def is_over(self, now: datetime) -> bool:
        """Still written down as held, though its time has come."""
        return self.state == "held" and self.expires_at is not None and self.expires_at <= now

    def stage(self, now: datetime) -> HoldStage:
        """Where in its life it stands at this instant of the ledger's clock."""
        if self.is_over(now):
            return "expired"
        if self.state == "held" and self.proposal:
            return "proposed" if self.proposal.awaiting == "workshop" else "amended"
        return self.state

    def follow(self, event: HoldEvent, now: datetime) -> None:
        """Refuse what may not happen to it at this instant."""
        follow(HOLDS[event], self.stage(now), until=self.expires_at)

    def become(self, state: HoldState, **changes: Any) -> "Hold":
        return replace(self, state=state, version=self.version + 1, **changes)

    def booked(self, deal: Deal) -> "Booking":
        """The booking that it becomes, at the stage and with the deadline that its material asks for."""
        booking = Booking(
            id=self.id,
            party_id=self.party_id,
            order_id=self.order_id,
            allocations=self.allocations,
            placed_at=self.placed_at,
            price=deal.price,
            agreed=deal.agreed,
            deadline=deal.material_by,
            material_by=deal.material_by,
        )
        return replace(booking, stage=booking.standing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Actual:
    """What a workshop reports of its part: what it took, in its unit, how many pieces are good, how many scrap."""

    workshop_id: UUID
    quantity: int = 0
    good: int = 0
    scrap: int = 0
    completed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking(_Claimed):
    """A hold made firm, under the same id. `state` says whether it stands, `stage` where in its life; `promised` are
    the days that its buyer agreed to last, as long as those in `allocations` are others."""

    state: Literal["confirmed", "cancelled"] = "confirmed"
    price: Money
    agreed: list[Agreed] = field(default_factory=list)
    ending: Ending | None = None
    stage: BookingStage = "firm"
    deadline: datetime | None = None
    material_by: datetime | None = None
    material_at: datetime | None = None
    actual: list[Actual] = field(default_factory=list)
    displaced_by: list[UUID] = field(default_factory=list)
    promised: list[Allocation] = field(default_factory=list)

    @property
    def workshops(self) -> set[UUID]:
        return {part.workshop_id for part in self.allocations}

    def follow(self, event: BookingEvent) -> BookingStage | None:
        """The stage that follows; none if nothing does. Raises Refused."""
        after = follow(BOOKINGS[event], self.stage)
        if after == "nothing":
            return None
        if after == "back":
            after = "moved" if self.promised else "stands"
        return self.standing if after == "stands" else cast("BookingStage", after)

    @property
    def standing(self) -> BookingStage:
        """The stage of who neither works yet nor is displaced: firm, unless material is awaited."""
        return "awaiting_material" if self.material_by and not self.material_at else "firm"

    def at(self, stage: BookingStage, deadline: datetime | None = None, **changes: Any) -> "Booking":
        """At this stage with the deadline that counts there: the material's, a displacement's or none."""
        after = replace(self, version=self.version + 1, stage=stage, **changes)
        deadlines = {"awaiting_material": after.material_by, "displaced": deadline, "moved": deadline}
        return replace(after, deadline=deadlines.get(stage), state="cancelled" if stage == "cancelled" else "confirmed")

    def worked(
        self, workshop: UUID, quantity: int = 0, good: int = 0, scrap: int = 0, *, completed: bool = False
    ) -> list[Actual]:
        """The reports with what this workshop adds to its own. Raises Refused once its part is completed."""
        mine = next((one for one in self.actual if one.workshop_id == workshop), Actual(workshop_id=workshop))
        if mine.completed:
            raise Refused("ALREADY_COMPLETED", "Your part of the work is completed.")
        mine = replace(mine, quantity=mine.quantity + quantity, good=mine.good + good, scrap=mine.scrap + scrap)
        others = [one for one in self.actual if one.workshop_id != workshop]
        return [*others, replace(mine, completed=completed)]


def all_completed(booking: Booking, actual: Sequence[Actual]) -> bool:
    """Whether every workshop of a booking has completed its part."""
    return booking.workshops <= {one.workshop_id for one in actual if one.completed}


Claim = Hold | Booking
C = TypeVar("C", Hold, Booking)
