"""A document may ask for so much and no more, and deciding that takes one step for each selection."""

import pytest
from graphql import build_schema, get_introspection_query, parse

from libs.graphql import limits
from libs.graphql.documents import Refusal, prepare

LEAF = "{ __typename }"
SCHEMA = build_schema("type Query { a: Query }")


def deep(levels: int) -> str:
    return "{ a " * levels + "}" * levels


def doubling(fragments: int) -> str:
    """Each fragment spreads the next one twice: 2 ** fragments fields when written out."""
    chain = [f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(fragments)]
    return "\n".join(["{ ...F0 }", *chain, f"fragment F{fragments} on Query {LEAF}"])


REFUSED = {
    "deep": (deep(16), "more than 15 levels of fields"),
    "deep by fragments": (
        "{ ...A } fragment A on Q " + deep(8).replace("a }", "a { ...B } }") + " fragment B on Q " + deep(8),
        "more than 15 levels of fields",
    ),
    "wide": ("{ " + " ".join(f"a{n}" for n in range(501)) + " }", "more than 500 fields"),
    "aliases": ("{ " + " ".join(f"a{n}: a" for n in range(51)) + " }", "more than 50 aliases"),
    "aliases by fragments": (
        "{ ...A ...A ...A } fragment A on Q { " + " ".join(f"a{n}: a" for n in range(20)) + " }",
        "more than 50 aliases",
    ),
    "doubling fragments": (doubling(40), "more than 500 fields"),
    "the same field again and again": ("{ " + "a { b } " * 30 + "}", "more than 20 times"),
    "many fragments side by side": ("{ " + "...A " * 30 + "} fragment A on Q { a }", "more than 20 times"),
    "a fragment in itself": ("{ ...A } fragment A on Q { a { ...B } } fragment B on Q { ...A }", "contains itself"),
    "fragments in fragments": (
        "{ ...F0 } " + " ".join(f"fragment F{n} on Q {{ ...F{n + 1} }}" for n in range(90)),
        "nested deeper",
    ),
    "too deep to be parsed": (deep(500), "nested too deeply"),
    "nested lists": ("{ a(b: " + "[" * 900 + "]" * 900 + ") }", "nested too deeply"),
    "too many tokens": ("{ " + "a " * 3_000 + "}", "more than 2000 tokens"),
    "too long": ("{ a } #" + "x" * 20_000, "longer than 20000 characters"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_asks_for_too_much_is_refused_with_a_reason(case: str) -> None:
    document, reason = REFUSED[case]
    with pytest.raises(Refusal) as refusal:
        prepare(SCHEMA, document)
    assert reason in refusal.value.errors[0].message


def steps(document: str) -> int:
    measure = limits.Measure(parse(document))
    measure.of(measure.operations[0].selection_set, 0)
    return measure.steps


@pytest.mark.parametrize("fragments", [5, 10, 20, 40])
def test_deciding_takes_a_step_for_each_selection_however_often_fragments_are_spread(fragments: int) -> None:
    assert steps(doubling(fragments)) == 2 * fragments + 2


def test_sizes_are_those_of_the_document_written_out() -> None:
    measure = limits.Measure(parse("{ x: a { ...F ...F } b } fragment F on Q { c { y: d } ... on Q { e } }"))
    assert measure.of(measure.operations[0].selection_set, 0) == limits.Size(depth=3, fields=8, aliases=3)


@pytest.mark.parametrize(
    "document",
    [get_introspection_query(descriptions=True), "{ " + " ".join(f"a{n}: __typename" for n in range(50)) + " }"],
    ids=["the customary introspection", "just within"],
)
def test_what_is_within_the_limits_is_run_and_prepared_once(document: str) -> None:
    assert prepare(SCHEMA, document) is prepare(SCHEMA, document)


def test_a_document_of_another_schema_is_not_taken_for_prepared() -> None:
    prepare(SCHEMA, "{ a { __typename } }")
    with pytest.raises(Refusal):
        prepare(build_schema("type Query { b: Int }"), "{ a { __typename } }")
