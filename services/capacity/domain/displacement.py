"""Who gives way when a calendar shrinks below what is taken: the published order.

1. Holds before bookings: a hold is a lease. The newest gives way first, and gives way at once.
2. Then bookings that have not begun, the newest first: who came first stays. The booking keeps its place in the ledger
   as `displaced` until its workshop gives the day its hours back, moves it with the buyer's consent, or the time for
   that ends. The buyer owes nothing then, whoever cancels; the workshop owes what its own ladder says.
3. Nobody gives way for more than is short, and when there is room again the oldest comes back first.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from services.capacity.domain.claims import Booking, C, Claim, Hold
from services.capacity.domain.ledger import Bucket
from services.capacity.domain.offer import Allocation, Resource
from services.capacity.domain.terms import Refused

HOURS_TO_MOVE = 48
"""For the workshop of a displaced booking; then as many for the buyer to answer."""


@dataclass
class GivingWay:
    """What follows from a shortfall."""

    released: list[Hold] = field(default_factory=list)
    displaced: list[Booking] = field(default_factory=list)
    restored: list[Booking] = field(default_factory=list)


def give_way(buckets: Iterable[Bucket], holds: Iterable[Hold], bookings: Iterable[Booking]) -> GivingWay:
    """Who gives way for these buckets, and who may come back, of all that stand on them.

    UUIDv7 ids tell who came first. A booking that stands on other buckets too comes back only if all are given.
    """
    short = Counter({bucket.id: bucket.unattainable for bucket in buckets})
    known, found = set(short), GivingWay()
    waiting = [one for one in bookings if one.stage == "displaced"]
    for hold in _newest_first(one for one in holds if one.state == "held"):
        if _is_in_the_way(hold, short):
            _cover(hold, short)
            found.released.append(hold)
    for booking in waiting:
        _cover(booking, short)
    for booking in _newest_first(one for one in bookings if one.follow("displace")):
        if _is_in_the_way(booking, short):
            _cover(booking, short)
            found.displaced.append(booking)
    for booking in reversed(_newest_first(waiting)):
        if _may_come_back(booking, short, known):
            _cover(booking, short, -1)
            found.restored.append(booking)
    return found


def _newest_first(claims: Iterable[C]) -> list[C]:
    return sorted(claims, key=lambda claim: claim.id, reverse=True)


def _is_in_the_way(claim: Claim, short: Counter[UUID]) -> bool:
    return any(short[part.bucket_id] > 0 for part in claim.allocations)


def _cover(claim: Claim, short: Counter[UUID], sign: int = 1) -> None:
    for part in claim.allocations:
        short[part.bucket_id] -= sign * part.quantity


def _may_come_back(booking: Booking, short: Counter[UUID], known: Collection[UUID]) -> bool:
    parts = booking.allocations
    return all(part.bucket_id in known and short[part.bucket_id] + part.quantity <= 0 for part in parts)


def answer_by(booking: Booking, first: Resource, now: datetime) -> datetime:
    """Until when a displaced booking may be moved, or a moved one answered: not after its first day."""
    day = min(part.day for part in booking.allocations)
    return min(now + timedelta(hours=HOURS_TO_MOVE), first.end_of(day))


def check_turn(booking: Booking, own: Sequence[Allocation]) -> None:
    """Refuse days on which one workshop's part of an order would overtake another's, or be overtaken: its steps were
    planned one after the other. A part that shares a day with another's stays on that day, for the ledger does not know
    which of them comes first."""
    workshop = own[0].workshop_id
    before = [part for part in booking.allocations if part.workshop_id == workshop]
    for other in sorted({part.day for part in booking.allocations if part.workshop_id != workshop}):
        if not _keeps_turn(before, own, other):
            told = f"Another workshop's part of this order is on {other}, and yours must keep its place before or after"
            raise Refused("OUT_OF_TURN", f"{told}; choose such days, give the day its hours back, or cancel.")


def _keeps_turn(before: Sequence[Allocation], after: Sequence[Allocation], other: date) -> bool:
    """Where a part is on one side of the other's day it stays there; where it is on both, as much on each."""
    was, now = _around(before, other), _around(after, other)
    return was == now if all(was) else not any(new and not old for old, new in zip(was, now, strict=True))


def _around(parts: Sequence[Allocation], day: date) -> tuple[int, int]:
    """How much is done before a day, and how much after it."""
    before = sum(part.quantity for part in parts if part.day < day)
    return before, sum(part.quantity for part in parts if part.day > day)
