"""The search itself, on the columns of one process: no loop over resources, and no more work than the answer needs.

The day by which a resource has enough free is the one after which its sums reach what they are on the first day, and
the quantity on top. For all resources at once that is one comparison of a column, for every day that is tried.
"""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import numpy as np
import numpy.typing as npt

from services.capacity.domain.search import Valid, Wanted, Window
from services.capacity.search.offers import PRIVATE, Floats, Ints, Mask, kilometres, sold_to
from services.capacity.search.table import WIDTH, Rows, Table

_DAYS_AT_FIRST = 4
_FAR = float("inf")


@dataclass(slots=True)
class _Field:
    """Who is left in the running: for each a row, the days on which it may work, and how much must be free.

    A row is there once, but for a workshop whose qualifications lapse for a while: then once for each span of days.
    """

    rows: Rows
    opens: Ints
    last: Ints
    need: Ints
    km: Floats

    def only(self, chosen: Mask | Rows) -> "_Field":
        return _Field(self.rows[chosen], self.opens[chosen], self.last[chosen], self.need[chosen], self.km[chosen])


def find(table: Table, wanted: Wanted, base: date, now: datetime, valid: Valid | None = None) -> list[Window]:
    """The best windows, in the order asked for. Days of the index are counted from `base`."""
    field = _field(table, wanted, base, now)
    if valid is not None:
        field = _qualified(table, field, base, valid)
    field = field.only(field.opens <= field.last)
    if not len(field.rows):
        return []
    if wanted.lot == "day":
        field, ends = _on_one_day(table, field)
        return _windows(table, wanted, base, field, ends, ends)
    field = field.only(table.sums[field.last + 1, field.rows] >= _target(table, field))
    if len(field.rows) > wanted.limit and (valid is None or len(set(field.rows.tolist())) == len(field.rows)):
        field = _front(table, field, wanted)
    return _windows(table, wanted, base, field, *_spans(table, field))


def _target(table: Table, field: _Field) -> Ints:
    """What the sums must reach."""
    target: Ints = table.sums[field.opens, field.rows] + field.need
    return target


def _cost(table: Table, field: _Field) -> npt.NDArray[np.int64]:
    cost = table.price[field.rows].astype(np.int64) * field.need + table.setup[field.rows]
    most: npt.NDArray[np.int64] = np.maximum(cost, table.least[field.rows])
    return most


def _field(table: Table, wanted: Wanted, base: date, now: datetime) -> _Field:
    """Everybody who is near enough and not too dear."""
    rows, km = _around(table, wanted)
    opens = np.maximum(table.may_begin(now)[rows], (wanted.first - base).days).astype(np.int32)
    last = np.minimum(table.may_end(now)[rows], (wanted.last - base).days).astype(np.int32)
    field = _Field(rows, opens, last, _least_sold(table, rows, wanted.quantity), km)
    if (table.visibility[rows] == PRIVATE).any():
        field = field.only((table.visibility[rows] != PRIVATE) | _sold_to(table, rows, wanted.party))
    if wanted.price is not None:
        field = field.only(_cost(table, field) <= wanted.price)
    return field


