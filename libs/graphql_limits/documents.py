"""From a text to a document that may be run: within the limits, parsed and validated, once for a text."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from graphql import DocumentNode, GraphQLError, GraphQLSchema, parse, specified_rules, validate

from libs.graphql_limits import limits

_KEPT = 256
_MOST_ERRORS = 10


class Refusal(Exception):  # noqa: N818 - it is what is answered
    """The document is not run. It is raised so that the cache keeps good documents only."""

    def __init__(self, *errors: GraphQLError) -> None:
        super().__init__()
        self.errors = list(errors)


class Prepared(NamedTuple):
    """A document that may be run, and what it asks for."""

    document: DocumentNode
    measured: limits.Measured


def prepare(schema: GraphQLSchema, text: str) -> DocumentNode:
    """The document of a text. Raises Refusal."""
    return _prepared(schema, text).document


def check_introspection(schema: GraphQLSchema, text: str) -> None:
    """Raise Refusal if a text asks for the schema itself."""
    if _prepared(schema, text).measured.introspects:
        said = "The schema is not told here: it is published as a file."
        raise Refusal(GraphQLError(said, extensions={"code": "INTROSPECTION"}))


def points(schema: GraphQLSchema, text: str, variables: Mapping[str, Any] | None, operation: str | None) -> int:
    """What running an operation of a text costs. Raises Refusal."""
    prices = _prepared(schema, text).measured.prices
    price = prices.get(operation) if operation else next(iter(prices.values()), None)
    try:
        return price.points(variables) if price else 1
    except limits.TooMuch as error:
        raise _too_much(error) from None


@lru_cache(_KEPT)
def _prepared(schema: GraphQLSchema, text: str) -> Prepared:
    try:
        limits.check_text(text)
        document = parse(text, max_tokens=limits.MOST_TOKENS, allow_empty_selection_sets=False)
        measured = limits.check(schema, document)
    except limits.TooMuch as error:
        raise _too_much(error) from None
    except GraphQLError as error:  # told as a plain one: for one of syntax Strawberry would close a whole web socket
        told = GraphQLError(error.message, source=error.source, positions=error.positions, extensions=error.extensions)
        raise Refusal(told) from None
    if errors := validate(schema, document, specified_rules, _MOST_ERRORS, hide_suggestions=True):
        raise Refusal(*errors)
    return Prepared(document, measured)


def _too_much(error: limits.TooMuch) -> Refusal:
    return Refusal(GraphQLError(str(error), extensions={"code": "TOO_MUCH"}))
