"""What every service throws away in time."""

from sqlalchemy import text

from libs.service.runtime import Kit

_OLD_KEYS = text("DELETE FROM idempotency_key WHERE created_at < clock_timestamp() - interval '24 hours'")
_SUPERSEDED = text("""
    DELETE FROM outbox WHERE seq IN (
        SELECT old.seq FROM outbox newer
          JOIN outbox old USING (aggregatetype, aggregateid)
         WHERE newer.sent_at < clock_timestamp() - interval '7 days'
           AND newer.sent_at > clock_timestamp() - interval '7 days 2 hours'
           AND old.version < newer.version AND old.sent_at IS NOT NULL
         LIMIT 20000)
""")
"""Looks only at what became seven days old of late, however many rows are kept; what it misses while a service is down
for hours goes with the aggregate's next version."""


async def tidy(kit: Kit) -> None:
    """Drop idempotency keys after 24 h, and an event once a newer state of the same aggregate was sent 7 days ago.

    The newest event of each aggregate stays for ever: the outbox is a compacted log of the service's present state
    (docs/decisions/0002).
    """
    for statement in (_OLD_KEYS, _SUPERSEDED):
        async with kit.database.work() as session:
            await session.execute(statement)
