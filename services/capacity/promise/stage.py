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
from services.capacity.promise.question import Operation, Question
from services.capacity.promise.shortlist import Shortlist, ToolSet, cumulative, metres, usable
from services.capacity.promise.ways import Taken


@dataclass(frozen=True)
class Link:
    """What lies between two operations, in the planner's direction: minutes before and after the lot travels, and how
    many pieces are there when each transfer batch but the last goes on."""

    before: int
    after: int
    cuts: tuple[int, ...] = ()


def link(one: Operation | None, other: Operation, question: Question) -> Link:
    """From one operation, or the place of the material, to another."""
    if not question.backward:
        cuts = tuple(one.cuts(question.pieces)) if one else ()
        return Link(one.wait_minutes if one else 0, other.queue_minutes, cuts)
    cuts = tuple(question.pieces - cut for cut in reversed(other.cuts(question.pieces))) if one else ()
    return Link(one.queue_minutes if one else 0, other.wait_minutes, cuts)


@dataclass(frozen=True, eq=False)
class Stage:
    """`coming_from`: where the lot may be before, as the shortlist before this one has it."""

    shortlist: Shortlist
    coming_from: tuple[Longs, Longs]
    link: Link
    pieces: int
    hours: Hours
    later: frozenset[UUID]
    """Resources that operations planned after this one look at too."""

    @property
    def run(self) -> int:
        return self.shortlist.operation.run_minutes

    @cached_property
    def metres(self) -> Longs:
        """(where it comes from, rows)."""
        north, east = self.coming_from
        return metres((north[:, None], east[:, None]), self.shortlist.where)

    @cached_property
    def free(self) -> Free:
        """As nobody sees it who has taken something already."""
        rows = zip(self.shortlist.free, self.shortlist.tools, strict=True)
        return Free(self.hours, cumulative(np.array([usable(free, tools) for free, tools in rows])))

    @cached_property
    def lead(self) -> Longs:
        """Minutes taken beside the run of the whole lot: set-up, or more, where less is not sold."""
        return self.leads(self.run * self.pieces)

    def leads(self, works: Longs | int) -> Longs:
        """The same for a run of so long."""
        return self.shortlist.sold(self.shortlist.operation.setup_minutes + works) - works

    def lead_of(self, row: int, works: int) -> int:
        """The same at one resource."""
        minimum, lot = self._terms[row]
        return -(-max(self.shortlist.operation.setup_minutes + works, minimum) // lot) * lot - works

    @cached_property
    def _terms(self) -> list[tuple[int, int]]:
        minimum = self.shortlist.offers.minimum[self.shortlist.rows]
        return list(zip(minimum.tolist(), self.shortlist.lot.tolist(), strict=True))

    def first(self, lead: Longs) -> Longs:
        """What of the lead comes before the run, in the planner's direction."""
        return np.zeros_like(lead) if self.hours.mirrored else lead

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
    return left
