"""Planning: the earliest days on which the work of an order fits.

A step takes of a resource what that publishes of its work for the process, as estimates and promises reckon, and what
the routing says where it publishes nothing. Time that only passes after it is counted in whole days.

Each step begins no earlier than the step before it ended. It is done whole, on the earliest day of a bucket that has
room; where none has, it is split over the days of one resource. Among equals the cheapest is taken, then the lowest
id: the same question has the same answer.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import accumulate
from uuid import UUID

from services.capacity.domain.calendar import days_between
from services.capacity.domain.offer import Allocation, Resource, check_price
from services.capacity.domain.terms import Refused
from services.capacity.domain.work import Work, lot, quantity, spread

MOST_LOOKED_AT = 1000
"""Resources of a process, the cheapest."""
MOST_ALLOCATIONS = 500
_DAY_MINUTES = 1440


@dataclass(frozen=True, slots=True)
class Need:
    """A process by what the routing says: minutes, for so many pieces (none: not told), in so many steps."""

    process: str
    minutes: int
    pieces: int = 0
    steps: int = 1


@dataclass(frozen=True)
class Room:
    """A resource's free time: what its calendar gives, but for days that have a bucket already (`touched`).

    The days are counted out once, and then looked at by the hundred: most of a plan is looking in vain.
    """

    resource: Resource
    first_day: date
    touched: dict[date, int]
    last_day: date = date.max

    @cached_property
    def opens(self) -> date:
        return max(self.first_day, self.resource.calendar.starts_on)

    @cached_property
    def minutes(self) -> list[int]:
        """What is free on each day from `opens` to the end of the calendar, or of what may be taken already."""
        calendar, changed = self.resource.calendar, self.resource.calendar.exceptions | self.touched
        closes = min(calendar.ends_on, self.last_day)
        return [changed.get(day, calendar.weekly[day.weekday()]) for day in days_between(self.opens, closes)]

    @cached_property
    def bounds(self) -> tuple[int, int]:
        """What no day has more than, and what all days together have no more than."""
        return max(self.minutes, default=0), sum(self.minutes)

    def between(self, first: date, last: date) -> list[int]:
        """What is free on each day from `first`, or `opens` if that is later, as far as the calendar goes."""
        start = (first - self.opens).days
        return self.minutes[max(0, start) : max(0, (last - self.opens).days + 1)]

    def take(self, day: date, quantity: int) -> None:
        """Use it up for whoever plans next."""
        self.minutes[(day - self.opens).days] -= quantity

    def work(self, need: Need) -> Work | None:
        """What the resource publishes of it, if that can be reckoned with."""
        return self.resource.work.get(need.process) if need.pieces else None

    def takes(self, need: Need) -> int:
        """What a step takes of one day. A workshop sells no less than its minimum, and whole lots: a smaller step takes
        that much."""
        how = self.work(need)
        minutes = quantity(how, lot(how, need.pieces), times=need.steps) if how else need.minutes
        return self.resource.terms.least_for(minutes)

    def waits(self, need: Need) -> timedelta:
        """What passes after it, e.g. until it is dry: in whole days, for a bucket knows no hours."""
        how = self.work(need)
        return timedelta(days=-(-how.elapsed_minutes // _DAY_MINUTES)) if how else timedelta()


Rooms = Mapping[str, Sequence[Room]]
"""Process -> the resources that can do it."""
Pieces = list[tuple[Room, date, int]]


def plan(
    lines: Sequence[Sequence[Need]], rooms: Rooms, first: date, last: date, go_on: Callable[[], None] = lambda: None
) -> list[Allocation]:
    """Room for all steps of all lines, used up in `rooms`; or Refused (NO_CAPACITY), and nothing is used up.

    `go_on` is asked before each step, and raises Refused if there is no time for it.
    """
    taken: Pieces = []
    try:
        for needs in lines:
            day = first
            for need in needs:
                go_on()
                pieces = _fit(rooms.get(need.process, ()), need, day, last)
                for room, on, part in pieces:
                    room.take(on, part)
                taken += pieces
                day = _ends(pieces, need)
        return _allocations(taken)
    except Refused:
        for room, day, part in taken:
            room.take(day, -part)
        raise


def _allocations(taken: Pieces) -> list[Allocation]:
    """One for each bucket: two steps may meet in it."""
    if not taken:
        raise Refused("NOTHING_TO_MAKE", "The order asks for no work of any workshop; order what is made by one.")
    resources, sums = {room.resource.id: room.resource for room, _, _ in taken}, Counter[tuple[UUID, date]]()
    for room, day, part in taken:
        sums[room.resource.id, day] += part
    if len(sums) > MOST_ALLOCATIONS:
        raise Refused("TOO_LARGE", f"{len(sums)} days of workshops are over {MOST_ALLOCATIONS}; order fewer pieces.")
    asked = [(resources[key], resources[key].allocate(day, quantity)) for (key, day), quantity in sums.items()]
    check_price(asked)
    return [part for _, part in asked]


def _fit(rooms: Sequence[Room], need: Need, first: date, last: date) -> Pieces:
    """The pieces of one step."""
    for way in (_whole, _split):
        best: Pieces = []
        for room in rooms:
            by = _ends(best, need) if best else last
            pieces = way(room, need, first, by - room.waits(need))
            if pieces and (not best or _rank(pieces, need) < _rank(best, need)):
                best = pieces
        if best:
            return best
    raise Refused("NO_CAPACITY", _why_not(rooms, need, first, last))


def _ends(pieces: Pieces, need: Need) -> date:
    room, day, _ = pieces[-1]
    return day + room.waits(need)


def _whole(room: Room, need: Need, first: date, last: date) -> Pieces:
    """The earliest day of a resource that has room for all."""
    minutes = room.takes(need)
    if room.bounds[0] < minutes or max(free := room.between(first, last), default=0) < minutes:
        return []
    day = next(n for n, has in enumerate(free) if has >= minutes)
    return [(room, max(first, room.opens) + timedelta(day), minutes)]


def _split(room: Room, need: Need, first: date, last: date) -> Pieces:
    """All the free time of a resource, day after day, until there is enough; nothing if there never is. Work that is
    learned takes less of later days than of the first."""
    how, whole = room.work(need), room.takes(need)
    learned = how and how.ramp_percent
    if room.bounds[1] < whole and not learned:
        return []
    free = room.between(first, last)
    if how and learned:
        taken = as_sold(room.resource, free, spread(how, lot(how, need.pieces), free, times=need.steps))
    else:
        taken = _filled(free, whole)
    return [(room, max(first, room.opens) + timedelta(n), part) for n, part in enumerate(taken) if part > 0]


def as_sold(resource: Resource, free: Sequence[int], taken: list[int]) -> list[int]:
    """What is taken of these days in whole lots, and no less than the workshop sells at a time; nothing if there is no
    room for it."""
    sold = resource.terms.least_for(sum(taken))
    return taken if not taken or sum(taken) == sold else _filled(free, sold)


def _filled(free: Sequence[int], wanted: int) -> list[int]:
    """So much, of the first days that are free; nothing if there is less."""
    return filled(free, wanted) if sum(free) >= wanted else []


def filled(free: Sequence[int], wanted: int) -> list[int]:
    """All of each of these days, until there is enough: less in sum, if they have less."""
    before = (0, *accumulate(free))
    return [min(room, wanted - so_far) for room, so_far in zip(free, before, strict=False) if so_far < wanted]


def _rank(pieces: Pieces, need: Need) -> tuple[date, int, UUID]:
    """What ends first is best, then what is cheapest."""
    resource = pieces[-1][0].resource
    return _ends(pieces, need), resource.terms.cost(sum(part for _, _, part in pieces)), resource.id


def _why_not(rooms: Sequence[Room], need: Need, first: date, last: date) -> str:
    between = f"{need.process} between {first} and {last}"
    if not rooms:
        return f"No workshop offers {between}; order for other days."
    free, room = max(((room.between(first, last), room) for room in rooms), key=lambda one: max(one[0], default=0))
    most = max(free, default=0)
    day = max(first, room.opens) + timedelta(free.index(most)) if most else first
    has = f"the most on one day is {most} on {day}: order less, or" if most else "none is left: order"
    who = f"None of the {MOST_LOOKED_AT:,} cheapest workshops" if len(rooms) >= MOST_LOOKED_AT else "No workshop"
    if any(one.work(need) for one in rooms):
        return f"{who} has free minutes for {need.pieces} pieces of {between}; {has} for other days."
    return f"{who} has {need.minutes} free minutes of {between}; {has} for other days."
