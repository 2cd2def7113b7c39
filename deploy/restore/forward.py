"""`python -m deploy.restore.forward SERVICE --into DSN`: roll a restored database forward by what was told since.

An event carries its aggregate's whole new state, and the log keeps the newest of each. So all that anybody can know of
a service's aggregates is in its topics; what these say beyond the restored rows goes back into tables and outbox, with
the versions that others have seen. Run it while the service is stopped, as an administrator of the database and a
principal that may read the topics (FILIERA_KAFKA*).
"""

import argparse
import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import asyncpg
import msgspec

from libs.contracts import topics
from libs.kit.settings import Settings
from libs.messaging.broker import LOG, REQUEST, Broker, within
from libs.messaging.delivery import Key, Message

PRODUCT = """jsonb_build_object(
    'price_amount', event -> 'price' -> 'amount', 'price_currency', event -> 'price' -> 'currency',
    'offered', event ->> 'type' !~ 'withdrawn')"""
ORDER = """jsonb_build_object(
    'total_amount', event -> 'total' -> 'amount', 'total_currency', event -> 'total' -> 'currency',
    'refusal_code', event -> 'refusal' -> 'code', 'refusal_message', event -> 'refusal' -> 'message')"""
RESOURCE = "jsonb_build_object('work', coalesce(event -> 'work', '{}'))"
NOTHING = "'{}'"
TABLES = {
    "catalog": [
        ("catalog.party", "party", NOTHING),
        ("catalog.site", "site", NOTHING),
        ("catalog.product", "product", PRODUCT),
        ("catalog.qualification", "qualification", NOTHING),
    ],
    "capacity": [
        ("catalog.site", "site", NOTHING),
        ("catalog.qualification", "qualification", NOTHING),
        ("capacity.resource", "resource", RESOURCE),
        ("capacity.bucket", "bucket", NOTHING),
        ("capacity.hold", "hold", NOTHING),
        ("capacity.booking", "booking", NOTHING),
        ("capacity.waitlist", "waitlist_entry", NOTHING),
        ("capacity.pool", "pool", NOTHING),
        ("capacity.share", "pool_share", NOTHING),
    ],
    "orders": [("orders.order", "orders", ORDER)],
}
"""Of each service: topic, table, and what a row has under another name than the event. Who is referred to comes first,
also where it is another's and only copied here."""
AFTER = {
    "capacity": ("INSERT INTO room_news (resource_id) SELECT id FROM resource",),
    "orders": (
        "DELETE FROM deadline USING orders WHERE orders.id = order_id AND state NOT IN ('placed', 'reserved')",
        """INSERT INTO deadline SELECT id, party_id, CASE state WHEN 'placed' THEN 'answer' ELSE 'booking' END,
                                       clock_timestamp() + interval '1 minute'
           FROM orders WHERE state IN ('placed', 'reserved')
           ON CONFLICT (order_id) DO UPDATE SET kind = excluded.kind, due_at = excluded.due_at""",
    ),
}
"""What a service has beside its aggregates. An order on its way gets a minute, to hear what it has missed;
whatever is free is offered to who waits for it."""
COLUMNS = (
    "SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
)
TELL = """
    INSERT INTO outbox (id, aggregatetype, aggregateid, version, type, payload)
    SELECT gen_random_uuid(), $1, told.* FROM unnest($2::uuid[], $3::int[], $4::text[], $5::json[])
        AS told (id, version, type, payload)
    WHERE NOT EXISTS (SELECT FROM outbox AS mine WHERE mine.aggregatetype = $1 AND mine.aggregateid = told.id
                         AND mine.version >= told.version)
    RETURNING aggregateid
"""
NEVER_AGAIN = """
    UPDATE outbox AS old SET sent_at = clock_timestamp() WHERE sent_at IS NULL AND EXISTS (
        SELECT FROM outbox AS newer WHERE newer.aggregatetype = old.aggregatetype
           AND newer.aggregateid = old.aggregateid AND newer.version > old.version)
"""
"""Told before, and newer ones too: sent once more they would lie behind those, and compaction keeps the last."""


async def newest(broker: Broker, names: Sequence[str]) -> dict[str, list[Message]]:
    """The newest event of each aggregate in these topics' logs."""
    cluster, found = await broker.cluster_id(), dict[Key, Message]()
    async with broker.consumer(names, group=None) as client:
        while True:
            polled = await within(REQUEST, client.getmany(timeout_ms=500))
            for message in filter(None, (broker.read(one) for some in polled.values() for one in some)):
                known = found.get(message.key)
                if message.headers.get(LOG, cluster) == cluster and (not known or known.version < message.version):
                    found[message.key] = message
            ends = {part: client.highwater(part) for part in client.assignment()}
            if ends and all([end is not None and await client.position(part) >= end for part, end in ends.items()]):
                break
    by_topic = defaultdict(list)
    for message in found.values():
        by_topic[message.topic].append(message)
    return by_topic


async def put_back(database: asyncpg.Connection, service: str, told: Mapping[str, Sequence[Message]]) -> int:
    """Write what is newer into tables and outbox, all or nothing; how many of the service's aggregates were."""
    count = 0
    async with database.transaction():
        for topic, table, extra in TABLES[service]:
            if messages := told.get(topic):
                columns = [row["attname"] for row in await database.fetch(COLUMNS, table)]
                await database.execute(_upsert(table, columns, extra), list(map(_state, messages)))
                if topic in topics(service):
                    count += len(await database.fetch(TELL, topic, *zip(*map(_row, messages), strict=True)))
        for statement in (NEVER_AGAIN, *AFTER.get(service, ())):
            await database.execute(statement)
    return count


def _upsert(table: str, columns: Iterable[str], extra: str) -> str:
    given = ", ".join(f'"{name}"' for name in columns)
    return f"""
        INSERT INTO {table} ({given})
        SELECT made.*
        FROM unnest($1::jsonb[]) AS told (event), jsonb_populate_record(NULL::{table}, event || {extra}) AS made
        ON CONFLICT (id) DO UPDATE SET ({given}) = (SELECT excluded.*) WHERE {table}.version < excluded.version
    """  # noqa: S608 - names are ours


def _state(message: Message) -> str:
    state = msgspec.json.decode(message.payload, type=dict[str, object])
    return msgspec.json.encode(state | {"type": message.type}).decode()


def _row(message: Message) -> tuple[object, ...]:
    return message.aggregate_id, message.version, message.type, message.payload.decode()


async def main(service: str, into: str) -> None:
    """Read the logs, write the database, say how many."""
    broker = Broker(Settings(service=service))
    try:
        told = await newest(broker, [topic for topic, _, _ in TABLES[service]])
    finally:
        await broker.close()
    database = await asyncpg.connect(into, timeout=10)
    try:
        count = await put_back(database, service, told)
    finally:
        await database.close(timeout=5)
    known = sum(len(told.get(topic, ())) for topic in topics(service))
    print(f"{service}: {known} aggregates in the log, {count} were newer there and are put back")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("service", choices=sorted(TABLES))
    parser.add_argument("--into", required=True, metavar="DSN", help="the restored database, as an administrator")
    given = parser.parse_args()
    asyncio.run(main(given.service, given.into))
