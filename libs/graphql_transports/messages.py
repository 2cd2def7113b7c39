"""What clients send, before it means anything: JSON within bounds, of the right shape."""

from typing import Annotated, Any, TypeVar

import msgspec

T = TypeVar("T")


class GraphQLRequest(msgspec.Struct):
    """The body of a request, and the payload of `subscribe`."""

    query: str | None = None
    documentId: str | None = None  # noqa: N815 - the specification's name
    variables: dict[str, Any] | None = None
    operationName: str | None = None  # noqa: N815 - the specification's name
    extensions: dict[str, Any] | None = None
    """Whatever clients add; we know `lastEventId`."""

    def __post_init__(self) -> None:
        if (self.query is None) == (self.documentId is None):
            raise ValueError("it has `query` or `documentId`, one of them")


class NulError(ValueError):
    """PostgreSQL's text cannot hold it."""


def value_of(text: bytes | bytearray | str) -> Any:
    """The value of a JSON text. Raises ValueError, with a sentence."""
    raw = text.encode() if isinstance(text, str) else text
    if b"\\u0000" in raw.replace(rb"\\", b""):  # after a backslash that is escaped itself, u0000 is plain text
        raise NulError("Text cannot hold the character NUL; take it out and send again.")
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None


def request_of(value: Any) -> GraphQLRequest:
    """Raises ValueError if a value has not the right shape."""
    return _of(value, GraphQLRequest)


def check_frame(message: Any) -> None:
    """Raise ValueError if a message has not the shape that graphql-transport-ws gives it."""
    if _of(message, _Frame).type == "subscribe":
        _of(message, _Subscribe)


class _Frame(msgspec.Struct):
    type: str
    id: str = ""


class _Subscribe(msgspec.Struct):
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    payload: GraphQLRequest


def _of(value: Any, type_: type[T]) -> T:
    try:
        return msgspec.convert(value, type_)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
