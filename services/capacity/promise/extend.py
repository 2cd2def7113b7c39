"""From one operation to the next: every way so far to every resource of the shortlist, in a few array operations."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from services.capacity.promise.free import Free
from services.capacity.promise.hours import FAR, Flags, Hours, Longs
from services.capacity.promise.shortlist import cumulative
from services.capacity.promise.stage import Stage
from services.capacity.promise.ways import MOST, Part, Way, dominated, thinned


@dataclass(frozen=True, eq=False)
class Reach:
    """All arrays are (ways, rows of the shortlist) but `free`, in which `rows` are numbers."""

    stage: Stage
    ways: Sequence[Way]
    free: Free
    rows: Longs
    arrive: Longs
    """When the whole lot is there."""
    metres: Longs
    """Of the way, with the trips to here."""
    price: Longs
    """Of the way, with the trips to here and setting up the tools."""
    had: Longs
    """What the way has taken of the resource already."""

    def part(self, way: int, row: int, pieces: int, run_ends: int, ready: int) -> Part:
        """A part whose run ends at this coordinate, and at this time."""
        before, runs, after = self.stage.spans(row, pieces)
        run_starts, number = run_ends - runs, self.rows[way, row]
        starts, ends = run_starts - before, run_ends + after
        return Part(row, pieces, starts, run_starts, run_ends, ends, ready, self.free.cumulative[number])

    def cost(self, way: int, part: Part) -> int:
        """What a part costs, but for trips and setting up tools."""
        charged = int(self.charged(np.array(part.ends - part.starts))[way, part.row])
        return charged + int(self.stage.tool_rate[part.row]) * len(part.quantities())

    def charged(self, minutes: Longs) -> Longs:
        """What so many minutes of each row cost more than what the way has taken of it already."""
        return self.stage.shortlist.cost(self.had + minutes) - self.stage.shortlist.cost(self.had)

    def way(self, before: Way, parts: Sequence[Part], metres: int, price: int) -> Way:
        """The way that goes on with these parts."""
        if not before.taken and not any(self.stage.wanted[part.row] for part in parts):
            return Way(tuple(parts), metres, price, before)
        taken = {key: days for key, days in before.taken.items() if key in self.stage.later}
        for part in parts:
            for key, days in self._takes(part).items():
                mine = taken.get(key, {})
                taken[key] = {day: mine.get(day, 0) + days.get(day, 0) for day in sorted(mine.keys() | days.keys())}
        return Way(tuple(parts), metres, price, before, taken)

    def _takes(self, part: Part) -> dict[UUID, dict[int, int]]:
        """What of it may be wanted again."""
        if not self.stage.wanted[part.row]:
            return {}
        days, tools = part.quantities(), self.stage.shortlist.tools[part.row]
        takes = {self.stage.shortlist.ids[part.row]: days}
        takes |= {tool.id: dict.fromkeys(days, tool.quantity) for tool in tools}
        return {key: taken for key, taken in takes.items() if key in self.stage.later}


def reach(stage: Stage, ways: Sequence[Way]) -> Reach:
    """When each way's lot can be at each resource, and what that costs."""
    arrive, metres, price = travelled(ways, stage.metres, stage.hours)
    free, rows = _seen(stage, ways)
    had, known = _had(stage, ways)
    price = price + stage.tools_setup - known
    return Reach(stage, ways, free, rows, arrive + stage.waits, metres, price, had)


def travelled(ways: Sequence[Way], lengths: Longs, hours: Hours) -> tuple[Longs, Longs, Longs]:
    """(ways, targets): when all parts are there, the metres, and the price so far. `lengths`: (rows, targets)."""
    width = max(len(way.parts) for way in ways)
    padded = [[way.parts[min(number, len(way.parts) - 1)] for number in range(width)] for way in ways]
    real = np.array([[number < len(way.parts) for number in range(width)] for way in ways])[:, :, None]
    ready = np.array([[part.ready for part in parts] for parts in padded])[:, :, None]
    trips = lengths[np.array([[part.row for part in parts] for parts in padded])]
    arrive = hours.arrives(ready, trips).max(axis=1)
    metres = (trips * real).sum(axis=1) + np.array([way.metres for way in ways])[:, None]
    price = (hours.fare(trips) * real).sum(axis=1) + np.array([way.price for way in ways])[:, None]
    return arrive, metres, price


def _had(stage: Stage, ways: Sequence[Way]) -> tuple[Longs, Longs]:
    """What each way has taken of each row's resource, and what setting up its tools costs less therefore."""
    had = np.zeros((len(ways), len(stage.shortlist.rows)), np.int64)
    known = np.zeros_like(had)
    for number, way in enumerate(ways):
        for row in stage.touched(way.taken):
            had[number, row] = sum(way.taken.get(stage.shortlist.ids[row], {}).values())
            known[number, row] = sum(tool.setup for tool in stage.shortlist.tools[row] if tool.id in way.taken)
    return had, known


