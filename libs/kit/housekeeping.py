"""What every service throws away in time."""

from sqlalchemy import text

from libs.kit.runtime import Kit

_OLD_KEYS = text("DELETE FROM idempotency_key WHERE created_at < clock_timestamp() - interval '24 hours'")
_OLD_EVENTS = text("""
    DELETE FROM outbox old WHERE sent_at < clock_timestamp() - interval '7 days' AND EXISTS (
        SELECT FROM outbox newer WHERE newer.aggregatetype = old.aggregatetype
           AND newer.aggregateid = old.aggregateid AND newer.version > old.version)
""")


async def tidy(kit: Kit) -> None:
    """Drop idempotency keys after 24 h, and sent events after 7 days if a newer state of the same aggregate was told.

    The newest event of each aggregate stays for ever: the outbox is a compacted log of the service's present state
    (docs/decisions/0002).
    """
    async with kit.database.work() as session:
        await session.execute(_OLD_KEYS)
        await session.execute(_OLD_EVENTS)
