"""One operation of a question as the planner goes through them, and everything about its shortlist that can be known
before any way reaches it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from uuid import UUID

import numpy as np

from services.capacity.promise.free import Free
from services.capacity.promise.hours import Flags, Hours, Longs
from services.capacity.promise.shortlist import Shortlist, ToolSet, cumulative, metres, usable
from services.capacity.promise.ways import Taken
from services.capacity.promise.works import ALL, Rows


@dataclass(frozen=True, eq=False)
class Stage:
    """`coming_from`: where the lot may be before, as the shortlist before this one has it, or the place it starts at.

    Times and minutes are in the planner's direction: what comes before the run forward, comes after it backward.
    """

    shortlist: Shortlist
    coming_from: tuple[Longs, Longs]
    before: "Stage | None"
    pieces: int
    hours: Hours
    later: frozenset[UUID]
    """What may be taken here or before and is looked at by operations planned after this one too."""

    @cached_property
    def metres(self) -> Longs:
        """(where it comes from, rows)."""
        north, east = self.coming_from
        return metres((north[:, None], east[:, None]), self.shortlist.where)

    @cached_property
    def free(self) -> Free:
        """As nobody sees it who has taken something already."""
        if not self.shortlist.operation.tools:
            return Free(self.hours, self.shortlist.cumulative)
        rows = zip(self.shortlist.free, self.shortlist.tools, strict=True)
        return Free(self.hours, cumulative(np.array([usable(free, tools) for free, tools in rows])))

    @cached_property
    def works(self) -> Longs:
        """Minutes that the whole lot runs."""
        return self.shortlist.works.runs(self.pieces)

    def leads(self, runs: Longs, rows: Rows = ALL) -> tuple[Longs, Longs]:
        """What is taken before and after runs so long: set-up, or more where less is not sold, and clean-up."""
        cleanup = self.shortlist.works.cleanup[rows]
        needed = self.shortlist.works.setup[rows] + runs + cleanup
        lead = self.shortlist.sold(needed, rows) - runs - cleanup
        return (cleanup, lead) if self.hours.mirrored else (lead, cleanup)

    @cached_property
    def around(self) -> tuple[Longs, Longs]:
        """The same for the whole lot."""
        return self.leads(self.works)

    def spans(self, row: int, pieces: int) -> tuple[int, int, int]:
        """Minutes before, in and after a run of so many pieces at one resource."""
        if pieces == self.pieces:
            return self._spans[row]
        runs = self.shortlist.works.runs(pieces, row)
        before, after = self.leads(runs, row)
        return int(before), int(runs), int(after)

    @cached_property
    def _spans(self) -> list[tuple[int, int, int]]:
        before, after = self.around
        return list(zip(before.tolist(), self.works.tolist(), after.tolist(), strict=True))

    @cached_property
    def rests(self) -> Longs:
        """Minutes that pass after the run before the lot goes on."""
        return self._queues if self.hours.mirrored else self.shortlist.works.elapsed

    @cached_property
    def waits(self) -> Longs:
        """Minutes that it lies before the run."""
        return self.shortlist.works.elapsed if self.hours.mirrored else self._queues

    @property
    def _queues(self) -> Longs:
        return np.full(len(self.shortlist.rows), self.shortlist.operation.queue_minutes)

    @property
    def batches(self) -> tuple[Longs, Longs] | None:
        """As Works.cuts, of whichever operation hands on to the other: this one and that before it. None if none does
        so in batches."""
        hands_on = self if self.hours.mirrored else self.before
        if self.before is None or hands_on is None:
            return None
        cuts = hands_on.shortlist.works.cuts(self.pieces)
        return cuts if cuts[0].shape[1] > 1 else None

    def done(self, pieces: Longs, rows: Rows) -> Longs:
        """Minutes of the run by which so many pieces are done; all: those that only fill the lot, too."""
        return np.where(pieces == self.pieces, self.works[rows], self.shortlist.works.minutes(pieces, rows))

    def remains(self, pieces: Longs, rows: Rows) -> Longs:
        """Minutes of the run that remain when the next piece after so many begins."""
        return self.works[rows] - self.shortlist.works.begun(pieces, rows)

    @cached_property
    def tool_rate(self) -> Longs:
        """Minor units for each day that the operation works."""
        return np.array([sum(tool.price for tool in tools) for tools in self.shortlist.tools])

    @cached_property
    def tools_setup(self) -> Longs:
        """Once for the tool sets of each row."""
        return np.array([sum(tool.setup for tool in tools) for tools in self.shortlist.tools])

    def parts_of(self, row: int) -> frozenset[UUID]:
        """What a row takes: its resource and tool sets."""
        return frozenset([self.shortlist.ids[row], *(tool.id for tool in self.shortlist.tools[row])])

    @cached_property
    def users(self) -> dict[UUID, list[int]]:
        """The rows that take something of a resource."""
        found = defaultdict(list)
        for row in range(len(self.shortlist.rows)):
            for key in self.parts_of(row):
                found[key].append(row)
        return dict(found)

    @cached_property
    def again(self) -> Flags:
        """Rows that take something which may be wanted again later."""
        return np.array([not self.later.isdisjoint(self.parts_of(row)) for row in range(len(self.shortlist.rows))])

    @cached_property
    def wanted(self) -> list[bool]:
        """The same."""
        wanted: list[bool] = self.again.tolist()
        return wanted

    @cached_property
    def sharers(self) -> Flags:
        """Rows that may share a lot with others: of those that use the same tool set only the first."""
        seen = set[UUID]()
        can = []
        for tools in self.shortlist.tools:
            can.append(seen.isdisjoint(tool.id for tool in tools))
            seen |= {tool.id for tool in tools}
        return np.array(can)

    def touched(self, taken: Taken) -> list[int]:
        """The rows of which a way has taken something already."""
        if not taken:
            return []
        return sorted({row for key in taken for row in self.users.get(key, ())})

    def left(self, row: int, taken: Taken) -> Longs:
        """What a way that has taken so much sees of a row: free minutes by day."""
        free = _less(self.shortlist.free[row], taken.get(self.shortlist.ids[row], {}))
        return usable(free, self._tools_left(self.shortlist.tools[row], taken))

    def _tools_left(self, tools: Iterable[ToolSet], taken: Taken) -> list[ToolSet]:
        return [replace(tool, free=_less(tool.free, taken.get(tool.id, {}))) for tool in tools]


def _less(free: Longs, taken: Mapping[int, int]) -> Longs:
    left = free.copy()
    left[list(taken)] -= np.array([*taken.values()], np.int64)
    return np.maximum(left, 0)  # taken for an operation that asks for less, on a day that this one may not have