def _seen(stage: Stage, ways: Sequence[Way]) -> tuple[Free, Longs]:
    """What is free to each way."""
    count = len(stage.shortlist.rows)
    rows = np.tile(np.arange(count), (len(ways), 1))
    left = dict[object, tuple[int, Longs]]()
    for number, way in enumerate(ways):
        for row in stage.touched(way.taken):
            taken = row, way.used(stage.parts_of(row))
            if taken not in left:
                left[taken] = count + len(left), stage.left(row, way.taken)
            rows[number, row] = left[taken][0]
    if not left:
        return stage.free, rows
    seen = cumulative(np.array([free for _, free in left.values()]))
    return Free(stage.hours, np.concatenate([stage.free.cumulative, seen])), rows


def extended(stage: Stage, ways: Sequence[Way]) -> list[Way]:
    """The ways that go on to this operation and are worth following, unless it is shared."""
    at = reach(stage, ways)
    run_ends = _run_ends(at)
    _, after = stage.around
    fits = run_ends + after <= at.free.total[at.rows]
    price = at.price + _costs(at, run_ends)
    keys = np.where(fits[:, :, None], np.stack([run_ends, at.metres, price], axis=-1), FAR)
    beaten = dominated(keys.transpose(1, 0, 2), _alike(at, run_ends)).T
    way, row = np.nonzero(fits & ~beaten)
    ready = at.free.when(at.rows[way, row], run_ends[way, row]) + stage.rests[row]
    metres, price = at.metres[way, row], price[way, row]
    few = thinned(np.stack([ready, metres, price], axis=-1), MOST)
    columns = (array[few].tolist() for array in (way, row, run_ends[way, row], ready, metres, price))
    return [_gone_on(at, *one) for one in zip(*columns, strict=True)]


def _gone_on(at: Reach, way: int, row: int, run_ends: int, ready: int, metres: int, price: int) -> Way:
    return at.way(at.ways[way], [at.part(way, row, at.stage.pieces, run_ends, ready)], metres, price)


def _run_ends(at: Reach) -> Longs:
    """The coordinate by which the whole lot is run, on one resource.

    It runs without a break, and so begins as late as it may and yet end first: not before the set-up, and no piece
    before it is there.
    """
    stage = at.stage
    set_up: Longs = stage.around[0] + stage.works
    whole: Longs = np.maximum(set_up, at.free.reached(at.rows, at.arrive) + stage.works)
    if stage.before is None or (batches := stage.batches) is None:
        return whole
    batched: Longs = np.maximum(set_up, _batched(at, stage.before, batches))
    beside = (stage.metres[[way.parts[0].row for way in at.ways]] == 0) & _unshared(at.ways)
    return np.where(beside, batched, whole)


def _unshared(ways: Sequence[Way]) -> Flags:
    return np.array([len(way.parts) == 1 for way in ways])[:, None]


def _batched(at: Reach, before: Stage, batches: tuple[Longs, Longs]) -> Longs:
    """The same, if each transfer batch may be run as soon as it is there: no batch, with all that come after it, can
    be done sooner than this."""
    parts = [way.parts[0] for way in at.ways]
    came, rows = np.array([part.row for part in parts])[:, None, None], np.arange(at.rows.shape[1])[:, None]
    begun, done = (cut if at.stage.hours.mirrored else cut[came[:, 0]] for cut in batches)
    if at.stage.hours.mirrored:
        there, left = before.remains(begun, came), at.stage.done(done, rows)
    else:
        there, left = before.done(done, came), at.stage.remains(begun, rows)
    worked = np.array([part.run_starts for part in parts])[:, None, None] + there
    free = Free(at.stage.hours, np.array([part.free for part in parts]))
    times = free.when(np.arange(len(parts))[:, None, None], worked) + before.rests[came] + at.stage.waits[:, None]
    run_ends: Longs = (at.free.reached(at.rows[:, :, None], times) + left).max(axis=-1)
    return run_ends


def _costs(at: Reach, run_ends: Longs) -> Longs:
    """Minutes, and days of tools."""
    stage = at.stage
    before, after = stage.around
    minutes = at.charged(before + stage.works + after)
    if not stage.shortlist.operation.tools:
        return minutes
    starts, ends = run_ends - stage.works - before, run_ends + after
    working = cumulative((np.diff(at.free.cumulative, axis=1) > 0).astype(np.int64))
    first, last = at.free.day(at.rows, starts + 1), at.free.day(at.rows, ends)
    return minutes + stage.tool_rate * (working[at.rows, last + 1] - working[at.rows, first])


def _alike(at: Reach, run_ends: Longs) -> Flags | None:
    """(rows, ways, ways): which ways may be compared at a row: they see the same of it, and will have taken the same of
    what may be wanted again. None if all may."""
    if not (at.stage.again.any() or any(way.taken for way in at.ways)):
        return None
    used = [way.used(at.stage.later) for way in at.ways]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(used))}
    same = np.array([numbers[key] for key in used])
    ends = run_ends.T
    taken = (ends[:, :, None] == ends[:, None, :]) | ~at.stage.again[:, None, None]
    seen = at.rows.T[:, :, None] == at.rows.T[:, None, :]
    alike: Flags = (same[:, None] == same)[None] & seen & taken
    return alike
