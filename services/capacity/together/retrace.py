"""A joint plan from an order of moves: each operation by the planner's own rules, on what those before it have left."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

import numpy as np

from services.capacity.promise.extend import extended
from services.capacity.promise.hours import Longs
from services.capacity.promise.plan import Plan, unfold
from services.capacity.promise.planner import home, start
from services.capacity.promise.share import shared
from services.capacity.promise.shortlist import Shortlist, ToolSet
from services.capacity.promise.stage import Stage
from services.capacity.promise.ways import Part, Way
from services.capacity.together.lots import Lot, Move, Rooms


def retrace(lots: Sequence[Lot], moves: Sequence[Move]) -> list[Plan] | None:
    """The plan of each lot; none if an operation finds no room left. Every operation of every lot has its move."""
    walks = [_Walk(lot, start(lot.question, lot.stages[0].hours)) for lot in lots]
    taken = Rooms()
    for move in moves:
        if not walks[move.lot].go(move.rows, taken):
            return None
    plans = [walk.plan() for walk in walks]
    return [plan for plan in plans if plan] if all(plans) else None


def in_turn(lots: Sequence[Lot], plans: Sequence[Plan]) -> list[Move]:
    """The moves of these plans, one lot after the other."""
    found = list[Move]()
    for number, (lot, plan) in enumerate(zip(lots, plans, strict=True)):
        for operation, stage in enumerate(lot.stages):
            ids = [step.resource_id for step in plan.steps if step.operation == operation]
            found.append(Move(number, tuple(stage.shortlist.ids.index(key) for key in ids)))
    return found


@dataclass(eq=False)
class _Walk:
    """A lot on its way."""

    lot: Lot
    way: Way
    stages: list[Stage] = field(default_factory=list)
    own: Rooms = field(default_factory=dict)

    def go(self, rows: Sequence[int], taken: Rooms) -> bool:
        """The next operation, as soon as can be; what it takes is added to what all have taken."""
        stage = self._stage(rows, taken)
        ways = shared(stage, [self.way]) if len(rows) > 1 else []
        if not (ways := ways or extended(stage, [self.way])):
            return False
        self.way = min(ways, key=lambda way: way.ready)
        self.stages.append(stage)
        for key, days in _takes(stage, self.way.parts):
            for sums in (taken, self.own):
                sums[key] = sums.get(key, np.zeros_like(days)) + days
        return True

    def _stage(self, rows: Sequence[int], taken: Rooms) -> Stage:
        """As the others have left it; what the lot itself has taken its way knows."""
        whole = self.lot.stages[len(self.stages)]
        others = {key: days - self.own.get(key, 0) for key, days in taken.items() if key in self.lot.uses}
        before = self.stages[-1] if self.stages else None
        where = before.shortlist.where if before else whole.coming_from
        left = _left(whole.shortlist, rows, others)
        return replace(whole, shortlist=left, coming_from=where, before=before, later=self.lot.uses)

    def plan(self) -> Plan | None:
        """What has come of it; none if the lot is not at its place within the days."""
        question, last = self.lot.question, self.stages[-1]
        ends = home(question, last, [self.way])
        if not ends:
            return None
        [(way, ready)] = ends
        return unfold(question, self.stages, way, (ready, last.hours), self.lot.first_day)


def _left(shortlist: Shortlist, rows: Sequence[int], others: Mapping[UUID, Longs]) -> Shortlist:
    """These rows alone, with what others have left of them."""
    few = np.array(rows)

    def left(key: UUID, free: Longs) -> Longs:
        # Others may have taken of days on which this lot may not begin: to it these have nothing, not less.
        return np.maximum(free - others[key], 0) if key in others else free

    def tool(one: ToolSet) -> ToolSet:
        return replace(one, free=left(one.id, one.free))

    return replace(
        shortlist,
        rows=shortlist.rows[few],
        free=np.array([left(shortlist.ids[row], shortlist.free[row]) for row in rows]),
        tools=[[tool(one) for one in shortlist.tools[row]] for row in rows],
    )


def _takes(stage: Stage, parts: Sequence[Part]) -> Iterator[tuple[UUID, Longs]]:
    for part in parts:
        reached: Longs = np.clip(part.free, part.starts, part.ends)
        days = reached[1:] - reached[:-1]
        yield stage.shortlist.ids[part.row], days
        for tool in stage.shortlist.tools[part.row]:
            yield tool.id, (days > 0) * tool.quantity
