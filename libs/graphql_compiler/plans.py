"""Compiled operations, kept: by schema and operation, the ones used last; and a count of what was not compiled."""

from collections import Counter, OrderedDict
from typing import Any, NamedTuple

from graphql import (
    FragmentDefinitionNode,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    default_field_resolver,
)
from graphql.execution import Executor

from libs.graphql_compiler.planner import MOST_PLACES, Uncompiled
from libs.graphql_compiler.program import Program, compiled
from libs.graphql_compiler.sources import SourceOf, source_of


class _Kept(NamedTuple):
    """Holds what its key names by id, so that no other object can come to have that id."""

    schema: GraphQLSchema
    operation: OperationDefinitionNode
    fragments: dict[str, FragmentDefinitionNode]
    program: Program | None
    reason: str


class Plans:
    """The programs of compiled operations."""

    def __init__(self, source_of: SourceOf = source_of, most: int = 256, most_places: int = MOST_PLACES) -> None:
        """`most` programs are kept. An operation with more than `most_places` fields and list items, those of each
        possible type of its interfaces and unions counted, is not compiled."""
        self.fallbacks: Counter[str] = Counter()
        """How often graphql-core has run an operation, or completed a value of one, by reason."""
        self.compiled = 0
        """How many operations have been compiled."""
        self._source_of = source_of
        self._most = most
        self._most_places = most_places
        self._kept: OrderedDict[tuple[int, int], _Kept] = OrderedDict()

    def program(self, executor: Executor[Any], serially: bool | None) -> Program | None:
        """What runs the operation of an executor; None if graphql-core is to."""
        reason = _unusual(executor, serially)
        kept = None if reason else self._find(executor)
        if kept and kept.program:
            return kept.program
        self.fell_back(reason or (kept.reason if kept else ""))
        return None

    def fell_back(self, reason: str) -> None:
        """Count a value, or an operation, that graphql-core does."""
        self.fallbacks[reason] += 1

    def _find(self, executor: Executor[Any]) -> _Kept:
        key = (id(executor.schema), id(executor.operation))
        kept = self._kept.get(key)
        if kept is None or kept.fragments != executor.fragment_definitions:
            kept = self._kept[key] = self._compile(executor)
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return kept

    def _compile(self, executor: Executor[Any]) -> _Kept:
        schema, operation, fragments = executor.schema, executor.operation, executor.fragment_definitions
        try:
            program = compiled(schema, operation, fragments, self._source_of, self._most_places)
        except Uncompiled as reason:
            return _Kept(schema, operation, fragments, None, str(reason))
        self.compiled += 1
        return _Kept(schema, operation, fragments, program, "")


def _unusual(executor: Executor[Any], serially: bool | None) -> str:
    """Why an executor is not like the one that operations are compiled for; "" if it is."""
    middleware = executor.middleware_manager
    mutation = executor.operation.operation is OperationType.MUTATION
    unusual = {
        "middleware": middleware is not None and bool(middleware.middlewares),
        "an abort signal": executor.abort_signal is not None,
        "hooks": executor.hooks is not None,
        "a field resolver": executor.field_resolver is not default_field_resolver,
        "no error propagation": not executor.error_propagation,
        "serial execution of no mutation": serially is not None and serially is not mutation,
    }
    return next((reason for reason, found in unusual.items() if found), "")
