"""Planning: the earliest days on which the work of an order fits.

Each step begins no earlier than the step before it ended. It is done whole, on the earliest day of a bucket that has
room; where none has, it is split over the days of one resource. Among equals the cheapest is taken, then the lowest
id: the same question has the same answer.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from services.capacity.domain.offer import Allocation, Refused, Resource, published_on


@dataclass(frozen=True, slots=True)
class Need:
    """Minutes of a process."""

    process: str
    minutes: int


@dataclass(frozen=True, slots=True)
class Room:
    """A resource's free time: what its calendar gives, but for days that have a bucket already (`touched`)."""

    resource: Resource
    first_day: date
    touched: dict[date, int]

    @property
    def currency(self) -> str:
        return self.resource.terms.price_per_unit.currency

    def free(self, day: date) -> int:
        """What may still be taken of a day."""
        if day < self.first_day:
            return 0
        return self.touched.get(day, published_on(self.resource.calendar, day))

    def most(self) -> int:
        """What no day has more than."""
        return max(*self.resource.calendar.weekly, *self.resource.calendar.exceptions.values())

    def take(self, day: date, quantity: int) -> None:
        """Use it up for whoever plans next."""
        self.touched[day] = self.free(day) - quantity

    def least(self, minutes: int) -> int:
        """A workshop sells no less than its minimum: a smaller step takes that much."""
        return max(minutes, self.resource.terms.minimum_quantity)


Rooms = Mapping[str, Sequence[Room]]
"""Process -> the resources that can do it."""
Pieces = list[tuple[Room, date, int]]


def plan(lines: Sequence[Sequence[Need]], rooms: Rooms, first: date, last: date) -> list[Allocation]:
    """Room for all steps of all lines, used up in `rooms`; or Refused (NO_CAPACITY), and nothing is used up."""
    taken: Pieces = []
    try:
        for needs in lines:
            day = first
            for need in needs:
                pieces = _fit(rooms.get(need.process, ()), need, day, last)
                for room, on, quantity in pieces:
                    room.take(on, quantity)
                taken += pieces
                day = pieces[-1][1]
    except Refused:
        for room, day, quantity in taken:
            room.take(day, -quantity)
        raise
    if not taken:
        raise Refused("NOTHING_TO_MAKE", "The order asks for no work of any workshop.")
    return _allocations(taken)


def _allocations(taken: Pieces) -> list[Allocation]:
    """One for each bucket: two steps may meet in it."""
    parts: dict[tuple[UUID, date], Allocation] = {}
    for room, day, quantity in taken:
        before = parts.get((room.resource.id, day))
        parts[room.resource.id, day] = room.resource.allocate(day, quantity + (before.quantity if before else 0))
    return list(parts.values())


def _fit(rooms: Sequence[Room], need: Need, first: date, last: date) -> Pieces:
    """The pieces of one step."""
    ever = [room for room in rooms if room.most() >= room.least(need.minutes)]
    for day in _days(ever, first, last):
        if fitting := [room for room in ever if room.free(day) >= room.least(need.minutes)]:
            best = min(fitting, key=lambda room: _preference(room, need))
            return [(best, day, best.least(need.minutes))]
    if runs := [run for run in (_run(room, need, first, last) for room in rooms) if run]:
        return min(runs, key=lambda run: (run[-1][1], *_preference(run[0][0], need)))
    raise Refused("NO_CAPACITY", _why_not(rooms, need, first, last))


def _run(room: Room, need: Need, first: date, last: date) -> Pieces:
    """All the free time of a resource, day after day, until the need is met; nothing if it is not."""
    pieces, missing = [], room.least(need.minutes)
    for day in _days([room], first, last):
        if (quantity := min(missing, room.free(day))) > 0:
            pieces.append((room, day, quantity))
            missing -= quantity
        if not missing:
            return pieces
    return []


def _days(rooms: Sequence[Room], first: date, last: date) -> Iterator[date]:
    """From the first to the last day, as far as any of the calendars goes."""
    last = min(last, max((room.resource.calendar.ends_on for room in rooms), default=first))
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def _preference(room: Room, need: Need) -> tuple[int, UUID]:
    return room.resource.price(room.least(need.minutes)), room.resource.id


def _why_not(rooms: Sequence[Room], need: Need, first: date, last: date) -> str:
    between = f"{need.process} between {first} and {last}"
    if not rooms:
        return f"No workshop offers {between}."
    free = ((room.free(day), day) for day in _days(rooms, first, last) for room in rooms)
    most, day = max(free, key=lambda one: one[0], default=(0, first))
    has = f"the most on one day is {most} on {day}" if most > 0 else "none is left"
    return f"No workshop has {need.minutes} free minutes of {between}; {has}."
