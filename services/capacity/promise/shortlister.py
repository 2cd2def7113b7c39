"""Which resources an operation looks at: of thousands the few that can be among the best.

For each operation those that would be done with it first, the cheapest, the nearest to the place of delivery, and those
beside the shortlist of the operation planned before it. "First" is looked at twice: as if the lot never travelled so
far, and as if it had travelled before each operation.
"""

from collections.abc import Iterable, Mapping
from functools import cached_property
from itertools import pairwise
from uuid import UUID

import numpy as np
import numpy.typing as npt

from services.capacity.domain.search import Valid
from services.capacity.domain.terms import Refused
from services.capacity.promise.free import Free
from services.capacity.promise.hours import DAY, SPAN, Flags, Hours, Longs
from services.capacity.promise.question import Operation, Question, Sold, Tool
from services.capacity.promise.shortlist import Shortlist, ToolSet, least_for
from services.capacity.promise.works import roughly
from services.capacity.search.offers import FIGURES, Floats, Offers

EARLY, CHEAP, NEAR, BESIDE = 5, 6, 6, 4
"""Of each kind so many are looked at, and one beside each of so many."""
_TRIP = 5000
"""Metres that a lot is taken to have travelled before an operation."""

Rows = npt.NDArray[np.intp]
Sellers = Mapping[Sold, Offers]
"""Who sells it; what nobody sells may be missing."""


def begin(question: Question, hours: Hours) -> int:
    """When the planner begins: the goods are wanted or the material is there, in its direction."""
    return hours.opens + (0 if question.backward else question.first_day * DAY + hours.late)


