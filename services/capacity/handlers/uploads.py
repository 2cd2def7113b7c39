"""Addresses of uploads: whoever has one may send one file, as the party that it was signed for."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from libs.contracts.capacity_answers import SignedUpload
from libs.contracts.capacity_questions import UploadKind
from libs.contracts.values import PartyKind
from libs.kit.auth import Principal
from libs.kit.db import Session
from libs.kit.errors import Forbidden
from libs.uploads.files import LARGEST, TYPES
from services.capacity import store

LASTS = timedelta(minutes=15)
_ALTERED = "This is no address that was signed here. Take the url that signUpload answers as it came."
_OVER = "This address is over. Ask signUpload for another, with the same idempotencyKey if the file was sent already."


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


async def sign(session: Session, caller: Principal, kind: UploadKind, key: str) -> SignedUpload:
    """Sign an address. Raises Forbidden to whoever publishes nothing."""
    caller.must_be(PartyKind.WORKSHOP, PartyKind.LAB)
    secret, now = await store.upload_key(session)
    upload = Upload(caller.party, caller.role, kind, key, (now + LASTS).astimezone(UTC))
    signed = _signed(secret, urlsafe_b64encode(msgspec.json.encode(upload)))
    return SignedUpload(signed=signed.decode(), content_type=TYPES[kind], max_bytes=LARGEST, expires_at=upload.until)


async def opened(session: Session, signed: str) -> Upload:
    """What was signed. Raises Forbidden if it was not so by us, or is over by the database's clock."""
    secret, now = await store.upload_key(session)
    given = signed.encode("latin-1")
    text = given.partition(b".")[0]
    if not hmac.compare_digest(_signed(secret, text), given):  # as text: base64 has several spellings of some bytes
        raise Forbidden(_ALTERED, code="NO_UPLOAD")
    upload = msgspec.json.decode(urlsafe_b64decode(text), type=Upload)
    if upload.until <= now:
        raise Forbidden(_OVER, code="UPLOAD_EXPIRED")
    return upload


def _signed(secret: bytes, text: bytes) -> bytes:
    """RFC 2104 over the text as it is sent: nothing is read of it before it is known to be ours."""
    return text + b"." + urlsafe_b64encode(hmac.digest(secret, text, "sha256"))