def _least_sold(table: Table, rows: Rows, quantity: int) -> Ints:
    """The least that is sold to who needs so much: no less than the minimum, in whole lots."""
    lot = table.lot[rows]
    least: Ints = -(-np.maximum(table.minimum[rows], quantity) // lot) * lot
    return least


def _sold_to(table: Table, rows: Rows, party: UUID) -> Mask:
    return sold_to(table.visibility[rows], [table.invited[row] for row in rows.tolist()], party)


def _around(table: Table, wanted: Wanted) -> tuple[Rows, Floats]:
    """Rows that are near enough, and how far away they are: infinitely, if nobody can say."""
    if wanted.near is None:
        return np.arange(len(table)), np.full(len(table), np.inf, np.float32)
    rows = np.arange(len(table)) if wanted.km is None else table.near(wanted.near, wanted.km)
    km = kilometres(table.latitude[rows], table.longitude[rows], wanted.near)
    if wanted.km is None:
        return rows, np.nan_to_num(km, nan=np.inf)
    inside = km <= wanted.km
    return rows[inside], km[inside]


def _qualified(table: Table, field: _Field, base: date, valid: Valid) -> _Field:
    """Only those workshops, and only on those days."""
    spans = [
        (at, (first - base).days, (last - base).days)
        for at, row in enumerate(field.rows.tolist())
        for first, last in valid.get(table.workshops[row], ())
    ]
    at, first, last = np.array(spans, np.int64).reshape(-1, 3).T
    kept = field.only(at)
    kept.opens = np.maximum(kept.opens, first).astype(np.int32)
    kept.last = np.minimum(kept.last, last).astype(np.int32)
    return kept


# --- spread over the days of a resource ------------------------------------------------------------------------------


def _front(table: Table, field: _Field, wanted: Wanted) -> _Field:
    """Those who can be among the first, so that the days need not be found of all. Each has room some day."""
    if wanted.order == "cheapest":
        return field.only(_least(_cost(table, field), wanted.limit))
    if wanted.order == "nearest":
        return field.only(_least(field.km, wanted.limit))
    target = _target(table, field)
    end = _enough_by(table, field, target, wanted.limit)
    by_then, before = _reached(table, field.rows, target, end), _reached(table, field.rows, target, end - 1)
    on_the_day = np.flatnonzero(by_then & ~before)
    cheapest = _least(_cost(table, field.only(on_the_day)), wanted.limit - int(np.count_nonzero(before)))
    front = field.only(np.concatenate([np.flatnonzero(before), on_the_day[cheapest]]))
    front.last = np.minimum(front.last, end)
    return front


def _least(key: npt.NDArray[np.generic], most: int) -> Mask:
    """The `most` smallest, and their equals."""
    if len(key) <= most:
        return np.ones(len(key), np.bool_)
    mask: Mask = key <= np.partition(key, most - 1)[most - 1]
    return mask


def _enough_by(table: Table, field: _Field, target: Ints, enough: int) -> int:
    """The first day by which so many have room: strides that double, then bisection. By the last day all have."""
    low, stride, last = int(field.opens.min()) - 1, 1, int(field.last.max())
    high = min(low + stride, last)
    while high < last and np.count_nonzero(_reached(table, field.rows, target, high)) < enough:
        low, stride = high, 2 * stride
        high = min(high + stride, last)
    while high - low > 1:
        middle = (low + high) // 2
        few = np.count_nonzero(_reached(table, field.rows, target, middle)) < enough
        low, high = (middle, high) if few else (low, middle)
    return high


def _reached(table: Table, rows: Rows, target: Ints, day: int) -> Mask:
    """Who has enough by the end of a day."""
    mask: Mask = table.sums[day + 1].take(rows) >= target
    return mask


def _spans(table: Table, field: _Field) -> tuple[Ints, Ints]:
    """The first day with anything free, and the day by which each has enough. Each has, by its last day."""
    first, last = int(field.opens.min(initial=WIDTH)), int(field.last.max(initial=0))
    sums = table.sums[first + 1 : last + 2].take(field.rows, axis=1)
    begin = table.sums[field.opens, field.rows]
    return first + (sums <= begin).sum(axis=0), first + (sums < begin + field.need).sum(axis=0)


# --- on one day ------------------------------------------------------------------------------------------------------


def _on_one_day(table: Table, field: _Field) -> tuple[_Field, Ints]:
    """Who has a day with enough, and the first such day: some days of all at once, then more days of who is left."""
    field = field.only(table.most[field.rows] >= field.need)
    ends = np.full(len(field.rows), -1, np.int32)
    left, day, stride = np.arange(len(field.rows)), int(field.opens.min(initial=WIDTH)), _DAYS_AT_FIRST
    while len(left) and day <= int(field.last.max()):
        some = field.only(left)
        days = np.arange(day, min(day + stride, int(field.last.max()) + 1), dtype=np.int32)
        sums = table.sums[day : day + len(days) + 1].take(some.rows, axis=1)
        fits = (np.diff(sums, axis=0) >= some.need) & (days[:, None] >= some.opens) & (days[:, None] <= some.last)
        found = fits.any(axis=0)
        ends[left[found]] = day + fits.argmax(axis=0)[found]
        left, day, stride = left[~found], day + len(days), 2 * stride
    have = ends >= 0
    return field.only(have), ends[have]


# --- the answer ------------------------------------------------------------------------------------------------------


def _windows(table: Table, wanted: Wanted, base: date, field: _Field, starts: Ints, ends: Ints) -> list[Window]:
    best = _best(table, wanted, field, ends)
    field = field.only(best)
    sold = _sold_to(table, field.rows, wanted.party)
    columns = (starts[best], ends[best], field.need, _cost(table, field), field.km, sold)
    chosen = zip(field.rows.tolist(), *(column.tolist() for column in columns), strict=True)
    day = base.toordinal()
    return [
        Window(
            table.ids[row],
            table.workshops[row],
            table.sites[row],
            table.names[row],
            date.fromordinal(day + start),
            date.fromordinal(day + end),
            need,
            price,
            None if km == _FAR else round(km, 3),
            sold_to_you,
        )
        for row, start, end, need, price, km, sold_to_you in chosen
    ]


def _best(table: Table, wanted: Wanted, field: _Field, ends: Ints) -> Rows:
    """Where in the field the best are, in the order asked for; a resource once."""
    cost, rows = _cost(table, field), field.rows.tolist()
    keys = {"earliest": (ends, cost), "nearest": (field.km, ends, cost), "cheapest": (cost, ends)}[wanted.order]
    best = sorted(zip(*(key.tolist() for key in keys), (table.ids[row] for row in rows), range(len(rows)), strict=True))
    once = dict[int, int]()
    for *_, at in best:
        once.setdefault(rows[at], at)
        if len(once) == wanted.limit:
            break
    return np.array([*once.values()], np.intp)
