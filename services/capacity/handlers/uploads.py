"""Addresses of uploads: whoever has one may send one file, as the party that it was signed for."""

from datetime import UTC, timedelta

from libs.contracts.capacity_answers import SignedUpload
from libs.contracts.capacity_questions import UploadKind
from libs.contracts.values import PartyKind
from libs.kit.auth import Principal
from libs.kit.db import Session
from libs.kit.errors import Forbidden
from libs.uploads.files import LARGEST, TYPES
from services.capacity import store
from services.capacity.files import address

LASTS = timedelta(minutes=15)
_OVER = "This address is over. Ask signUpload for another, with the same idempotencyKey if the file was sent already."


async def sign(session: Session, caller: Principal, kind: UploadKind, key: str) -> SignedUpload:
    """Sign an address. Raises Forbidden to whoever publishes nothing."""
    caller.must_be(PartyKind.WORKSHOP, PartyKind.LAB)
    secret, now = await store.upload_key(session)
    until = (now + LASTS).astimezone(UTC)
    signed = address.signed(secret, address.Upload(caller.party, caller.role, kind, key, until))
    return SignedUpload(signed=signed, content_type=TYPES[kind], max_bytes=LARGEST, expires_at=until)


async def opened(session: Session, signed: str) -> address.Upload:
    """What was signed. Raises Forbidden if it was not so by us, or is over by the database's clock."""
    secret, now = await store.upload_key(session)
    upload = address.read(secret, signed)
    if upload.until <= now:
        raise Forbidden(_OVER, code="UPLOAD_EXPIRED")
    return upload
