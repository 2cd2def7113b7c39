"""What clients send, before it means anything: JSON within bounds, of the right shape."""

from typing import Any

import msgspec


class Asked(msgspec.Struct):
    """The body of a request, and the payload of `subscribe`."""

    query: str
    variables: dict[str, Any] | None = None
    operationName: str | None = None  # noqa: N815 - the specification's name


class Frame(msgspec.Struct):
    """A message of graphql-transport-ws."""

    type: str
    id: str = ""
    payload: Any = None


class NulError(ValueError):
    """PostgreSQL's text cannot hold it."""


def json(text: bytes | bytearray | str, type_: Any = Any) -> Any:
    """The value of a JSON text. Raises ValueError, with a sentence."""
    if ("\\u0000" if isinstance(text, str) else b"\\u0000") in text:  # type: ignore[operator]  # each in its own kind
        raise NulError("Text cannot hold the character NUL.")
    try:
        return msgspec.json.decode(text, type=type_)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None


def check_frame(message: Any) -> None:
    """Raise ValueError if a message of the protocol has not the right shape."""
    try:
        frame = msgspec.convert(message, Frame)
        if frame.type == "subscribe":
            msgspec.convert(frame.payload, Asked)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
