"""Who gives way when a calendar shrinks below what is taken: the published order.

1. Holds before bookings: a hold is a lease. The newest gives way first, and gives way at once. How old a claim is says
   the database's clock, whatever those of the processes do.
2. Then bookings that have not begun, the newest first: who came first stays. The booking keeps its place in the ledger
   as `displaced` until its workshop gives the day its hours back, moves it with the buyer's consent, or the time for
   that ends. The buyer owes nothing then, whoever cancels; the workshop owes what its own ladder says. Days that the
   buyer has not accepted are not firm for getting their hours back.
3. Nobody gives way for more than is short, and when there is room again the oldest comes back first.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from services.capacity.domain.claims import Booking, C, Claim, Hold
from services.capacity.domain.ledger import Bucket
from services.capacity.domain.offer import Allocation, Resource
from services.capacity.domain.terms import Refused

HOURS_TO_MOVE = 48
"""For the workshop of a displaced booking; then as many for the buyer to answer."""
_EARLIER = datetime.min.replace(tzinfo=UTC)
"""Claims that were made before it was written down when."""


@dataclass
class GivingWay:
    """What follows from a shortfall."""

    released: list[Hold] = field(default_factory=list)
    displaced: list[Booking] = field(default_factory=list)
    restored: list[Booking] = field(default_factory=list)


def give_way(buckets: Iterable[Bucket], holds: Iterable[Hold], bookings: Iterable[Booking]) -> GivingWay:
    """Who gives way for these buckets, and who may come back, of all that stand on them.

    A booking that stands on other buckets too comes back only if all are given.
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
    return sorted(claims, key=lambda claim: (claim.placed_at or _EARLIER, claim.id), reverse=True)


def _is_in_the_way(claim: Claim, short: Counter[UUID]) -> bool:
    return any(short[part.bucket_id] > 0 for part in claim.allocations)


def _cover(claim: Claim, short: Counter[UUID], sign: int = 1) -> None:
    for part in claim.allocations:
        short[part.bucket_id] -= sign * part.quantity


def _may_come_back(booking: Booking, short: Counter[UUID], known: Collection[UUID]) -> bool:
    parts = booking.allocations
    return all(part.bucket_id in known and short[part.bucket_id] + part.quantity <= 0 for part in parts)


def answer_by(parts: Iterable[Allocation], resources: Mapping[UUID, Resource], now: datetime) -> datetime:
    """Until when a displaced booking may be moved, or one that moves to these days answered: not after the first of
    its days that is not over."""
    ends = (resources[part.resource_id].end_of(part.day) for part in parts)
    return min([now + timedelta(hours=HOURS_TO_MOVE), *(end for end in ends if end > now)])


def check_move(booking: Booking, own: Sequence[Allocation], resources: Mapping[UUID, Resource]) -> None:
    """Refuse what one workshop may not do with its part of a displaced booking: to move it though its own days stand,
    or to make of it another than was booked. What was booked of one resource may go to others that do as much."""
    workshop = own[0].workshop_id
    if workshop not in booking.displaced_by:
        raise Refused("NOT_SHORT", "Your days stand; who is short of hours moves its own part.")
    before = [part for part in booking.allocations if part.workshop_id == workshop]
    was, now = _able(before, resources), _able(own, resources)
    if sum(part.quantity for part in before) != sum(part.quantity for part in own) or not was <= now:
        told = ", ".join(f"{quantity} {unit} of {process}" for (unit, process), quantity in sorted(was.items()))
        raise Refused("NOT_AS_BOOKED", f"What moves is what was booked of you: {told}; name days that are as much.")


def _able(parts: Iterable[Allocation], resources: Mapping[UUID, Resource]) -> Counter[tuple[str, str]]:
    """How much of these days could go to each process, by unit."""
    able = Counter[tuple[str, str]]()
    for part in parts:
        resource = resources[part.resource_id]
        able.update({(resource.unit, process): part.quantity for process in resource.processes})
    return able


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
