"""A city as it was at one moment, and what is left of it while one lot after another takes its room."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from uuid import UUID

from services.capacity.promise.hours import Longs
from services.capacity.promise.plan import Plan, Takings
from services.capacity.promise.question import Sold
from services.capacity.promise.shortlister import Sellers
from services.capacity.search.offers import Offers


class City:
    """`whole`: as nobody of these lots has taken anything; `left`: without what they have taken."""

    def __init__(self, sellers: Sellers) -> None:
        self.whole: Sellers = {sold: _copy(offers) for sold, offers in sellers.items()}
        self.left: Sellers = self.whole
        self._rows = {sold: _rows(offers) for sold, offers in self.whole.items()}

    def take(self, taken: Takings) -> None:
        """From now on this is no longer free, whatever it is sold for."""
        days = defaultdict[UUID, dict[date, int]](dict)
        for (key, day), quantity in taken.items():
            days[key][day] = quantity
        self.left = {sold: self._less(sold, offers, days) for sold, offers in self.left.items()}

    def _less(self, sold: Sold, offers: Offers, taken: Mapping[UUID, Mapping[date, int]]) -> Offers:
        known = self._rows[sold]
        touched = [(known[key], days) for key, days in taken.items() if key in known]
        if not touched:
            return offers
        sums = offers.cumulative if offers is not self.whole[sold] else offers.cumulative.copy(order="F")
        for row, days in touched:
            for day, quantity in days.items():
                sums[row, (day - offers.first_day).days + 1 :] -= quantity
        return replace(offers, cumulative=sums)


def _copy(offers: Offers) -> Offers:
    """What a later change of the index does not touch; names and ids stay as they are for good."""
    return replace(
        offers,
        cumulative=offers.cumulative.copy(order="F"),
        **{name: getattr(offers, name).copy() for name in _COLUMNS},
        invited=offers.invited[: len(offers)],
        work=offers.work[: len(offers)],
    )


_NUMBERS = ("opens", "closes", "price", "setup", "minimum", "lot", "least", "visibility", "figures")
_COLUMNS = (*_NUMBERS, "latitude", "longitude")


def _rows(offers: Offers) -> dict[UUID, int]:
    return {key: row for row, key in enumerate(offers.ids[: len(offers)])}


def taken_together(plans: Iterable[Plan]) -> Takings:
    """What these plans take in sum, day by day."""
    found = Counter[tuple[UUID, date]]()
    for plan in plans:
        found.update(plan.taken())
    return dict(sorted(found.items(), key=lambda one: (one[0][1], one[0][0])))


def fits(rooms: Mapping[UUID, Longs], first_day: date, plans: Iterable[Plan]) -> bool:
    """Whether these plans together take no more than there is of each day."""
    taken = taken_together(plans).items()
    return all(key in rooms and quantity <= rooms[key][(day - first_day).days] for (key, day), quantity in taken)
