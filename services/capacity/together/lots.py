"""Lots as a joint plan sees them: for each operation the few resources that it may go to, cut out of the city."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import NamedTuple
from uuid import UUID

import numpy as np

from services.capacity.promise.hours import Longs, hours
from services.capacity.promise.planner import stages_of
from services.capacity.promise.question import Question, Sold
from services.capacity.promise.shortlist import Shortlist
from services.capacity.promise.shortlister import Sellers, Shortlister
from services.capacity.promise.stage import Stage
from services.capacity.search.offers import Offers

MOST_CHOICES = 8
"""Resources that an operation may go to, those of the greedy plan besides."""

Rooms = dict[UUID, Longs]
"""Resource or tool set -> what is free on each day."""


class Move(NamedTuple):
    """The next operation of a lot goes to these rows of its shortlist: one, or several that share it."""

    lot: int
    rows: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Lot:
    """A lot, its days counted from `first_day`, and the shortlists of its operations, as free as nobody of these lots
    has taken anything."""

    question: Question
    first_day: date
    stages: Sequence[Stage]

    @cached_property
    def uses(self) -> frozenset[UUID]:
        """All that it may take."""
        lists = [stage.shortlist for stage in self.stages]
        tools = (tool.id for one in lists for row in one.tools for tool in row)
        return frozenset([*(key for one in lists for key in one.ids), *tools])


def lot(question: Question, sellers: Sellers, wanted: Mapping[Sold, Iterable[UUID]], rooms: Rooms) -> Lot:
    """Cut out of the city over the days of these sellers, who all begin on the same day; `wanted` may be looked at in
    any case. What is free is noted in `rooms`, whichever lot may begin so soon."""
    one = next(iter(sellers.values()))
    span = hours(one.cumulative.shape[1] - 1, one.first_day, question.carriage, mirrored=False)
    shortlister = Shortlister(question, sellers, span)
    lists = [_few(shortlister, shortlister.next(step), wanted.get(step.sold, ())) for step in question.routing]
    return Lot(question, one.first_day, stages_of(question, [_cut(one, rooms) for one in lists], span))


def _few(shortlister: Shortlister, found: Shortlist, wanted: Iterable[UUID]) -> Shortlist:
    """Those wanted, and those who have most room soonest."""
    halves = found.free.cumsum(axis=1).sum(axis=1)
    soonest = [found.ids[row] for row in np.argsort(-halves, kind="stable")[:MOST_CHOICES]]
    return shortlister.named(found.operation, dict.fromkeys([*wanted, *soonest]))


def _cut(found: Shortlist, rooms: Rooms) -> Shortlist:
    """With nothing of the city but its own rows."""
    tools = {one.id: one.free for row in found.tools for one in row}
    for key, free in [*zip(found.ids, found.free, strict=True), *tools.items()]:
        rooms[key] = np.maximum(rooms.get(key, 0), free)
    return replace(found, offers=only(found.offers, found.rows), rows=np.arange(len(found.rows)))


def only(offers: Offers, rows: Longs) -> Offers:
    """These rows, but for what is free: a copy."""

    def few(column: Sequence[UUID]) -> list[UUID]:
        return [column[row] for row in rows]

    return replace(
        offers,
        ids=few(offers.ids),
        sites=few(offers.sites),
        workshops=few(offers.workshops),
        names=[offers.names[row] for row in rows],
        cumulative=np.zeros((len(rows), 1), np.int32),
        opens=offers.opens[rows],
        latitude=offers.latitude[rows],
        longitude=offers.longitude[rows],
        price=offers.price[rows],
        setup=offers.setup[rows],
        minimum=offers.minimum[rows],
        closes=offers.closes[rows],
        lot=offers.lot[rows],
        least=offers.least[rows],
        visibility=offers.visibility[rows],
        invited=[offers.invited[row] for row in rows],
        work=[offers.work[row] for row in rows],
        figures=offers.figures[:, rows],
    )
