"""The whole ledger at once, for who checks it."""

from libs.kit.db import WriteSession
from services.capacity.domain.audit import Books
from services.capacity.domain.claims import Booking, Hold
from services.capacity.domain.ledger import Bucket
from services.capacity.store.rows import ROW, read_as


async def books(session: WriteSession) -> Books:
    """Every bucket, hold and booking; nothing is locked, and each table is of its own instant."""
    return Books(
        buckets={one.id: one for one in await read_as(session, Bucket, ROW.format("bucket"))},
        holds={one.id: one for one in await read_as(session, Hold, ROW.format("hold"))},
        bookings={one.id: one for one in await read_as(session, Booking, ROW.format("booking"))},
    )
