"""From an operation of a document to its plan, with what the compiler does not cover told by its reason."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    is_abstract_type,
    is_composite_type,
    type_from_ast,
)

from libs.graphql_compiler.plan import Asked, Condition, Place, Plan, Selected, Shape, item_type
from libs.graphql_compiler.sources import Source, SourceOf

MOST_PLACES = 5_000
"""A place takes some 90 µs to be planned, written and compiled."""

Occurrence = tuple[FieldNode, int | None]


class Uncompiled(Exception):  # noqa: N818 - read as "raise Uncompiled"
    """The compiler does not cover this; the message is the reason that is counted."""


class Planner:
    """Plans one operation."""

    def __init__(
        self,
        schema: GraphQLSchema,
        operation: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDefinitionNode],
        source_of: SourceOf,
        most_places: int,
    ) -> None:
        self._most_places = most_places
        self._sources: dict[tuple[str, str], Source] = {}
        self._schema = schema
        self._operation = operation
        self._fragments = fragments
        self._source_of = source_of
        self._places: list[Place] = []
        self._conditions: dict[int, Condition] = {}
        self._numbers: dict[tuple[int, int | None, tuple[int, ...]], int] = {}

    def plan(self) -> Plan:
        """The whole operation. Raises Uncompiled."""
        operation = self._operation
        root_type = self._schema.get_root_type(operation.operation)
        if root_type is None:
            raise Uncompiled("no such root type")
        if any(one.variable_definitions for one in self._fragments.values()):
            raise Uncompiled("variables of fragments")
        try:
            root = self._shape(root_type, [(operation.selection_set, None)], None)
        except RecursionError:
            raise Uncompiled("nested too deeply") from None
        name = operation.name.value if operation.name else operation.operation.value
        return Plan(name, root, self._places, self._conditions, operation.operation is OperationType.MUTATION)

    def _shape(
        self, type_: GraphQLObjectType, sets: Sequence[tuple[SelectionSetNode, int | None]], outer: Place | None
    ) -> Shape:
        conditions: list[int] = []
        fields: dict[str, list[Occurrence]] = {}
        order: list[tuple[str, int]] = []
        collecting = _Collecting(self, type_, conditions)
        for selections, when in sets:
            for node, holds in collecting.fields(selections, when):
                key = (node.alias or node.name).value
                order.append((key, len(fields.setdefault(key, []))))
                fields[key].append((node, holds))
        selected = (self._selected(type_, key, fields[key], at, outer) for key, at in order)
        return Shape(type_, conditions, [one for one in selected if one])

    def _selected(
        self, type_: GraphQLObjectType, key: str, asking: Sequence[Occurrence], at: int, outer: Place | None
    ) -> Selected | None:
        """The field if this occurrence is the first that is there: None if it never is, or there is no such field."""
        earlier = [when for _, when in asking[:at]]
        when = asking[at][1]
        name = asking[at][0].name.value
        definition = self._schema.get_field(type_, name)
        if None in earlier or when in earlier or definition is None:
            return None
        nodes = [(node, None if holds == when else holds) for node, holds in asking[at:]]
        source = self._sources.get((type_.name, name))
        if source is None:
            source = self._sources[type_.name, name] = self._source_of(type_, name, definition)
        asked = Asked(len(self._places), type_, name, definition, source, nodes)
        place = self._place(asked, definition.type, outer, key)
        return Selected(place, when, tuple(one for one in dict.fromkeys(earlier) if one is not None))

    def _place(self, asked: Asked, type_: GraphQLOutputType, outer: Place | None, key: str | None) -> Place:
        depth = (outer.depth if outer else 0) + (key is None)
        place = Place(len(self._places), asked, type_, outer, key, depth)
        self._places.append(place)
        if len(self._places) > self._most_places:
            raise Uncompiled("too large")
        if inner := item_type(type_):
            place.item = self._place(asked, inner, place, None)
        elif is_composite_type(place.named):
            sets = [(node.selection_set, when) for node, when in asked.nodes if node.selection_set]
            place.shapes = {one.name: self._shape(one, sets, place) for one in self._possible(place)}
        return place

    def _possible(self, place: Place) -> Sequence[GraphQLObjectType]:
        named: Any = place.named
        return self._schema.get_possible_types(named) if is_abstract_type(named) else [named]

    def condition(self, node: SelectionNode, outer: int | None, unless: tuple[int, ...] = ()) -> int | None:
        """The number of the condition for what has such directives, in something with a condition; None: none."""
        directives = {one.name.value for one in node.directives or ()}
        if directives & {"defer", "stream"}:
            raise Uncompiled("@defer or @stream")
        if not unless and not directives & {"skip", "include"}:
            return outer
        known = (id(node), outer, unless)
        number = self._numbers.setdefault(known, len(self._numbers))
        self._conditions.setdefault(number, Condition(node, outer, unless))
        return number

    def fragment(self, name: str) -> FragmentDefinitionNode | None:
        """A fragment of the document."""
        return self._fragments.get(name)

    def applies(self, fragment: FragmentDefinitionNode | InlineFragmentNode, type_: GraphQLObjectType) -> bool:
        """Whether a fragment is on this object type, or on what it implements or belongs to."""
        if not fragment.type_condition:
            return True
        wanted: Any = type_from_ast(self._schema, fragment.type_condition)
        return wanted is type_ or (is_abstract_type(wanted) and self._schema.is_sub_type(wanted, type_))


class _Collecting:
    """The fields that selection sets have for one type, fragments written out."""

    def __init__(self, planner: Planner, type_: GraphQLObjectType, conditions: list[int]) -> None:
        self._planner = planner
        self._type = type_
        self._conditions = conditions
        self._spread: dict[str, list[int | None]] = {}
        """The conditions under which each fragment has been spread."""

    def fields(self, selections: SelectionSetNode, outer: int | None) -> Iterator[Occurrence]:
        """Every field with its condition."""
        for node in selections.selections:
            if isinstance(node, FieldNode):
                yield node, self._when(node, outer)
            elif isinstance(node, InlineFragmentNode):
                when = self._when(node, outer)
                if self._planner.applies(node, self._type):
                    yield from self.fields(node.selection_set, when)
            else:
                yield from self._spreading(node, outer)

    def _spreading(self, node: Any, outer: int | None) -> Iterator[Occurrence]:
        name = node.name.value
        fragment = self._planner.fragment(name)
        before = self._spread.setdefault(name, [])
        unless = tuple(when for when in before if when is not None)
        when = self._when(node, outer, unless)
        if fragment is None or None in before or not self._planner.applies(fragment, self._type):
            return
        before.append(when)
        yield from self.fields(fragment.selection_set, when)

    def _when(self, node: SelectionNode, outer: int | None, unless: tuple[int, ...] = ()) -> int | None:
        when = self._planner.condition(node, outer, unless)
        if when is not None and when not in self._conditions:
            self._conditions.append(when)
        return when