class Market:
    """All who sell a process, over the days of a question and in the planner's direction; with `valid`, those who are
    qualified, and as if they were from their first such day to their last: of the days between, `free` knows."""

    def __init__(self, offers: Offers, question: Question, hours: Hours, valid: Valid | None = None) -> None:
        self.offers, self._hours = offers, hours
        self.known = ~np.isnan(offers.latitude) & offers.sold_to(question.party)
        opens, closed = offers.opens.astype(np.int64), offers.closes.astype(np.int64) + 1
        self._spans = _spans(offers, valid) if valid is not None else {}
        if valid is not None:
            self.known &= np.isin(np.arange(len(offers)), [*self._spans])
            for row, spans in self._spans.items():
                opens[row], closed[row] = max(opens[row], spans[0][0]), min(closed[row], spans[-1][1])
        self._opens = np.clip(opens, question.first_day, hours.days)
        self._closed = np.maximum(np.clip(closed, 0, hours.days), self._opens)
        rows = np.arange(len(offers))
        self._least, self._most = (offers.cumulative[rows, day].astype(np.int64) for day in (self._opens, self._closed))
        if question.without:
            refuses = (key in question.without for key in offers.ids[: len(offers)])
            self.known &= ~np.fromiter(refuses, np.bool_, len(offers))

    def before(self, day: int) -> Longs:
        """What is free before a day."""
        if self._hours.mirrored:
            return self._after(self._hours.days) - self._after(self._hours.days - day)
        return self._after(day)

    def _after(self, day: int) -> Longs:
        free: Longs = np.maximum(np.minimum(self.offers.cumulative[:, day], self._most), self._least) - self._least
        return free

    def reached(self, time: int) -> Longs:
        """As in Free."""
        day = min(time // DAY, self._hours.days - 1)
        before, late = self.before(day), self._hours.over(day)
        spent = max(min(time - day * DAY - self._hours.opens, SPAN) - late, 0)
        at: Longs = before - (-(self.before(day + 1) - before) * spent // (SPAN - late))
        return at

    def needs(self, operation: Operation, pieces: int) -> tuple[Longs | int, Longs]:
        """Minutes of the run of so many pieces at each, and what must be taken of it for them."""
        setup, runs = roughly(operation, self.offers.figures, pieces)
        return runs, least_for(self.offers.minimum, self.offers.lot, setup + runs)

    def free(self, rows: Longs) -> Longs:
        """What is free on each day."""
        before = self.offers.cumulative[rows, : self._hours.days + 1].astype(np.int64)
        days = before[:, 1:] - before[:, :-1]
        number = np.arange(self._hours.days)
        days[(number < self._opens[rows, None]) | (number >= self._closed[rows, None])] = 0
        for at, row in enumerate(rows.tolist()):
            for (_, lapses), (again, _) in pairwise(self._spans.get(row, ())):
                days[at, max(0, lapses) : max(0, again)] = 0
        return days[:, ::-1] if self._hours.mirrored else days


def _spans(offers: Offers, valid: Valid) -> dict[int, list[tuple[int, int]]]:
    """Row -> spans of days, in their order: the first, and the one after the last."""
    found = ((row, valid[key]) for row, key in enumerate(offers.workshops[: len(offers)]) if valid.get(key))
    day_0 = offers.first_day.toordinal()
    return {
        row: sorted((first.toordinal() - day_0, last.toordinal() + 1 - day_0) for first, last in spans)
        for row, spans in found
    }


class Shortlister:
    """Makes the shortlists of a question, in the order in which the planner goes through its operations."""

    def __init__(self, question: Question, sellers: Sellers, hours: Hours) -> None:
        self._question, self._hours = question, hours
        self._markets = {sold: Market(sellers[sold], question, hours) for sold in question.sold & sellers.keys()}
        self._times = (begin(question, hours),) * 2
        self._last: Shortlist | None = None

    def next(self, operation: Operation) -> Shortlist:
        """Raises Refused if nobody can do it."""
        market = self._market(operation)
        able = self._able(market, operation) if market else np.zeros(0, np.bool_)
        if market is None or not able.any():
            raise Refused("NOT_OFFERED", nobody(operation, with_tools=market is not None and bool(len(market.offers))))
        shared = self._shared(operation)
        runs, needs = market.needs(operation, shared)
        least = (runs, needs) if shared == self._question.pieces else market.needs(operation, 1)
        fits = np.flatnonzero(able & self._fits(market, *least))
        if not len(fits):
            raise Refused("NO_CAPACITY", _no_room(operation, self._question.pieces))
        rows = np.unique(np.concatenate([*self._first(market, needs, fits), *self._best(market, needs, fits)]))
        self._last = self._shortlist(market, operation, rows)
        self._go_on(self._last, needs[rows])
        return self._last

    def named(self, operation: Operation, ids: Iterable[UUID]) -> Shortlist:
        """The shortlist of these resources, those that cannot do it left out."""
        market = self._market(operation)
        if market is None:
            raise Refused("NOT_OFFERED", nobody(operation))
        rows = {key: row for row, key in enumerate(market.offers.ids[: len(market.offers)])}
        able = self._able(market, operation)
        found = [rows[key] for key in ids if key in rows and able[rows[key]]]
        return self._shortlist(market, operation, np.array(found, np.int64))

    def _market(self, operation: Operation) -> Market | None:
        market = self._markets.get(operation.sold)
        if market is None or not operation.qualifications:
            return market
        valid = self._question.valid.get(operation.qualifications, {})
        return Market(market.offers, self._question, self._hours, valid)

    def _shared(self, operation: Operation) -> int:
        """Pieces for each, if the lot is shared by as many as may."""
        return -(-self._question.pieces // operation.split_over)

    def _fits(self, market: Market, runs: Longs | int, needs: Longs) -> Flags:
        """Who has room for what must be done in one place at least."""
        total = market.before(self._hours.days)
        return (total >= needs) & (total - market.reached(self._times[0]) >= runs)

    def _able(self, market: Market, operation: Operation) -> Flags:
        able = market.known
        for tool in operation.tools:
            sites = self._tool_sites(tool)
            able = able & np.fromiter((site in sites for site in market.offers.sites[: len(able)]), np.bool_, len(able))
        return able

    def _tool_sites(self, tool: Tool) -> dict[UUID, int]:
        """Site -> the cheapest tool set there."""
        if (market := self._markets.get(tool.sold)) is None:
            return {}
        offers, found = market.offers, dict[UUID, int]()
        for row in sorted(range(len(offers)), key=lambda row: (offers.price[row], offers.ids[row])):
            if market.known[row]:
                found.setdefault(offers.sites[row], row)
        return found

    def _first(self, market: Market, needs: Longs, fits: Rows) -> list[Rows]:
        return [_soonest(market, market.reached(time) + needs, fits, self._hours.days) for time in self._times]

    def _best(self, market: Market, needs: Longs, fits: Rows) -> list[Rows]:
        offers, place = market.offers, self._question.place
        cost = np.maximum(offers.least[fits], offers.setup[fits] + offers.price[fits] * needs[fits])
        where = offers.latitude[fits], offers.longitude[fits]
        near = _away(where, place.latitude, place.longitude)
        found = [fits[_least(cost, CHEAP)], fits[_least(near, NEAR)]]
        if self._last is not None:
            beside = zip(*(axis[:: max(1, len(axis) // BESIDE)] for axis in self._last.where), strict=True)
            found.append(fits[[_away(where, *spot).argmin() for spot in beside]])
        return found

    def _shortlist(self, market: Market, operation: Operation, rows: Longs) -> Shortlist:
        sets = [(tool, self._tool_sites(tool)) for tool in operation.tools]
        sites = [market.offers.sites[row] for row in rows]
        tools = [[self._tool_set(tool, found[site]) for tool, found in sets] for site in sites]
        return Shortlist(operation, market.offers, rows, market.free(rows), tools)

    def _tool_set(self, tool: Tool, row: int) -> ToolSet:
        market = self._markets[tool.sold]
        offers = market.offers
        quantity = int(least_for(offers.minimum[row], offers.lot[row], tool.quantity))
        free = market.free(np.array([row]))[0]
        price, setup = int(offers.price[row]) * quantity, int(offers.setup[row])
        return ToolSet(offers.ids[row], offers.workshops[row], offers.names[row], quantity, free, price, setup)

    def _go_on(self, shortlist: Shortlist, needs: Longs) -> None:
        """When the next operation may begin: never before the one time, hardly after the other."""
        free, rows = Free(self._hours, shortlist.cumulative), np.arange(len(needs))
        works, queue = shortlist.works, shortlist.operation.queue_minutes
        least = works.quickest() if self._overlaps else works.runs(self._shared(shortlist.operation))
        soon, late = (
            free.when(rows, free.reached(rows, np.array(time)) + work)
            for time, work in zip(self._times, (least, needs), strict=True)
        )
        end = self._hours.days * DAY - 1
        rested = int((late + (queue if self._hours.mirrored else works.elapsed)).min())
        moved = int(self._hours.arrives(np.array(rested), np.array(_TRIP)))
        self._times = min(int(soon.min()), end), min(moved, end)

    @cached_property
    def _overlaps(self) -> bool:
        """Whether any operation may begin before the one before it has ended."""
        batches = (market.offers.figures[FIGURES.index("batch")] for market in self._markets.values())
        return any(one.transfer_batch for one in self._question.routing) or any(batch.any() for batch in batches)


def _soonest(market: Market, worked: Longs, fits: Rows, days: int) -> Rows:
    """The rows that are first to have worked off so much; which of them is first of all is not looked at."""
    few, many = 0, days
    while few < many:  # the day by whose end enough are done
        day = (few + many) // 2
        enough = np.count_nonzero((market.before(day) >= worked)[fits]) >= EARLY
        few, many = (few, day) if enough else (day + 1, many)
    by_then, before = market.before(few), market.before(max(few - 1, 0))
    done = fits[(by_then >= worked)[fits]]
    today = np.maximum(by_then[done] - before[done], 1)
    return done[_least((worked[done] - before[done]) / today, EARLY)]


def _least(key: npt.NDArray[np.generic], most: int) -> Rows:
    """Where the least keys are, the first of them among equals."""
    if len(key) <= most:
        return np.arange(len(key))
    low = np.flatnonzero(key <= np.partition(key, most - 1)[most - 1])
    return low[np.argsort(key[low], kind="stable")[:most]]


def _away(where: tuple[Floats, Floats], latitude: float, longitude: float) -> Floats:
    """How far, in an order that is right; the number itself means nothing."""
    north = where[0] - np.float32(latitude)
    east = (where[1] - np.float32(longitude)) * np.float32(np.cos(np.radians(latitude)))
    return north * north + east * east


def nobody(operation: Operation, *, with_tools: bool = False) -> str:
    """Why an operation has no resource at all; `with_tools`: it has some, but none has its tools beside it."""
    if not with_tools or not operation.tools:
        return f"No workshop offers {operation.process} in this currency; ask for another process or currency."
    tools = " and ".join(tool.process for tool in operation.tools)
    return f"No workshop offers {operation.process} with {tools} at the same site; ask for another tool."


def _no_room(operation: Operation, pieces: int) -> str:
    lot = f"{operation.process} of {pieces} pieces"
    return f"No workshop has room for {lot} in these days; ask for fewer pieces, a later day, or a lot that is shared."
