"""Addresses that a file may be sent to: what one says, signed by HMAC-SHA256 (RFC 2104)."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from uuid import UUID

import msgspec

from libs.contracts.capacity_questions import UploadKind
from libs.contracts.values import PartyKind
from libs.kit.auth import Principal
from libs.kit.errors import Forbidden
from libs.uploads.files import ALTERED


class Upload(msgspec.Struct, frozen=True):
    """What is signed: who sends which kind of file, under which key of idempotency, and until when."""

    party: UUID
    role: PartyKind
    kind: UploadKind
    key: str
    until: datetime

    @property
    def caller(self) -> Principal:
        """The party that it was signed for."""
        return Principal(self.party, self.role, "upload", self.until)


def signed(secret: bytes, upload: Upload) -> str:
    """The address that says so."""
    return _with_code(secret, urlsafe_b64encode(msgspec.json.encode(upload))).decode()


def read(secret: bytes, address: str) -> Upload:
    """What an address says. Raises Forbidden if it was not signed with this secret, to the last bit."""
    given = address.encode("latin-1")
    text = given.partition(b".")[0]
    if not hmac.compare_digest(_with_code(secret, text), given):  # as text: base64 has several spellings of some bytes
        raise Forbidden(ALTERED, code="NO_UPLOAD")
    return msgspec.json.decode(urlsafe_b64decode(text), type=Upload)


def _with_code(secret: bytes, text: bytes) -> bytes:
    """Over the text as it is sent: nothing is read of it before it is known to be ours."""
    return text + b"." + urlsafe_b64encode(hmac.digest(secret, text, "sha256"))
