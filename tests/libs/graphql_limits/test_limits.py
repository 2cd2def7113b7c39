"""A document may ask for so much and no more, and deciding that takes a number of steps that its length bounds."""

import sys
from typing import Any

import pytest
from graphql import build_schema, parse
from hypothesis import example, given
from hypothesis import strategies as st

from libs.graphql_limits import documents, limits
from libs.graphql_limits.documents import Refusal, points, prepare
from tests.libs.graphql_limits.hostile import ANSWERED, LEAF, REFUSED, doubling

SCHEMA = build_schema("""
    type Query { a: Query search(first: Int = 20): Found parties(first: Int = 20, name: String): PartyConnection }
    type Found { windows: [Line] }
    type PartyConnection { edges: [PartyEdge!]! pageInfo: PageInfo! }
    type PartyEdge { cursor: String! node: Party! }
    type PageInfo { endCursor: String }
    type Party { id: ID! name: String kind: String version: Int tags: [String] address: Address
      sites(first: Int = 20): SiteConnection days(from: String, days: Int = 14): [Day] lines: [Line] }
    type SiteConnection { edges: [SiteEdge] }
    type SiteEdge { node: Party }
    type Address { street: String }
    type Day { free: Int }
    type Line { price: Address }
    type Mutation { place(name: String): Party }
""")
MOST_CALLS = 450_000
"""Calls of functions, Python's and C's, that preparing a document may take: about 40 ms (bench/documents.py)."""


def told(document: str) -> str:
    """Why a document is refused, or nothing."""
    try:
        prepare(SCHEMA, document)
    except Refusal as refusal:
        return refusal.errors[0].message
    return ""


