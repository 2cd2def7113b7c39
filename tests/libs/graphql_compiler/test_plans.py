"""What is compiled is kept, within a bound; what is not is counted with its reason, and right all the same."""

from typing import Any

import pytest
from graphql import ExecutionResult, build_schema, execute, parse
from graphql.pyutils import AbortController

from libs.graphql_compiler import CompiledExecutor, Plans

SCHEMA = build_schema("type Query { a: String b: [Query] }")
ROOT: dict[str, Any] = {"a": "a", "b": [{"a": "x"}]}


@pytest.fixture
def compiling() -> type[CompiledExecutor]:
    class Own(CompiledExecutor):
        plans = Plans(most=2)

    return Own


def answer(executor: type[CompiledExecutor], document: Any, **more: Any) -> Any:
    result = execute(SCHEMA, document, ROOT, executor_class=executor, **more)
    assert isinstance(result, ExecutionResult)
    return result.data


def test_a_document_is_compiled_once(compiling: type[CompiledExecutor]) -> None:
    document = parse("query One { a } query Two { b { a } }")
    for _ in range(3):
        assert answer(compiling, document, operation_name="One") == {"a": "a"}
        assert answer(compiling, document, operation_name="Two") == {"b": [{"a": "x"}]}
    assert compiling.plans.compiled == 2


def test_the_one_used_longest_ago_is_forgotten(compiling: type[CompiledExecutor]) -> None:
    first, second, third = (parse(text) for text in ("{ a }", "{ x: a }", "{ y: a }"))
    for document in (first, second, first, third, first):
        answer(compiling, document)
    assert compiling.plans.compiled == 3
    answer(compiling, second)
    assert compiling.plans.compiled == 4


def test_an_operation_with_other_fragments_is_another(compiling: type[CompiledExecutor]) -> None:
    document = parse("{ ...F } fragment F on Query { a }")
    other = parse("{ ...F } fragment F on Query { b { a } }")
    [operation, _] = document.definitions
    mixed = type(document)(definitions=(operation, other.definitions[1]))
    assert [answer(compiling, one) for one in (document, mixed, document)] == [
        {"a": "a"},
        {"b": [{"a": "x"}]},
        {"a": "a"},
    ]


def test_what_is_not_compiled_is_counted() -> None:
    class Own(CompiledExecutor):
        plans = Plans(most_places=2)

    answer(Own, parse("{ a }"), abort_signal=AbortController().signal)
    answer(Own, parse("{ a }"), field_resolver=lambda *_: "b")
    answer(Own, parse("{ a }"), middleware=[lambda next_, *given: next_(*given)])
    answer(Own, parse("query @experimental_disableErrorPropagation { a }"))
    large = parse("{ a b { a } }")
    assert answer(Own, large) == answer(Own, large) == {"a": "a", "b": [{"a": "x"}]}
    assert Own.plans.fallbacks == {
        "an abort signal": 1,
        "a field resolver": 1,
        "middleware": 1,
        "no error propagation": 1,
        "too large": 2,
    }


def test_incremental_delivery_is_left_to_graphql_core(compiling: type[CompiledExecutor]) -> None:
    document = parse("{ a ... @defer(if: false) { b { a } } }")
    assert answer(compiling, document) == {"a": "a", "b": [{"a": "x"}]}
    assert compiling.plans.fallbacks == {"@defer or @stream": 1}
