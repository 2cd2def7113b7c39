"""The checker of histories is not taken on trust: it must refuse what cannot have been, and agree with brute force."""

from collections.abc import Sequence
from itertools import permutations, product
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.services.capacity.linear import Did, Free, Op, buckets, is_linearizable

History = list[Op[Did]]


def took(*quantities: int) -> Did:
    return Did(quantities, "granted")


def gave(*quantities: int) -> Did:
    return Did(quantities, "released")


def refused(*quantities: int, free: int) -> Did:
    return Did(quantities, free)


def unheard(*quantities: int) -> Did:
    return Did(quantities, "unheard")


IMPOSSIBLE: dict[str, History] = {
    "two have what is there for one": [Op(0, 3, took(60)), Op(1, 4, took(60))],
    "sold out, and sold again later": [Op(0, 1, took(100)), Op(2, 3, took(1))],
    "refused, though there was room all the time": [Op(0, 1, took(40)), Op(2, 3, refused(50, free=60))],
    "refused for what was never left": [Op(0, 1, took(40)), Op(2, 3, refused(80, free=50))],
    "a stale look": [Op(0, 1, took(100)), Op(2, 3, gave(100)), Op(4, 5, refused(10, free=0))],
    "taken before it was given back": [Op(0, 1, took(100)), Op(2, 3, took(50)), Op(4, 5, gave(100))],
    "a lost update": [Op(0, 1, took(30)), Op(2, 3, took(30)), Op(4, 5, refused(80, free=70))],
    "two refusals between which a hold vanished": [
        Op(0, 10, took(30)),
        Op(0, 10, took(20)),
        Op(1, 2, refused(90, free=70)),
        Op(3, 4, refused(90, free=80)),
    ],
    "nobody heard of it, and it happened twice": [
        Op(0, inf, unheard(30)),
        Op(1, 2, refused(90, free=70)),
        Op(3, 4, refused(90, free=40)),
    ],
    "nobody heard of it, and it happened and did not": [
        Op(0, inf, unheard(30)),
        Op(1, 2, refused(101, free=70)),
        Op(3, 4, refused(101, free=100)),
    ],
    "it happened before it was asked for": [Op(0, 1, refused(101, free=70)), Op(2, inf, unheard(30))],
    "half a hold": [Op(0, 1, took(100, 0)), Op(2, 3, refused(1, 60, free=0)), Op(4, 5, refused(0, 90, free=40))],
    "one of two buckets forgotten": [Op(0, 1, took(50, 50)), Op(2, 3, refused(0, 60, free=50)), Op(4, 5, took(60, 0))],
}
POSSIBLE: dict[str, History] = {
    "nothing happened": [],
    "one after another": [Op(0, 1, took(100)), Op(2, 3, refused(1, free=0)), Op(4, 5, gave(100)), Op(6, 7, took(1))],
    "the later call came first": [Op(0, 5, refused(50, free=40)), Op(1, 4, took(60))],
    "a refusal between two that overlap": [Op(0, 9, took(30)), Op(0, 9, took(20)), Op(1, 2, refused(90, free=80))],
    "nobody heard of it, and it happened": [Op(0, inf, unheard(30)), Op(5, 6, refused(90, free=70))],
    "nobody heard of it, and it never happened": [Op(0, inf, unheard(30)), Op(5, 6, took(100))],
    "nobody heard of it, and it happened late": [
        Op(0, inf, unheard(30)),
        Op(1, 2, refused(101, free=100)),
        Op(3, 4, refused(101, free=70)),
    ],
    "all or nothing": [Op(0, 1, took(100, 0)), Op(2, 3, refused(1, 60, free=0)), Op(4, 5, took(0, 100))],
}


def start(history: Sequence[Op[Did]]) -> Free:
    return (100,) * len(history[0].did.quantities if history else ())


@pytest.mark.parametrize("what", IMPOSSIBLE)
def test_a_history_that_cannot_have_been_is_refused(what: str) -> None:
    assert not is_linearizable(IMPOSSIBLE[what], start(IMPOSSIBLE[what]), buckets)


@pytest.mark.parametrize("what", POSSIBLE)
def test_a_history_that_can_have_been_is_accepted(what: str) -> None:
    assert is_linearizable(POSSIBLE[what], start(POSSIBLE[what]), buckets)


def by_brute_force(history: History, free: Free) -> bool:
    """Every order of every choice of what nobody heard of."""
    heard = [op for op in history if op.returned < inf]
    choices = product(*([[], [op]] for op in history if op.returned == inf))
    return any(
        is_in_time(order) and explains(order, free)
        for choice in choices
        for order in permutations([*heard, *(op for one in choice for op in one)])
    )


def is_in_time(order: Sequence[Op[Did]]) -> bool:
    return all(earlier.called <= later.returned for n, earlier in enumerate(order) for later in order[n:])


def explains(order: Sequence[Op[Did]], free: Free) -> bool:
    for op in order:
        after = buckets(free, op.did)
        if not after:
            return False
        [free] = after
    return True


PAIR = st.tuples(st.integers(0, 3), st.integers(0, 3))
DID = st.one_of(st.builds(Did, PAIR, st.sampled_from(["granted", "released"])), st.builds(Did, PAIR, st.integers(0, 3)))
HEARD = st.builds(lambda called, took, did: Op(called, called + took, did), st.integers(0, 9), st.integers(1, 6), DID)
UNHEARD = st.builds(lambda called, pair: Op(called, inf, unheard(*pair)), st.integers(0, 9), PAIR)


@given(st.lists(st.one_of(HEARD, HEARD, UNHEARD), max_size=5))
def test_the_search_says_what_trying_every_order_says(history: History) -> None:
    assert is_linearizable(history, (3, 3), buckets) == by_brute_force(history, (3, 3))
