"""Was a history of very many holds possible? Their ledger's own events say in which order it did what: an order need
not be searched for, as in `linear.py`, but followed. Every operation must have happened between its call and its
return, and have ended as buckets in that state end it.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from tests.services.capacity.linear import Did, Free, Op, buckets


@dataclass(frozen=True)
class Event:
    """What the ledger did at an instant of the history's clock, in its own order; `change` is of what is free."""

    at: float
    claim: UUID
    happened: str
    change: Free


@dataclass(frozen=True)
class Asked:
    """What was asked for, and of which claim the answer was; nobody's, if nobody heard."""

    op: Op[Did]
    happened: str
    claim: UUID | None


class Witness:
    """The states of the buckets, in order. What an instant is known to, in seconds, is given."""

    def __init__(self, start: Free, events: Sequence[Event], known_to: float) -> None:
        self._known_to, self._events = known_to, sorted(events, key=lambda event: event.at)
        self._at = [event.at for event in self._events]
        self._when = {(event.claim, event.happened): event.at for event in self._events}
        self._states = [start]
        for event in self._events:
            self._states.append(tuple(map(sum, zip(self._states[-1], event.change, strict=True))))
        self._out_of_order = sum(_backwards(events, bucket) for bucket in range(len(start)))

    def faults(self, history: Iterable[Asked]) -> dict[str, int]:
        """How often each thing was found that no order explains."""
        outside = unexplained = unheard = 0
        heard: set[UUID] = set()
        for asked in history:
            if isinstance(asked.op.did.outcome, int):
                unexplained += not self._explains(asked.op)
            elif asked.claim is None:
                unheard += asked.happened == "hold_placed"
            else:
                outside += not self._is_within(asked)
                heard |= {asked.claim} if asked.happened == "hold_placed" else set()
        placed = {event.claim for event in self._events if event.happened == "hold_placed"}
        return {
            "states in which more is taken than there is": sum(min(state) < 0 for state in self._states),
            "events of a bucket out of order": self._out_of_order,
            "changes that were not between their call and their answer": outside,
            "refusals that no state explains": unexplained,
            "holds that nobody asked for": max(0, len(placed - heard) - unheard),
        }

    def _is_within(self, asked: Asked) -> bool:
        at = self._when.get((asked.claim, asked.happened)) if asked.claim else None
        return at is not None and asked.op.called - self._known_to <= at <= asked.op.returned + self._known_to

    def _explains(self, refused: Op[Did]) -> bool:
        first = bisect_left(self._at, refused.called - self._known_to)
        last = bisect_right(self._at, refused.returned + self._known_to)
        return any(buckets(state, refused.did) == [state] for state in self._states[first : last + 1])


def _backwards(events: Iterable[Event], bucket: int) -> int:
    """How often the ledger's order of a bucket's events is not that of their instants."""
    instants: Iterator[float] = (event.at for event in events if event.change[bucket])
    last, found = next(instants, 0.0), 0
    for at in instants:
        found += at < last
        last = at
    return found