def calls(document: str) -> int:
    """How many calls of functions it takes to prepare a document, or to refuse it."""
    made = 0

    def count(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal made
        made += event in ("call", "c_call")

    documents._prepared.cache_clear()
    sys.setprofile(count)
    try:
        told(document)
    finally:
        sys.setprofile(None)
    return made


@pytest.mark.parametrize("case", REFUSED)
def test_what_asks_for_too_much_is_refused_with_a_reason(case: str) -> None:
    document, reason = REFUSED[case]
    assert reason in told(document)


@pytest.mark.parametrize("case", REFUSED)
def test_refusing_takes_little_work(case: str) -> None:
    assert calls(REFUSED[case][0]) < MOST_CALLS


@pytest.mark.parametrize("case", ANSWERED)
def test_what_is_within_the_limits_is_prepared_with_little_work_and_once(case: str) -> None:
    assert calls(ANSWERED[case]) < MOST_CALLS
    assert prepare(SCHEMA, ANSWERED[case]) is prepare(SCHEMA, ANSWERED[case])


_PIECES = [
    "{ ",
    "} ",
    "a ",
    "a: a ",
    "...F ",
    "... on Query ",
    "fragment F on Query ",
    "@skip(if: true) ",
    "[",
    "]",
    "(",
]
_PIECES += [
    ") ",
    '"',
    '"""',
    "#",
    "\n",
    "\\",
    "$v: ",
    "query ",
    "parties(first: 9) ",
    "1",
    "é",
    "\0",
    "\ud800",
    "{ a } ",
]


@given(st.lists(st.tuples(st.sampled_from(_PIECES), st.integers(1, 400)), max_size=40))
@example([("{ a ", 99), ("} ", 99)])
def test_any_text_is_answered_or_refused_with_little_work(pieces: list[tuple[str, int]]) -> None:
    assert calls("".join(text * count for text, count in pieces)[:100_000]) < MOST_CALLS


@pytest.mark.parametrize("levels", [5, 10, 20, 40])
def test_deciding_takes_a_step_for_each_selection_however_often_fragments_are_spread(levels: int) -> None:
    measure = limits.Measure(SCHEMA, parse(doubling(levels)))
    try:
        measure.size(measure.operations[0])
    except limits.TooMuch:
        assert levels > 5
    assert measure.steps <= 2 * levels + 2


def test_sizes_are_those_of_the_document_written_out() -> None:
    text = "query @d { x: a { ...F @d ...F } b } fragment F on Q @d { c { y: d } ... on Q @d { e } }"
    measure = limits.Measure(SCHEMA, parse(text))
    size = measure.size(measure.operations[0])
    assert (size.depth, size.fields, size.aliases, size.directives, size.spreads) == (3, 8, 3, 6, 4)


COSTS = {
    "{ __typename }": 1,
    "{ a { __typename } }": 1,
    "{ parties(first: 3) { pageInfo { endCursor } } }": 3 * (1 + 1),
    "{ parties(first: 3) { edges { cursor node { id address { street } } } } }": 3 * (1 + 1 + 1 + 1),
    "{ parties { edges { cursor } } }": 20 * (1 + 1),
    "{ parties(first: 2) { edges { node { tags days(days: 30) { free } } } } }": 2 * (1 + 1 + 1 + 30),
    "{ parties(first: 2) { edges { node { lines { price { street } } } } } }": 2 * (1 + 1 + 1 + 10 * 2),
    "{ parties(first: 2) { edges { node { sites(first: 5) { edges { node { id } } } } } } }": 2 * (3 + 5 * 3),
    "{ search(first: 3) { windows { price { street } } } }": 3 * (1 + 2),
    "query($n: Int!) { parties(first: $n) { edges { cursor } } }": 7 * 2,
    "query($d: Int = 4) { parties(first: $d) { edges { cursor } } }": 4 * 2,
    "query($m: Int) { parties(first: $m) { edges { cursor } } }": 20 * 2,
    "{ ...F ...F } fragment F on Query { parties(first: 3) { edges { cursor } } }": 12,
    "mutation { place { id } }": 11,
    "{ __schema { types { name } } }": 100,
    "{ parties(first: 1000000) { edges { cursor } } }": 100 * 2,
    "{ parties(first: -5) { edges { cursor } } }": 2,
}


@pytest.mark.parametrize("document", COSTS)
def test_an_operation_costs_a_point_for_each_object_that_its_answer_may_hold(document: str) -> None:
    assert points(SCHEMA, document, {"n": 7}, None) == COSTS[document]


@pytest.mark.parametrize(
    ("given", "size"), [(9.0, 9), (100.0, 100), (1e300, 100), (9.5, 100), ("9", 100), (None, 100), ([9], 100)]
)
def test_a_size_is_paid_as_what_it_is_coerced_to_and_nonsense_as_the_most(given: Any, size: int) -> None:
    document = "query($n: Int!) { parties(first: $n) { edges { cursor } } }"
    assert points(SCHEMA, document, {"n": given}, None) == size * 2


def test_of_several_operations_the_one_that_is_named_is_paid() -> None:
    document = "query A { __typename } query B { parties(first: 5) { edges { cursor } } }"
    assert [points(SCHEMA, document, {}, name) for name in ("A", "B", None, "C")] == [1, 10, 1, 1]


def test_an_operation_that_costs_too_much_is_refused_whatever_its_variables_are_called() -> None:
    document = "query($n: Int) { parties(first: $n) { edges { node { sites(first: $n) { edges { node { id } } } } } } }"
    assert points(SCHEMA, document, {"n": 40}, None) == 40 * (3 + 40 * 3)
    for asked in (100, 10**30):
        with pytest.raises(Refusal) as refusal:
            points(SCHEMA, document, {"n": asked}, None)
        assert refusal.value.errors[0].extensions == {"code": "TOO_MUCH"}


def test_what_is_not_known_is_not_suggested() -> None:
    assert told("{ partie { id } }") == "Cannot query field 'partie' on type 'Query'."


def test_a_document_of_another_schema_is_not_taken_for_prepared() -> None:
    prepare(SCHEMA, f"{{ a {LEAF} }}")
    with pytest.raises(Refusal):
        prepare(build_schema("type Query { b: Int }"), f"{{ a {LEAF} }}")
