"""`python -m libs.read_models.rebuild SERVICE`: build read models anew from Kafka, while the old ones answer.

New tables are made beside the old, filled from the oldest record of the log on, kept up to date, and put in the place
of the old in one transaction once they have all that the service has been told. Killed at any moment it leaves the old
tables as they are; start it again.

It takes the settings that it finds, as the service does: in a pod
`kubectl exec deployment/gateway -- python -m libs.read_models.rebuild gateway`.
"""

import argparse
import asyncio
import importlib
import logging
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import nullcontext

import asyncpg
import msgspec
from sqlalchemy.exc import SQLAlchemyError

from libs.contracts import Event
from libs.kit.db import Database
from libs.kit.migrate import services
from libs.kit.refusal import RefusedError
from libs.kit.settings import Settings, read
from libs.messaging.broker import Broker
from libs.messaging.delivery import Message
from libs.messaging.reading import Log, reading
from libs.messaging.topics import need_topics
from libs.read_models.beside import Beside, State, Swapping, beside
from libs.read_models.declaration import ReadModel
from libs.read_models.projection import project
from libs.service import events as owners

PATIENCE = 600.0
"""Seconds for what the log has lost to be sent again, and for a moment in which nobody reads for long."""
_PAUSE = 0.5
_SILENCE = 60.0
"""Seconds without an event, and without a word of where the log ends."""

AskOwners = Callable[[Collection[str]], Awaitable[None]]
"""Has the present state of these topics' aggregates sent again, or tells who can do that."""

log = logging.getLogger(__name__)


async def rebuild(
    settings: Settings,
    models: Sequence[ReadModel],
    ask_owners: AskOwners,
    patience: float = PATIENCE,
    swapping: Swapping = nullcontext,
) -> int:
    """Build them anew; from how many events. Raises RefusedError and others, with the old tables as they were."""
    database, broker = Database(settings.url, pool_size=1), Broker(settings)
    topics = sorted(model.topic for model in models)
    try:
        await need_topics(broker, topics)
        async with beside(settings.url, settings.service, models, swapping) as new, reading(broker, topics) as told:
            work = _Rebuild(database, new, told)
            await work.run(ask_owners, patience)
            return work.events
    finally:
        await database.close()
        await broker.close()


class _Rebuild:
    def __init__(self, database: Database, new: Beside, told: Log) -> None:
        self.events = 0
        self._database, self._new, self._told = database, new, told
        events = [event for model in new.models.values() for event in model.events]
        self._decoders = {event.type: msgspec.json.Decoder(event) for event in events}

    async def run(self, ask_owners: AskOwners, patience: float) -> None:
        """Until the new tables are in the place of the old. Raises RefusedError."""
        await self._catch_up()
        await self._new.analyze()
        asked, until = set[str](), time.monotonic() + patience
        while True:
            before = await self._new.missing()
            await asyncio.sleep(_PAUSE)
            await self._catch_up()
            lost = before & await self._new.missing()  # the rest was on its way
            if not lost and await self._new.swap(self._read_on):
                return
            if ask := {state.topic for state in lost} - asked:
                await ask_owners(sorted(ask))
                asked |= ask
            if time.monotonic() > until:
                raise RefusedError(_unfinished(lost))

    async def _catch_up(self) -> None:
        """Read on to where the log ends; what comes meanwhile is read the next time. Raises TimeoutError."""
        async with asyncio.timeout(_SILENCE) as silence:
            while True:
                if await self._read_on():
                    silence.reschedule(asyncio.get_running_loop().time() + _SILENCE)
                if await self._told.is_at_end():
                    return

    async def _read_on(self) -> int:
        """Take what comes next; how many events."""
        by_topic: dict[str, list[Event]] = defaultdict(list)
        for message in await self._told.some():
            if event := self._decoded(message):
                by_topic[message.topic].append(event)
        if by_topic:
            async with self._database.work() as session:
                for topic, events in by_topic.items():
                    await project(session, self._new.models[topic], events)
        taken = sum(map(len, by_topic.values()))
        self.events += taken
        return taken

    def _decoded(self, message: Message) -> Event | None:
        """None for what the service does not know, or has parked because it cannot be read."""
        decoder = self._decoders.get(message.type)
        try:
            return decoder and decoder.decode(message.payload)
        except msgspec.MsgspecError:
            log.warning("an event cannot be read", extra={"type": message.type, "key": str(message.aggregate_id)})
            return None


def _unfinished(lost: Collection[State]) -> str:
    if not lost:
        return (
            "The old tables are read for long, again and again: nothing is swapped. Try again when there is less to do."
        )
    counted = Counter(state.topic for state in lost)
    named = ", ".join(f"{count:,} of {topic}" for topic, count in sorted(counted.items()))
    return (
        f"The log does not have all that the read models were made of ({named} at least): nothing is swapped. Have the"
        " owners send it with `python -m libs.service.events republish`, and try again."
    )


async def republish(topics: Collection[str]) -> None:
    """Have it done, from where the owners' databases can be reached: on one machine."""
    for owner in _owners(topics):
        database = Database(Settings(service=owner).url, pool_size=1)
        try:
            await owners.republish(database, owner, [topic for topic in topics if topic.startswith(f"{owner}.")])
        finally:
            await database.close()


async def tell_who_can(topics: Collection[str]) -> None:
    """Say what is to be run meanwhile, where."""
    for owner in _owners(topics):
        told = f"run `python -m libs.service.events republish {owner}` where {owner} runs"
        print(f"the log does not have all of {owner}'s state: {told}; waiting for it", flush=True)


def _owners(topics: Collection[str]) -> list[str]:
    return sorted({topic.partition(".")[0] for topic in topics})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m libs.read_models.rebuild", description=__doc__)
    parser.add_argument("service", choices=services())
    parser.add_argument(
        "--republish", action="store_true", help="have the owners send what the log has lost; needs their databases"
    )
    given = parser.parse_args(arguments)
    tables = importlib.import_module(f"services.{given.service}.tables")
    if not hasattr(tables, "OF_TOPIC"):
        parser.error(f"{given.service} has no read models")
    models, swapping = list(tables.OF_TOPIC.values()), tables.SWAPPING
    print(f"building {len(models)} read models from Kafka, beside those that answer; Ctrl-C ends", file=sys.stderr)
    try:
        ask_owners = republish if given.republish else tell_who_can
        events = asyncio.run(rebuild(read(given.service), models, ask_owners, swapping=swapping))
    except KeyboardInterrupt:
        print("Ended; nothing half built is left.", file=sys.stderr)
        return 130
    except RefusedError as refused:
        print(refused, file=sys.stderr)
    except _AWAY as error:
        print(f"Nothing is swapped ({type(error).__name__}: {error}): try again.", file=sys.stderr)
    else:
        print(f"{len(models)} read models of {given.service} are built anew, from {events:,} events")
        return 0
    return 1


_AWAY = (OSError, RuntimeError, SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError)
"""What PostgreSQL and Kafka raise, whose errors are RuntimeErrors, when they are away."""


if __name__ == "__main__":
    sys.exit(main())
