"""What an operation may cost: a point for each object that its answer may hold, known before it is validated.

    cost of a field = its size x (1 + the cost of what is selected in it); of a leaf, nothing

The size is the page that is asked for (`first`, `days`), 10 for a list that has no pages, else 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    IntValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
)
from graphql.utilities.coerce_input_value import coerce_default_value

SIZES = {"first", "days"}
"""Arguments that say how long a list may be."""
MOST_ITEMS = 100
"""No list is longer: whoever asks for more is refused by the field, before it reads anything."""
_UNPAGED = 10
_INTROSPECTION = 100
"""Points of `__schema` and `__type`, whose answers the schema bounds."""
CALLS_SERVICE = "calls_service"
"""The metadata of a field of Strawberry's that calls a service; every mutation does."""
_CALL = 10
"""Points of that, beyond those of the answer."""


class Variable(NamedTuple):
    """A size that a variable gives."""

    name: str
    default: int


@dataclass(frozen=True)
class Cost:
    """Points of a selection: those known, and those that variables multiply."""

    known: int = 0
    sized: tuple[tuple[Variable | int, "Cost"], ...] = ()
    """Each counts its size x (1 + what is selected in it)."""

    def points(self, variables: Mapping[str, Any]) -> int:
        """With these variables."""
        parts = (_size(size, variables) * (1 + inner.points(variables)) for size, inner in self.sized)
        return self.known + sum(parts)

    def plus(self, other: "Cost") -> "Cost":
        """Of both selections together."""
        return Cost(self.known + other.known, self.sized + other.sized)


NOTHING = Cost()


def of_field(schema: GraphQLSchema, parent: GraphQLNamedType | None, field: FieldNode, inner: Cost) -> Cost:
    """The cost of a field of this type, `inner` being that of what is selected in it."""
    if field.name.value.startswith("__"):
        return Cost(_INTROSPECTION) if field.selection_set else NOTHING
    found = definition(parent, field)
    if found is None:
        return inner  # validation refuses it
    if is_leaf_type(get_named_type(found.type)):
        return NOTHING
    size = _size_asked(field, found, is_page=parent is not None and parent.name in _pages(schema))
    extra = _CALL if parent is schema.mutation_type or _calls_service(found) else 0
    if isinstance(size, int) and not inner.sized:
        return Cost(extra + size * (1 + inner.known))
    return Cost(extra, ((size, inner),))


def definition(parent: GraphQLNamedType | None, field: FieldNode) -> GraphQLField | None:
    """The field as its type has it; None if it has none."""
    fields: Mapping[str, GraphQLField] = getattr(parent, "fields", {})  # a union has none
    return fields.get(field.name.value)


def _calls_service(field: GraphQLField) -> bool:
    own = field.extensions.get("strawberry-definition")
    return own is not None and CALLS_SERVICE in own.metadata


@lru_cache
def _pages(schema: GraphQLSchema) -> frozenset[str]:
    """The types that hold a page, such as a Connection: the field that gives one has counted what its lists hold."""
    types = (one for one in schema.type_map.values() if isinstance(one, GraphQLObjectType | GraphQLInterfaceType))
    fields = (field for one in types for field in one.fields.values() if SIZES & field.args.keys())
    return frozenset(get_named_type(field.type).name for field in fields if not _is_list(field))


def _is_list(field: GraphQLField) -> bool:
    return isinstance(get_nullable_type(field.type), GraphQLList)


def _size_asked(field: FieldNode, found: GraphQLField, *, is_page: bool) -> Variable | int:
    for name in SIZES & found.args.keys():
        default = coerce_default_value(found.args[name])
        usual = default if isinstance(default, int) else _UNPAGED
        given = next((one.value for one in field.arguments or () if one.name.value == name), None)
        return _given(given, usual)
    return _UNPAGED if _is_list(found) and not is_page else 1


def _given(value: object, usual: int) -> Variable | int:
    if isinstance(value, VariableNode):
        return Variable(value.name.value, usual)
    if isinstance(value, IntValueNode):
        return _within(int(value.value[:9]))  # more digits are more than there are anyhow
    return usual


def _size(size: Variable | int, variables: Mapping[str, Any]) -> int:
    if isinstance(size, int):
        return size
    given = variables.get(size.name, size.default)
    if isinstance(given, float) and given.is_integer():  # an Int to GraphQL
        given = int(given)
    return _within(given) if isinstance(given, int) else MOST_ITEMS


def _within(size: int) -> int:
    return min(max(size, 1), MOST_ITEMS)
