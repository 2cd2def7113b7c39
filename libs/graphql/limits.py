"""How much a document may ask for, decided in one pass before it is validated.

Every selection is looked at once: what a fragment amounts to is remembered, so that spreading it often costs nothing.
"""

from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
)

LONGEST_DOCUMENT = 20_000
"""Characters."""
MOST_TOKENS = 2_000
DEEPEST = 15
"""Fields within fields: what the customary introspection query needs."""
MOST_FIELDS = 500
"""After every fragment is written out."""
MOST_ALIASES = 50
MOST_ALIKE = 20
"""Fields and fragments of one selection set that must be compared with each other: validation takes their square."""
_DEEPEST_NESTING = 60
"""Fragments within fields and fragments: keeps this recursion short."""


class TooMuch(Exception):  # noqa: N818 - read as "raise TooMuch"
    """The document asks for too much; the message says of what."""


@dataclass(frozen=True)
class Size:
    """What a selection amounts to, fragments written out."""

    depth: int = 0
    fields: int = 0
    aliases: int = 0


def check_text(text: str) -> None:
    """Raise TooMuch if a document is too long to be parsed."""
    if len(text) > LONGEST_DOCUMENT:
        raise TooMuch(f"The document is longer than {LONGEST_DOCUMENT} characters.")


def check(document: DocumentNode) -> None:
    """Raise TooMuch if any operation of the document goes beyond a limit."""
    measure = Measure(document)
    for operation in measure.operations:
        size = measure.of(operation.selection_set, 0)
        for found, most, what in (
            (size.depth, DEEPEST, "levels of fields"),
            (size.fields, MOST_FIELDS, "fields"),
            (size.aliases, MOST_ALIASES, "aliases"),
        ):
            if found > most:
                raise TooMuch(f"The operation has more than {most} {what}, fragments written out.")


class Measure:
    """Sizes of the selections of one document."""

    def __init__(self, document: DocumentNode) -> None:
        parts = document.definitions
        self.operations = [one for one in parts if isinstance(one, OperationDefinitionNode)]
        self._fragments = {one.name.value: one for one in parts if isinstance(one, FragmentDefinitionNode)}
        self._sizes: dict[str, Size] = {}
        self._open: set[str] = set()
        self.steps = 0
        """Selections looked at so far."""

    def of(self, selections: SelectionSetNode | None, nesting: int) -> Size:
        """The size of a selection set at this nesting. Raises TooMuch."""
        if selections is None:
            return Size()
        if nesting > _DEEPEST_NESTING:
            raise TooMuch(f"Fragments and fields are nested deeper than {_DEEPEST_NESTING}.")
        _check_alike(selections)
        sizes = [self._of_one(one, nesting + 1) for one in selections.selections]
        return Size(
            max((size.depth for size in sizes), default=0),
            sum(size.fields for size in sizes),
            sum(size.aliases for size in sizes),
        )

    def _of_one(self, one: SelectionNode, nesting: int) -> Size:
        self.steps += 1
        if isinstance(one, FragmentSpreadNode):
            return self._of_fragment(one.name.value, nesting)
        inner = self.of(getattr(one, "selection_set", None), nesting)
        if not isinstance(one, FieldNode):
            return inner
        return Size(inner.depth + 1, inner.fields + 1, inner.aliases + (one.alias is not None))

    def _of_fragment(self, name: str, nesting: int) -> Size:
        if name in self._open:
            raise TooMuch(f"The fragment {name} contains itself.")
        if name not in self._sizes and name in self._fragments:
            self._open.add(name)
            self._sizes[name] = self.of(self._fragments[name].selection_set, nesting)
            self._open.discard(name)
        return self._sizes.get(name, Size())


def _check_alike(selections: SelectionSetNode) -> None:
    fields = [one for one in selections.selections if isinstance(one, FieldNode)]
    names = {(one.alias or one.name).value for one in fields}
    if len(selections.selections) - len(names) > MOST_ALIKE:
        raise TooMuch(f"A selection repeats fields, or spreads fragments, more than {MOST_ALIKE} times.")
