"""On which terms a workshop sells its time, and how the rules say no."""

import re
from dataclasses import dataclass

MOST = 1_000_000
"""Of anything on one day, in a resource's unit."""
MOST_TO_PAY = 2**31 - 1
"""For a booking, in minor units: the largest Int that GraphQL carries."""


class Refused(Exception):  # noqa: N818 - what a workshop does, not a fault
    """The rules say no: a stable code for programs and a sentence for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True, slots=True)
class Money:
    """Minor units of an ISO 4217 currency."""

    amount: int
    currency: str = "EUR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Prices for a unit of time and, once, for setting up; the least that is sold, in units; days of notice."""

    price_per_unit: Money
    setup_price: Money
    minimum_quantity: int = 1
    notice_days: int = 0

    def __post_init__(self) -> None:
        prices = (self.price_per_unit, self.setup_price)
        if not all(0 <= price.amount <= 10**9 and price.currency == prices[0].currency for price in prices):
            raise ValueError("both prices are in one currency, from 0 to 1,000,000,000 minor units")
        if not re.fullmatch("[A-Z]{3}", prices[0].currency):
            raise ValueError("a currency is three capital letters, e.g. EUR")
        if not (1 <= self.minimum_quantity <= MOST and 0 <= self.notice_days <= 366):
            raise ValueError(f"minimum_quantity is from 1 to {MOST:,}, notice_days from 0 to 366")
