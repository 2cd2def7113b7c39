"""Trusted documents: those that a front-end was built with are known beforehand, and asked for by their SHA-256.

A request has `documentId: "sha256:<64 hex digits>"` in the place of `query` (GraphQL over HTTP, Appendix A, Persisted
Documents: https://github.com/graphql/graphql-over-http/pull/264). The manifest is a JSON object, SHA-256 -> document,
as relay-compiler (`persistConfig.algorithm: "SHA256"`) and graphql-codegen's client preset
(`persistedDocuments.hashAlgorithm: "sha256"`) write it; unless told they take MD5 and SHA-1. Limits,
points and permissions are the same as for any document.
"""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import msgspec
from graphql import GraphQLError
from pydantic_settings import SettingsError

from libs.graphql_limits.documents import Refusal

_PREFIX = "sha256:"


class Trusted:
    """The documents known, by their SHA-256 in hex; with `only`, no others are run."""

    def __init__(self, documents: Mapping[str, str], *, only: bool) -> None:
        self._documents, self._only = documents, only

    @classmethod
    def read(cls, manifest: Path | None, *, only: bool) -> "Trusted":
        """From a file; none: there are none. Raises SettingsError."""
        if manifest is None and only:
            raise SettingsError("FILIERA_TRUSTED_ONLY needs FILIERA_TRUSTED_DOCUMENTS: name the manifest's file.")
        return cls(_read(manifest) if manifest else {}, only=only)

    def text(self, query: str | None, document_id: str | None) -> str:
        """The document that is asked for, by itself or by its id. Raises Refusal."""
        if document_id is None:
            if self._only:
                raise _refusal("Only documents known here are run: send a `documentId`.", "DOCUMENT_ID_REQUIRED")
            return query or ""
        if not document_id.startswith(_PREFIX):
            raise _refusal("A `documentId` is `sha256:` and 64 hex digits.", "BAD_DOCUMENT_ID")
        found = self._documents.get(document_id.removeprefix(_PREFIX))
        if found is None:
            raise _refusal("No such document is known here: send its text as `query`.", "DOCUMENT_NOT_FOUND")
        return found


def _read(manifest: Path) -> Mapping[str, str]:
    try:
        told = msgspec.json.decode(manifest.read_bytes(), type=dict[str, str])
    except (OSError, msgspec.DecodeError) as error:
        raise SettingsError(f"FILIERA_TRUSTED_DOCUMENTS: {manifest} cannot be read: {error}.") from None
    documents = {name.removeprefix(_PREFIX): text for name, text in told.items()}
    for name, text in documents.items():
        if sha256(text.encode()).hexdigest() != name:
            raise SettingsError(f"FILIERA_TRUSTED_DOCUMENTS: in {manifest} {name} is not its document's SHA-256.")
    return documents


def _refusal(said: str, code: str) -> Refusal:
    return Refusal(GraphQLError(said, extensions={"code": code}))
