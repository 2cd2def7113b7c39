"""Was a concurrent history possible, had its operations happened one after another, each at one instant between its
call and its return?

The search of Wing and Gong (Testing and Verifying Concurrent Objects, 1993) with Lowe's memory of what was tried in
vain (Testing for Linearizability, 2017). Holds that span buckets make these one object: all or nothing is part of what
is checked.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from math import inf
from operator import add, sub
from typing import Generic, Literal, TypeVar

S = TypeVar("S", bound=Hashable)
D = TypeVar("D")


@dataclass(frozen=True)
class Op(Generic[D]):
    """Something done between two instants of one clock. If nobody heard how it ended, it returned at infinity: it may
    have happened at any time since, or not at all."""

    called: float
    returned: float
    did: D


Step = Callable[[S, D], Iterable[S]]
"""The states that doing this in a state may lead to: none, if it cannot have ended as it did."""


def is_linearizable(history: Sequence[Op[D]], start: S, step: Step[S, D]) -> bool:
    """Whether some order of these operations, which keeps what ended before another began, explains how each ended."""
    ops = sorted(history, key=lambda op: op.returned)
    heard = frozenset(number for number, op in enumerate(ops) if op.returned < inf)
    seen = {(frozenset(range(len(ops))), start)}
    to_try = list(seen)
    while to_try:
        left, state = to_try.pop()
        if not left & heard:
            return True
        after = [(left - {number}, then) for number in _next(ops, left) for then in step(state, ops[number].did)]
        # What changed nothing may as well have been first: no other choice has to be looked at.
        unchanged = [one for one in after if one[1] == state]
        new = [one for one in unchanged[:1] or after if one not in seen]
        seen.update(new)
        to_try += reversed(new)
    return False


def _next(ops: Sequence[Op[D]], left: frozenset[int]) -> list[int]:
    """Those of what is left that may have been first: they were called before any other had returned."""
    first_return = ops[min(left)].returned
    return [number for number in sorted(left) if ops[number].called <= first_return]


# --- holds -----------------------------------------------------------------------------------------------------------

Free = tuple[int, ...]
"""What is free of each bucket."""


@dataclass(frozen=True)
class Did:
    """So much of each bucket was asked for, or given back. An outcome that is a number: refused, since only so much was
    free of the first bucket that had too little."""

    quantities: Free
    outcome: Literal["granted", "released", "unheard"] | int


def buckets(free: Free, did: Did) -> list[Free]:
    """What buckets do: give all that a hold asks for, or nothing."""
    if did.outcome == "released":
        return [tuple(map(add, free, did.quantities))]
    lacking = next((has for has, asked in zip(free, did.quantities, strict=True) if has < asked), None)
    if lacking is not None:
        return [free] if did.outcome == lacking else []
    return [tuple(map(sub, free, did.quantities))] if did.outcome in ("granted", "unheard") else []
