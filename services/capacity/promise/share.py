"""One lot on several resources at once: shared so that its last piece is done soonest."""

from collections.abc import Sequence

import numpy as np

from services.capacity.promise.extend import Reach, reach
from services.capacity.promise.hours import DAY, Longs
from services.capacity.promise.stage import Stage
from services.capacity.promise.ways import MOST_SHARED, Part, Way


def shared(stage: Stage, ways: Sequence[Way]) -> list[Way]:
    """For the soonest of these ways: the lot shared by as many resources as the operation allows, at most."""
    soonest = sorted(ways, key=lambda way: way.ready)[:MOST_SHARED]
    at = reach(stage, soonest)
    times = _soonest(at)
    found = (_way(at, number, int(time)) for number, time in enumerate(times) if time <= stage.hours.days * DAY)
    return [way for way in found if len(way.parts) > 1]


def _soonest(at: Reach) -> Longs:
    """For each way the first minute by which the resources that have done most have done all pieces together."""
    low = np.zeros(len(at.ways), np.int64)
    high = np.full(len(at.ways), at.stage.hours.days * DAY + 1)
    while (low < high).any():
        middle = (low + high) // 2
        done = _most(at, middle).sum(axis=1) >= at.stage.pieces
        high, low = np.where(done, middle, high), np.where(done, low, np.minimum(middle + 1, high))
    return high


def _most(at: Reach, times: Longs) -> Longs:
    """(ways, split_over): pieces that the resources which have done most by these times can have done."""
    most = min(at.stage.shortlist.operation.split_over, at.rows.shape[1])
    return -np.partition(-_pieces(at, times), most - 1, axis=1)[:, :most]


def _pieces(at: Reach, times: Longs) -> Longs:
    """(ways, rows): pieces that can be done by these times, set-up and the least that is sold allowed for."""
    stage, free, works = at.stage, at.free, at.stage.shortlist.works
    arrived, done = free.reached(at.rows, at.arrive), free.done(at.rows, times[:, None])
    total = free.total[at.rows]
    if stage.hours.mirrored:
        starts = np.maximum(arrived, works.cleanup)
        room, until = total - starts + works.cleanup, done
    else:
        starts, room, until = arrived, np.minimum(done + works.cleanup, total), np.minimum(done, total - works.cleanup)
    lots = room // stage.shortlist.lot * stage.shortlist.lot
    minutes = np.minimum(lots - works.setup - works.cleanup, until - starts)
    can = (lots >= stage.shortlist.sold(1)) & stage.sharers
    return np.minimum(works.pieces(minutes), stage.pieces) * can


def _way(at: Reach, number: int, time: int) -> Way:
    pieces = _pieces(at, np.full(len(at.ways), time))[number]
    before, parts, left = at.ways[number], list[Part](), at.stage.pieces
    for row in np.argsort(-pieces, kind="stable")[: at.stage.shortlist.operation.split_over]:
        count = min(left, int(pieces[row]))
        if count:
            parts.append(_part(at, number, int(row), count))
        left -= count
    trips = sum(int(at.metres[number, part.row]) - before.metres for part in parts)
    prices = sum(int(at.price[number, part.row]) - before.price + at.cost(number, part) for part in parts)
    return at.way(before, parts, before.metres + trips, before.price + prices)


def _part(at: Reach, way: int, row: int, pieces: int) -> Part:
    before, runs, _ = at.stage.spans(row, pieces)
    number = at.rows[way, row]
    run_ends = max(before, int(at.free.reached(number, at.arrive[way, row]))) + runs
    ready = int(at.free.when(number, np.array(run_ends)) + at.stage.rests[row])
    return at.part(way, row, pieces, run_ends, ready)
