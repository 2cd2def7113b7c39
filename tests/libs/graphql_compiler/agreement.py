"""When two ways of executing agree.

`data` is always equal to the byte. So are the errors where nothing is awaited: the same, in the same order. Where
resolvers are awaited, the specification leaves open in which order errors come, and which of several is told from
inside of what became null: graphql-core tells what happened before it cancelled the rest, which depends on the event
loop. There we ask that the errors outside are the same, that the same places are null for an error from inside,
and that each error told from inside is one that graphql-core also tells when nothing is cancelled.
"""

import json
from collections import Counter
from dataclasses import replace
from typing import Any

from graphql import (
    DirectiveNode,
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    NameNode,
    OperationDefinitionNode,
    execute,
)

Told = tuple[str, tuple[Any, ...], tuple[Any, ...]]


async def run(schema: GraphQLSchema, document: DocumentNode, **more: Any) -> ExecutionResult:
    """Execute, and await what there is to await."""
    result = execute(schema, document, **more)
    return result if isinstance(result, ExecutionResult) else await result


def told(error: GraphQLError) -> Told:
    """What we compare of an error."""
    locations = tuple((one.line, one.column) for one in error.locations or ())
    return error.message, tuple(error.path or ()), locations


def agree(ours: ExecutionResult, theirs: ExecutionResult, every: set[Told] | None) -> None:
    """Assert that two results agree; `every`: whatever can be told, None where nothing is awaited."""
    assert json.dumps(ours.data) == json.dumps(theirs.data)
    if every is None:
        assert [told(one) for one in ours.errors or ()] == [told(one) for one in theirs.errors or ()]
        return
    outside, inside = _sorted(ours)
    outside_theirs, inside_theirs = _sorted(theirs)
    assert outside == outside_theirs
    assert inside.keys() == inside_theirs.keys()
    possible = every | {told(one) for one in theirs.errors or ()}
    assert {one for errors in inside.values() for one in errors} <= possible


def _sorted(result: ExecutionResult) -> tuple[Counter[Told], dict[tuple[Any, ...], list[Told]]]:
    """The errors of what is there, and those from inside of what is null, by where that is."""
    outside: Counter[Told] = Counter()
    inside: dict[tuple[Any, ...], list[Told]] = {}
    for error in map(told, result.errors or ()):
        null = _null_above(result.data, error[1])
        if null is None:
            outside[error] += 1
        else:
            inside.setdefault(null, []).append(error)
    return outside, inside


def _null_above(data: Any, path: tuple[Any, ...]) -> tuple[Any, ...] | None:
    for at, key in enumerate(path):
        if data is None:
            return path[:at]
        data = data[key]
    return None


def without_propagation(document: DocumentNode) -> DocumentNode:
    """The same document, its errors told where they are, with nothing around them cancelled."""
    off = DirectiveNode(name=NameNode(value="experimental_disableErrorPropagation"), arguments=())
    parts = (
        replace(one, directives=(off,)) if isinstance(one, OperationDefinitionNode) else one
        for one in document.definitions
    )
    return replace(document, definitions=tuple(parts))
