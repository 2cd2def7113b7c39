"""The key that addresses of uploads are signed with."""

from datetime import datetime

from libs.kit.db import Session, rows


async def upload_key(session: Session) -> tuple[bytes, datetime]:
    """The key, and the database's clock."""
    [(key, now)] = await rows(session, "SELECT key, clock_timestamp() FROM upload_key")
    return key, now
