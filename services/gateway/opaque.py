"""What clients get and send back without looking inside: global ids, cursors, read-your-writes tokens."""

import binascii
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import msgspec

from libs.kit.errors import BadRequest
from services.gateway.tables import OF_TOPIC


class Malformed(ValueError):  # noqa: N818 - read as "raise Malformed"
    """Something in a request is not what it should be; the message says what that is, and is told as it stands."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.extensions = {"code": code}
        """Where graphql-core looks for an error's extensions."""


class GlobalId(NamedTuple):
    """A type of the schema and the key of one of its objects."""

    type: str
    key: str


def global_id(type_: str, key: object) -> str:
    """base64 of `Type:key`."""
    return b64encode(f"{type_}:{key}".encode()).decode()


def parse_id(given: str) -> GlobalId:
    """What a global id names. Raises Malformed."""
    try:
        type_, colon, key = b64decode(given, validate=True).decode().partition(":")
    except (ValueError, binascii.Error):
        type_ = colon = key = ""
    if not (type_.isalpha() and colon and key):
        raise Malformed(_NO_ID, "INVALID_ID")
    return GlobalId(type_, key)


def key_of(given: str, type_: str) -> UUID:
    """The key in a global id of this type. Raises Malformed."""
    found, key = parse_id(given)
    if found != type_:
        raise Malformed(f"This is the id of a {found}; one of a {type_} is needed.", "INVALID_ID")
    try:
        return UUID(key)
    except ValueError:
        raise Malformed(_NO_ID, "INVALID_ID") from None


_NO_ID = "This is no id of ours. Send an `id` exactly as an answer gave it."


def cursor(topic: str, place: Sequence[str]) -> str:
    """A place in a list."""
    return urlsafe_b64encode(msgspec.json.encode([topic, *place])).decode()


def parse_cursor(given: str, topic: str, length: int) -> list[str]:
    """The place that a cursor of this list names. Raises Malformed."""
    try:
        found, *place = msgspec.json.decode(urlsafe_b64decode(given), type=list[str])
        UUID(place[-1])
    except (ValueError, IndexError, binascii.Error):
        found, place = "", []
    if found != topic or len(place) != length:
        raise Malformed(
            "`after` is no cursor of this list. Send `pageInfo.endCursor` or a `cursor` as it came.", "INVALID_CURSOR"
        )
    return place


class Written(NamedTuple):
    """A state of an aggregate that a command has written."""

    topic: str
    id: UUID
    version: int


def after_token(topic: str, key: UUID, version: int) -> str:
    """What a later request sends as `Filiera-After` to see at least this state."""
    return urlsafe_b64encode(f"{topic}:{key}:{version}".encode()).decode()


def parse_after(header: str) -> list[Written]:
    """What a `Filiera-After` header asks for. Raises BadRequest."""
    given = [token.strip() for token in header.split(",") if token.strip()]
    if len(given) > 20:
        raise BadRequest("`Filiera-After` takes up to 20 tokens.", code="INVALID_AFTER")
    return [_parse_written(token) for token in given]


def _parse_written(token: str) -> Written:
    try:
        topic, key, version = urlsafe_b64decode(token).decode().split(":")
        return Written(_known(topic), UUID(key), int(version))
    except (ValueError, binascii.Error):
        raise BadRequest(
            "`Filiera-After` takes the `after` of an earlier command's answer, as it came.", code="INVALID_AFTER"
        ) from None


def _known(topic: str) -> str:
    if topic not in OF_TOPIC:
        raise ValueError(topic)
    return topic
