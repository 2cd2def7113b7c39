"""Identifiers: UUIDv7 (RFC 9562), so that rows of one time lie together in an index."""

from uuid import UUID

import uuid_utils.compat


def new_id() -> UUID:
    """A new UUIDv7."""
    return uuid_utils.compat.uuid7()
