"""What the code of an operation calls when a value is not simply there, simple and right."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from graphql import (
    ExecutionResult,
    FieldNode,
    GraphQLError,
    GraphQLIncludeDirective,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSkipDirective,
    Undefined,
    get_argument_values,
    get_directive_values,
    get_nullable_type,
    located_error,
)
from graphql.execution import Executor
from graphql.execution.collect_fields import FieldDetails
from graphql.pyutils import AwaitableOrValue, inspect, is_iterable

from libs.graphql_compiler.levels import Levels, Slot, discard, together
from libs.graphql_compiler.plan import At, Place
from libs.graphql_compiler.sources import Call

if TYPE_CHECKING:
    from libs.graphql_compiler.program import Program

_SHARED = (str, int, float, bool, type(None))
"""Argument values that resolvers cannot change, so that calls may share them."""


class Uncovered(Exception):  # noqa: N818 - it is a way out, not an error
    """A value that the code in hand cannot complete: it must be awaited first, or is left to graphql-core."""

    def __init__(self, value: Any, reason: str) -> None:
        super().__init__(reason)
        self.value = value
        self.reason = reason


class Run(Levels):
    """One run of an operation."""

    def __init__(self, executor: Executor[Any], program: "Program", fell_back: Callable[[str], None]) -> None:
        super().__init__(executor)
        self.program = program
        self._fell_back = fell_back
        self._kept: dict[int, bool] = {}
        self._arguments: dict[int, dict[str, Any]] = {}

    def execute(self) -> AwaitableOrValue[ExecutionResult]:
        """Run it: at once if nothing has to be awaited, otherwise as what is to be awaited."""
        try:
            root = self.program.root(self, self.executor.root_value, self.data)
            left = self.serially(root) if self.program.plan.serial else self.settle()
        except GraphQLError as error:
            self.nothing(error)
            left = []
        return self._finished(left) if left else self._result()

    async def _finished(self, left: list[Awaitable[None]]) -> ExecutionResult:
        await together(left)
        return self._result()

    def _result(self) -> ExecutionResult:
        return ExecutionResult(self.data, self.errors.errors or None)

    # What the code asks before it resolves.

    def keeps(self, number: int) -> bool:
        """Whether a condition holds."""
        if number not in self._kept:
            condition = self.program.plan.conditions[number]
            outer = condition.outer is None or self.keeps(condition.outer)
            kept = outer and self._included(condition.node)
            self._kept[number] = kept and not any(map(self.keeps, condition.unless))
        return self._kept[number]

    def _included(self, node: Any) -> bool:
        skip = self._directive(GraphQLSkipDirective, node)
        if skip and skip["if"]:
            return False
        include = self._directive(GraphQLIncludeDirective, node)
        return include is None or include["if"]

    def _directive(self, directive: Any, node: Any) -> dict[str, Any] | None:
        executor = self.executor
        return get_directive_values(
            directive, node, executor.variable_values, hide_suggestions=executor.hide_suggestions
        )

    def arguments(self, place: Place) -> dict[str, Any]:
        """The arguments of a field, coerced: once, unless a resolver could change them."""
        known = self._arguments.get(place.number)
        if known is None:
            executor, asked = self.executor, place.asked
            node = asked.nodes[0][0]
            known = get_argument_values(
                asked.definition, node, executor.variable_values, None, executor.hide_suggestions
            )
            if isinstance(asked.source, Call) and asked.source.names:
                known = {asked.source.names[name]: value for name, value in known.items()}
            if all(isinstance(value, _SHARED) for value in known.values()):
                self._arguments[place.number] = known
        return known

    def info(self, place: Place, at: At) -> GraphQLResolveInfo[Any]:
        """What a resolver is told."""
        asked = place.asked
        return self.executor.build_resolve_info(asked.definition, self._nodes(place), asked.parent, place.path(at))

    def _nodes(self, place: Place) -> list[FieldNode]:
        return [node for node, when in place.asked.nodes if when is None or self.keeps(when)]

    # What the code asks about a value that is not what it hoped for.

    def leaf(self, place: Place, value: Any) -> Any:
        """Serialise a value of a leaf type."""
        if (value := self._present(place, value)) is None:
            return None
        return self.executor.complete_leaf_value(get_nullable_type(place.type), value)  # type: ignore[arg-type]  # a leaf

    def items(self, place: Place, value: Any) -> Any:
        """What a list can be made of; None if there is nothing."""
        if (value := self._present(place, value)) is None:
            return None
        if self.executor.is_async_iterable(value):
            raise Uncovered(value, "an asynchronous iterator")
        if not is_iterable(value):
            where = f"{place.asked.parent}.{place.asked.name}"
            raise GraphQLError(f"Expected Iterable, but did not find one for field '{where}'.")
        return value

    def plain(self, place: Place, value: Any) -> Any:
        """An object as it is; None if there is none. Its class is remembered, so that this is asked once a class."""
        if (value := self._present(place, value)) is not None:
            self.program.plain.add(type(value))
        return value

    def _present(self, place: Place, value: Any) -> Any:
        if isinstance(value, Exception):
            raise value
        if value is None or value is Undefined:
            if place.required:
                where = f"{place.asked.parent}.{place.asked.name}"
                raise TypeError(f"Cannot return null for non-nullable field {where}.")
            return None
        if self.executor.is_awaitable(value):
            raise Uncovered(value, "an awaitable where none was expected")
        return value

    def kind(self, place: Place, value: Any, at: At) -> Callable[..., Any]:
        """The function for the type that an object of an abstract type has."""
        abstract: Any = place.named
        info = self.info(place.field, at)
        name: Any = (abstract.resolve_type or self.executor.type_resolver)(value, info, abstract)
        if isinstance(name, str) and name in place.functions:
            return place.functions[name]
        if self.executor.is_awaitable(name):
            discard(name)
            raise Uncovered(value, "an asynchronous resolve_type")
        self.executor.ensure_valid_runtime_type(name, abstract, self._details(place), info, value)
        raise Uncovered(value, "a type that is not in the plan")

    def belongs(self, place: Place, type_: GraphQLObjectType, value: Any, answer: Any) -> None:
        """Look closer at what is_type_of said, as it was not simply True."""
        if self.executor.is_awaitable(answer):
            discard(answer)
            raise Uncovered(value, "an asynchronous is_type_of")
        if not answer:
            told = f"Expected value of type '{type_}' but got: {inspect(value)}."
            raise GraphQLError(told, self._nodes(place))

    # What becomes of values that are not there yet, and of errors.

    def wait(self, place: Place, value: Any, container: Any, at: At) -> None:
        """Await it with the others of its level; until then its place is null."""
        self.waiting.append(Slot(place, value, container, at, "await"))

    def caught(self, error: Exception, place: Place, container: Any, at: At) -> Any:
        """What stands at a place that failed: null, now or until it is there. Raises if the place cannot be null."""
        if isinstance(error, Uncovered):
            return self._uncovered(error, place, container, at)
        path = place.path(at)
        located = located_error(error, self._nodes(place), path.as_list())
        if place.required:
            raise located
        self.errors.add(located, path)
        return None

    def _uncovered(self, error: Uncovered, place: Place, container: Any, at: At) -> Any:
        if self.executor.is_awaitable(error.value) and (place.complete or place.leaf):
            return self.wait(place, error.value, container, at)
        self._fell_back(error.reason)
        try:
            result = self._left_to_graphql_core(place, error.value, at)
        except Exception as raised:  # noqa: BLE001 - a resolver may raise anything
            return self.caught(raised, place, container, at)
        if not self.executor.is_awaitable(result):
            return result
        self.waiting.append(Slot(place, result, container, at, "complete"))
        return None

    def _left_to_graphql_core(self, place: Place, value: Any, at: At) -> Any:
        executor, details, path = self.executor, self._details(place), place.path(at)
        info = self.info(place.field, at)
        if executor.is_awaitable(value):
            return executor.complete_awaitable_list_item_value(value, place.type, details, info, path, None)
        return executor.complete_value(place.type, details, info, path, value, None)

    def _details(self, place: Place) -> list[FieldDetails]:
        return [FieldDetails(node, None) for node in self._nodes(place)]
