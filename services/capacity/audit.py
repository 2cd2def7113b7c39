"""`python -m services.capacity.audit`: is the ledger, bucket by bucket, what the event log tells?

The log is read from its oldest record on, and the ledger rebuilt from it: held from live holds, committed from standing
bookings, published from calendars; then both are compared with the rows of the database. On a platform at work the two
are never seen at one instant: what differs is looked at again, and only what differs at every look, in the same way,
is told. It takes the settings that it finds, as the service does, and changes nothing.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import msgspec

from libs.kit.db import Database
from libs.kit.settings import Settings
from libs.messaging.broker import Broker
from libs.messaging.delivery import Message
from libs.messaging.reading import Log, reading
from services.capacity import store
from services.capacity.domain.audit import Books, differences
from services.capacity.domain.claims import Booking, Hold
from services.capacity.domain.ledger import Bucket
from services.capacity.domain.offer import Resource

LOOKS, PAUSE = 10, 1.0
S = TypeVar("S", Resource, Bucket, Hold, Booking)
_MOST_TOLD = 50
_TOPICS = ["capacity.resource", "capacity.bucket", "capacity.hold", "capacity.booking"]


async def audit(database: Database, broker: Broker, looks: int = LOOKS) -> tuple[Books, list[str]]:
    """What the log tells, and in what the ledger differs from it, a sentence each."""
    told, found = Books(), set[str]()
    async with reading(broker, _TOPICS) as log:
        for look in range(looks):
            if look:
                await asyncio.sleep(PAUSE)
            live, now = await _live(database)
            await _hear(told, log)
            seen = set(differences(live, told, now))
            found = found & seen if look else seen
            if not found:
                break
    return told, sorted(found)


async def _live(database: Database) -> tuple[Books, datetime]:
    async with database.work() as session:
        return await store.books(session), await store.now(session)


async def _hear(told: Books, log: Log) -> None:
    for message in await log.rest():
        learn(told, message)


def learn(told: Books, message: Message) -> None:
    """Keep what an event says if it is newer: relays may send twice."""
    match message.topic:
        case "capacity.resource":
            _keep(told.resources, message, Resource)
        case "capacity.bucket":
            _keep(told.buckets, message, Bucket)
        case "capacity.hold":
            _keep(told.holds, message, Hold)
        case "capacity.booking":
            _keep(told.bookings, message, Booking)


def _keep(known: dict[UUID, S], message: Message, kind: type[S]) -> None:
    before = known.get(message.aggregate_id)
    if before is None or before.version < message.version:
        known[message.aggregate_id] = msgspec.json.decode(message.payload, type=kind)


async def _main() -> int:
    settings = Settings(service="capacity")
    database, broker = Database(settings.url, pool_size=2), Broker(settings)
    try:
        told, found = await audit(database, broker)
    finally:
        await database.close()
        await broker.close()
    counted = f"{len(told.buckets)} buckets, {len(told.holds)} holds, {len(told.bookings)} bookings"
    if not found:
        print(f"{counted}: the ledger is what the log tells")
        return 0
    for sentence in found[:_MOST_TOLD]:
        print(sentence)
    print(f"{counted}: {len(found)} differences between the ledger and the log", file=sys.stderr)
    return 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m services.capacity.audit", description=(__doc__ or "").split(":")[1]
    )
    parser.parse_args(arguments)
    return asyncio.run(_main())


if __name__ == "__main__":
    sys.exit(main())
