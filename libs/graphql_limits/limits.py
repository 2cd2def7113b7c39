"""How much a document may ask for, decided before it is validated in a number of steps that its length bounds.

What a fragment amounts to is remembered, so that spreading it often costs nothing. Each bound is there because without
it some short document takes seconds to validate or to run: those documents are in
`tests/libs/graphql_limits/test_limits.py`.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLNamedType,
    GraphQLSchema,
    IntValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    TokenKind,
    get_named_type,
)

from libs.graphql_limits import cost
from libs.graphql_limits.cost import NOTHING, Cost

LONGEST_DOCUMENT = 20_000
"""Characters."""
MOST_TOKENS = 2_000
"""Comments are tokens too."""
MOST_NESTED = 60
"""Brackets within brackets: keeps the recursion of whoever walks the document short."""
MOST_DEFINITIONS = 60
"""Operations and fragments."""
DEEPEST = 15
"""Fields within fields: what the customary introspection query needs."""
MOST_FIELDS = 500
"""After every fragment is written out, as those below."""
MOST_ALIASES = 50
MOST_DIRECTIVES = 50
MOST_SPREADS = 200
"""Fragments, named or not."""
LONGEST_NUMBER = 40
"""Characters."""
MOST_COMPARED = 10_000
"""Pairs of fields with one name at one place: validation compares each with each."""
MOST_POINTS = 10_000
"""What one operation may cost: see cost.py."""


class TooMuch(Exception):  # noqa: N818 - read as "raise TooMuch"
    """The document asks for too much; the message says of what."""


@dataclass(slots=True)
class Size:
    """What a selection amounts to, fragments written out."""

    depth: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0
    spreads: int = 0
    cost: Cost = NOTHING

    def add(self, other: "Size") -> None:
        """Have the other beside it in one selection."""
        self.depth = max(self.depth, other.depth)
        self.fields += other.fields
        self.aliases += other.aliases
        self.directives += other.directives
        self.spreads += other.spreads
        if other.cost is not NOTHING:
            self.cost = self.cost.plus(other.cost)

    def within(self) -> "Size":
        """Itself. Raises TooMuch if it goes beyond a limit."""
        for found, most, what in (
            (self.depth, DEEPEST, "levels of fields"),
            (self.fields, MOST_FIELDS, "fields"),
            (self.aliases, MOST_ALIASES, "aliases"),
            (self.directives, MOST_DIRECTIVES, "directives"),
            (self.spreads, MOST_SPREADS, "fragments"),
        ):
            if found > most:
                raise TooMuch(
                    f"The operation has more than {most} {what}, fragments written out: ask for less at once."
                )
        return self


_NONE = Size()


@dataclass(frozen=True)
class Price:
    """What an operation costs, once its variables are known."""

    cost: Cost
    defaults: Mapping[str, Any]

    def points(self, variables: Mapping[str, Any] | None) -> int:
        """At least one. Raises TooMuch."""
        found = max(1, self.cost.points({**self.defaults, **(variables or {})}))
        if found > MOST_POINTS:
            raise TooMuch(f"The operation costs {found} points; {MOST_POINTS} are the most. Ask for smaller pages.")
        return found


@dataclass(frozen=True)
class Measured:
    """What a document asks for, within the limits."""

    prices: Mapping[str, Price]
    """By the name of the operation, "" if it has none."""
    introspects: bool
    """Whether it asks for the schema itself."""


def check_text(text: str) -> None:
    """Raise TooMuch if a document is too long to be parsed."""
    if len(text) > LONGEST_DOCUMENT:
        raise TooMuch(f"The document is longer than {LONGEST_DOCUMENT} characters: ask for less at once.")


def check(schema: GraphQLSchema, document: DocumentNode) -> Measured:
    """What a document asks for. Raises TooMuch if that goes beyond a limit, or GraphQLError."""
    if len(document.definitions) > MOST_DEFINITIONS:
        raise TooMuch(
            f"The document has more than {MOST_DEFINITIONS} operations and fragments: send several documents."
        )
    _check_tokens(document)
    measure = Measure(schema, document)
    prices = {one.name.value if one.name else "": measure.price(one) for one in measure.operations}
    measure.check_fragments()
    return Measured(prices, measure.introspects)


def _check_tokens(document: DocumentNode) -> None:
    depth, token = 0, document.loc and document.loc.start_token
    while token:
        depth += (token.kind in _OPENING) - (token.kind in _CLOSING)
        if depth > MOST_NESTED:
            raise TooMuch(f"The document is nested too deeply: {MOST_NESTED} brackets within each other are the most.")
        if token.kind in _NUMBERS and token.end - token.start > LONGEST_NUMBER:
            raise TooMuch(f"A number has no more than {LONGEST_NUMBER} digits.")
        if token.kind in _TEXTS and "\0" in str(token.value):
            raise GraphQLError(
                "Text cannot hold the character NUL; take it out and send again.", extensions={"code": "NUL"}
            )
        token = token.next


_OPENING = {TokenKind.BRACE_L, TokenKind.BRACKET_L, TokenKind.PAREN_L}
_TEXTS = {TokenKind.STRING, TokenKind.BLOCK_STRING}
_NUMBERS = {TokenKind.INT, TokenKind.FLOAT}
_CLOSING = {TokenKind.BRACE_R, TokenKind.BRACKET_R, TokenKind.PAREN_R}

_OF_THE_SCHEMA = {"__schema", "__type"}


class Measure:
    """Sizes of the selections of one document."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        parts = document.definitions
        self.operations = [one for one in parts if isinstance(one, OperationDefinitionNode)]
        self._schema = schema
        self._defined = [one for one in parts if isinstance(one, FragmentDefinitionNode)]
        self._fragments = {one.name.value: one for one in self._defined}
        self._sizes: dict[str, Size] = {}
        self._open: set[str] = set()
        self.introspects = False
        """Whether the schema itself is asked for."""
        self.steps = 0
        """Selections looked at so far."""

    def price(self, operation: OperationDefinitionNode) -> Price:
        """The price of an operation. Raises TooMuch."""
        size = self.size(operation)
        self.check_compared([operation.selection_set])
        given = {one.variable.name.value: one.default_value for one in operation.variable_definitions or ()}
        defaults = {name: int(node.value[:9]) for name, node in given.items() if isinstance(node, IntValueNode)}
        return Price(size.cost, defaults)

    def size(self, operation: OperationDefinitionNode) -> Size:
        """The size of an operation. Raises TooMuch."""
        size = self._of(operation.selection_set, self._schema.get_root_type(operation.operation), 0)
        size.directives += len(operation.directives or ())
        size.directives += sum(len(one.directives or ()) for one in operation.variable_definitions or ())
        return size.within()

    def _of(self, selections: SelectionSetNode | None, parent: GraphQLNamedType | None, nesting: int) -> Size:
        if nesting > MOST_NESTED:
            raise TooMuch(f"Fragments and fields are nested deeper than {MOST_NESTED}: ask for less at once.")
        size = Size()
        for one in selections.selections if selections else ():
            self.steps += 1
            size.add(self._of_one(one, parent, nesting + 1))
            size.directives += len(one.directives or ())
            size.within()
        return size

    def _of_one(self, one: SelectionNode, parent: GraphQLNamedType | None, nesting: int) -> Size:
        if isinstance(one, FragmentSpreadNode):
            size = replace(self._of_fragment(one.name.value, nesting))
            size.spreads += 1
            return size
        if isinstance(one, FieldNode):
            return self._of_field(one, parent, nesting)
        condition: Any = getattr(one, "type_condition", None)
        narrowed = self._schema.get_type(condition.name.value) if condition else parent
        size = self._of(getattr(one, "selection_set", None), narrowed, nesting)
        size.spreads += 1
        return size

    def _of_field(self, field: FieldNode, parent: GraphQLNamedType | None, nesting: int) -> Size:
        found = cost.definition(parent, field)
        size = self._of(field.selection_set, get_named_type(found.type) if found else None, nesting)
        size.depth += 1
        size.fields += 1
        size.aliases += field.alias is not None
        self.introspects |= field.name.value in _OF_THE_SCHEMA
        size.cost = cost.of_field(self._schema, parent, field, size.cost)
        return size

    def _of_fragment(self, name: str, nesting: int) -> Size:
        if name in self._open:
            raise TooMuch(f"The fragment {name} contains itself: take that out.")
        if name not in self._sizes and (fragment := self._fragments.get(name)):
            self._open.add(name)
            on = self._schema.get_type(fragment.type_condition.name.value)
            size = self._sizes[name] = self._of(fragment.selection_set, on, nesting)
            size.directives += len(fragment.directives or ())
            self._open.discard(name)
        return self._sizes.get(name, _NONE)

    def check_fragments(self) -> None:
        """Raise GraphQLError for a fragment that no operation has led to: validation would look at it all the same."""
        for one in self._defined:
            name = one.name.value
            if self._fragments[name] is not one:
                raise GraphQLError(f'There can be only one fragment named "{name}".', one)
            if name not in self._sizes:
                raise GraphQLError(f'Fragment "{name}" is never used.', one)

    def check_compared(self, merged: list[SelectionSetNode], spent: int = 0) -> int:
        """How many pairs of fields validation compares in these selection sets taken as one. Raises TooMuch.

        Only for what is within the other limits: each field is looked at as often as it is written out.
        """
        alike: dict[str, list[FieldNode]] = defaultdict(list)
        for field in (one for selections in merged for one in self._fields(selections)):
            alike[(field.alias or field.name).value].append(field)
        for fields in alike.values():
            spent += len(fields) ** 2
            if spent > MOST_COMPARED:
                raise TooMuch("The operation asks for the same fields of the same thing too often: ask for each once.")
            inner = [one.selection_set for one in fields if one.selection_set]
            spent = self.check_compared(inner, spent) if inner else spent
        return spent

    def _fields(self, selections: SelectionSetNode) -> Iterator[FieldNode]:
        for one in selections.selections:
            if isinstance(one, FieldNode):
                yield one
            elif not isinstance(one, FragmentSpreadNode):
                yield from self._fields(one.selection_set)  # type: ignore[attr-defined]  # an inline fragment
            elif fragment := self._fragments.get(one.name.value):
                yield from self._fields(fragment.selection_set)
