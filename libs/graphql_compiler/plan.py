"""What an operation asks for, worked out once: its places in the order of their keys, and on what they depend."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLOutputType,
    SelectionNode,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)
from graphql.pyutils import Path

At: TypeAlias = tuple[int, ...]
"""Indices of the list items that lead to a place, from outside in."""


@dataclass(frozen=True)
class Condition:
    """Something that variables decide: a selection is there if all of it holds."""

    node: SelectionNode
    """Its own @skip and @include."""
    outer: int | None
    """The number of the condition of what it stands in."""
    unless: tuple[int, ...]
    """Of an earlier spread of the same fragment: what is spread twice counts once."""


@dataclass(frozen=True)
class Asked:
    """A field of an object as the operation asks for it: several nodes may ask for the same."""

    number: int
    parent: GraphQLObjectType
    name: str
    definition: GraphQLField
    source: Any
    nodes: Sequence[tuple[FieldNode, int | None]]
    """Each with its condition. The first is there whenever the field is."""


@dataclass(eq=False)
class Place:
    """Where one value of the answer stands: a field of an object, or an item of a list."""

    number: int
    asked: Asked
    type: GraphQLOutputType
    outer: "Place | None"
    """The place of the object or list that it is in; None at the root."""
    key: str | None
    """The response key; None for an item."""
    depth: int
    """How many indices lead here."""
    item: "Place | None" = None
    """If this is a list, its items."""
    shapes: dict[str, "Shape"] = field(default_factory=dict)
    """If this is an object, what is selected of it, by object type."""
    functions: dict[str, Callable[..., Any]] = field(default_factory=dict)
    """What completes an object of an abstract type, by object type."""
    complete: Callable[..., Any] | None = None
    """What completes a value that had to be awaited: `complete(run, value, at)`. None if nothing was compiled."""

    @cached_property
    def required(self) -> bool:
        return is_non_null_type(self.type)

    @cached_property
    def named(self) -> GraphQLNamedType:
        return get_named_type(self.type)

    @cached_property
    def leaf(self) -> bool:
        return is_leaf_type(get_nullable_type(self.type))

    @cached_property
    def field(self) -> "Place":
        """The place of the field that this is an item of, or this."""
        return self if self.key is not None or self.outer is None else self.outer.field

    @cached_property
    def nullable(self) -> "Place | None":
        """The nearest place outwards that may be null; None if that is the whole answer."""
        place: Place | None = self
        while place and place.required:
            place = place.outer
        return place

    def path(self, at: At) -> Path:
        """Where this is in the answer."""
        outer = self.outer.path(at) if self.outer else None
        if self.key is None:
            return Path(outer, at[self.depth - 1], None)
        return Path(outer, self.key, self.asked.parent.name)

    def slot(self, at: At) -> str | int:
        """Its key or index in its container."""
        return at[self.depth - 1] if self.key is None else self.key


@dataclass(frozen=True)
class Selected:
    """A field of a shape. A key may have several: then the first whose condition holds is it."""

    place: Place
    when: int | None
    unless: tuple[int, ...]


@dataclass(frozen=True)
class Shape:
    """What is selected of an object of one type."""

    type: GraphQLObjectType
    conditions: Sequence[int]
    """To be decided, in this order, before any field is resolved."""
    fields: Sequence[Selected]


@dataclass(frozen=True)
class Plan:
    """An operation, ready to be written as code."""

    name: str
    root: Shape
    places: Sequence[Place]
    conditions: Mapping[int, Condition]
    serial: bool


def item_type(type_: GraphQLOutputType) -> GraphQLOutputType | None:
    """The type of a list's items; None if it is no list."""
    inner: Any = get_nullable_type(type_)
    return inner.of_type if is_list_type(inner) else None
