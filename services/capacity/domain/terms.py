"""On which terms a workshop sells its time, and how the rules say no."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal
from uuid import UUID

MOST = 1_000_000
"""Of anything on one day, in a resource's unit."""
MOST_TO_PAY = 2**31 - 1
"""For a booking, in minor units: the largest Int that GraphQL carries."""
MOST_RUNGS = 20
MOST_INVITED = 1000


class Refused(Exception):  # noqa: N818 - what a workshop does, not a fault
    """The rules say no: a stable code for programs and a sentence for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def check_range(least: int, most: int, **named: int | None) -> None:
    """Refuse a number outside of a range, by its name; none is not told. Raises ValueError."""
    for name, number in named.items():
        if number is not None and not least <= number <= most:
            raise ValueError(f"{name} is from {least:,} to {most:,}")


@dataclass(frozen=True, slots=True)
class Money:
    """Minor units of an ISO 4217 currency."""

    amount: int
    currency: str = "EUR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """Of a cancellation ladder: what is owed, in percent of the price, when less than so many days are left."""

    days_before: int
    buyer_percent: int
    workshop_percent: int = 0


NOTHING_OWED = Rung(days_before=0, buyer_percent=0)


def rung_at(ladder: Sequence[Rung], days_left: int) -> Rung:
    """The rung that applies so many days before the first day of the work: the lowest above it."""
    return next((rung for rung in ladder if days_left < rung.days_before), NOTHING_OWED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a resource is sold. Quantities are in its unit, days are local days of its site.

    A price for each unit and, once, for setting up, in sum no less than the minimum charge; in multiples of a lot, and
    no less than the minimum quantity, but for samples where they are sold; from the days of notice on, and no further
    ahead than the window; with a deposit in percent of the price, and a ladder for who cancels. `public` is sold to
    everybody, `invited` is seen by everybody and sold to the invited alone, `private` is seen by the invited alone.
    Where approval is by hand, the workshop answers a proposal within so many hours. Where material is asked for, it is
    in house so many days before the first day of the work, or the booking lapses.
    Of each day one party may have `party_percent`, and `newcomers_percent` are kept for firms new to the platform.
    """

    price_per_unit: Money
    setup_price: Money
    minimum_quantity: int = 1
    notice_days: int = 0
    minimum_charge: Money | None = None
    lot_multiple: int = 1
    window_days: int | None = None
    deposit_percent: int = 0
    cancellation: list[Rung] = field(default_factory=list)
    visibility: Literal["public", "invited", "private"] = "public"
    invited: list[UUID] = field(default_factory=list)
    samples: bool = False
    approval: Literal["automatic", "by_hand"] = "automatic"
    answer_hours: int = 48
    material_days: int | None = None
    party_percent: int | None = None
    newcomers_percent: int = 0

    def __post_init__(self) -> None:
        self._check_prices()
        self._check_ladder()
        check_range(1, MOST, minimum_quantity=self.minimum_quantity, lot_multiple=self.lot_multiple)
        check_range(0, 366, notice_days=self.notice_days)
        if self.window_days is not None and not self.notice_days <= self.window_days <= 1100:
            raise ValueError("window_days is from notice_days to 1,100")
        if self.material_days is not None and not 0 <= self.material_days <= self.notice_days:
            raise ValueError("material_days is from 0 to notice_days")
        check_range(1, 336, answer_hours=self.answer_hours)
        if len(self.invited) > MOST_INVITED or (self.invited and self.visibility == "public"):
            raise ValueError(f"at most {MOST_INVITED} are invited, and only to what is invited or private")
        check_range(1, 100, party_percent=self.party_percent)
        check_range(0, 100, newcomers_percent=self.newcomers_percent)

    def _check_prices(self) -> None:
        prices = [self.price_per_unit, self.setup_price, *([self.minimum_charge] if self.minimum_charge else [])]
        if not all(0 <= price.amount <= 10**9 and price.currency == prices[0].currency for price in prices):
            raise ValueError("all prices are in one currency, from 0 to 1,000,000,000 minor units")
        if not re.fullmatch("[A-Z]{3}", prices[0].currency):
            raise ValueError("a currency is three capital letters, e.g. EUR")

    def _check_ladder(self) -> None:
        rungs = self.cancellation
        shares = [self.deposit_percent, *(part for one in rungs for part in (one.buyer_percent, one.workshop_percent))]
        if not all(0 <= share <= 100 for share in shares):
            raise ValueError("deposit_percent and the percents of a cancellation ladder are from 0 to 100")
        if len(rungs) > MOST_RUNGS or not all(1 <= rung.days_before <= 366 for rung in rungs):
            raise ValueError(f"a cancellation ladder has up to {MOST_RUNGS} rungs, each of 1 to 366 days before")
        if not all(_climbs(near, far) for near, far in pairwise(rungs)):
            raise ValueError("a cancellation ladder climbs: each rung is of more days, and of no higher percents")

    @property
    def is_shared_out(self) -> bool:
        """Whether its days are sold in shares."""
        return self.party_percent is not None or self.newcomers_percent > 0

    def cost(self, quantity: int) -> int:
        """What so many units cost, in minor units."""
        least = self.minimum_charge.amount if self.minimum_charge else 0
        return max(least, self.setup_price.amount + self.price_per_unit.amount * quantity)

    def least_for(self, quantity: int) -> int:
        """The least that is sold to who needs so many units: whole lots, and the minimum."""
        return -(-max(quantity, self.minimum_quantity) // self.lot_multiple) * self.lot_multiple


def _climbs(near: Rung, far: Rung) -> bool:
    cheaper = far.buyer_percent <= near.buyer_percent and far.workshop_percent <= near.workshop_percent
    return near.days_before < far.days_before and cheaper


def percent_of(amount: Money, percent: int) -> Money:
    """A share, to the nearest minor unit, half up."""
    return Money((amount.amount * percent + 50) // 100, amount.currency)
