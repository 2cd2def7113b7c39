"""From a text to a document that may be run: within the limits, parsed and validated, once for a text."""

from functools import lru_cache

from graphql import DocumentNode, GraphQLError, GraphQLSchema, parse, specified_rules, validate

from libs.graphql import limits

_KEPT = 256
_MOST_ERRORS = 10


class Refusal(Exception):  # noqa: N818 - it is what is answered
    """The document is not run. It is raised so that the cache keeps good documents only."""

    def __init__(self, *errors: GraphQLError) -> None:
        super().__init__()
        self.errors = list(errors)


@lru_cache(_KEPT)
def prepare(schema: GraphQLSchema, text: str) -> DocumentNode:
    """The document of a text. Raises Refusal."""
    try:
        limits.check_text(text)
        document = parse(text, max_tokens=limits.MOST_TOKENS)
        limits.check(document)
    except limits.TooMuch as error:
        raise Refusal(GraphQLError(str(error), extensions={"code": "TOO_MUCH"})) from None
    except GraphQLError as error:  # told as a plain one: for one of syntax Strawberry would close a whole web socket
        raise Refusal(GraphQLError(error.message, source=error.source, positions=error.positions)) from None
    if errors := validate(schema, document, specified_rules, _MOST_ERRORS):
        raise Refusal(*errors)
    return document
