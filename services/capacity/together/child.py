"""The pass, in a process of its own: lots come in, better plans go out. Started by `optimiser.py` alone."""

import os
import pickle
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from services.capacity.promise.plan import Plan
from services.capacity.together.lots import Lot, Move
from services.capacity.together.model import task
from services.capacity.together.retrace import retrace
from services.capacity.together.score import scored

FOR_SOLVING = 0.6
"""Of the time; what is left is for planning the orders found by the rules, the latest first: by what is modelled they
are the best, by the rules often not."""


@dataclass(frozen=True)
class Given:
    """What is to be improved, and for how long."""

    lots: Sequence[Lot]
    plans: Sequence[Plan]
    moves: Sequence[Move]
    seconds: float


def improve(given: Given) -> list[Plan] | None:
    """Plans that are better than those given, or as good and cheaper; none if none were found."""
    from services.capacity.together.solve import solve

    best, found = _rank(given.lots, given.plans), None
    until = time.monotonic() + given.seconds
    orders = solve(task(given.lots, given.plans, given.moves), given.seconds * FOR_SOLVING)
    for order in dict.fromkeys(map(tuple, reversed(orders))):
        plans = retrace(given.lots, order)
        if plans and (rank := _rank(given.lots, plans)) < best:
            best, found = rank, plans
        if time.monotonic() > until:
            break
    return found


def _rank(lots: Sequence[Lot], plans: Sequence[Plan]) -> tuple[tuple[int, ...], int]:
    return scored([lot.question for lot in lots], lots[0].first_day, plans), sum(plan.price for plan in plans)


if __name__ == "__main__":
    os.nice(10)  # whoever asks for one lot does not wait for this
    lots = pickle.load(sys.stdin.buffer)  # noqa: S301 - from our own parent, through a pipe that nobody else has
    pickle.dump(improve(lots), sys.stdout.buffer)
