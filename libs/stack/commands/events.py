"""Look at events, and set parked ones going again."""

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from libs.stack import state
from libs.stack.errors import StackError
from libs.stack.home import Home

HELP = "tail a topic, list parked events, replay them, publish the present state again"
EXAMPLE = """\
examples: ./filiera events tail capacity.hold
          ./filiera events parked
          ./filiera events replay orders
          ./filiera events republish catalog"""


def arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    tail = actions.add_parser("tail", help="print events as they come; Ctrl-C ends")
    tail.add_argument("topics", nargs="*", metavar="TOPIC", help="e.g. capacity.hold (default: all)")
    parked = actions.add_parser("parked", help="events that could not be handled, with the reason")
    parked.add_argument("services", nargs="*", metavar="SERVICE", help="of these services (default: all)")
    replay = actions.add_parser("replay", help="handle parked events again, in order")
    replay.add_argument("service", metavar="SERVICE")
    replay.add_argument("--key", type=UUID, metavar="ID", help="of this aggregate alone")
    republish = actions.add_parser("republish", help="publish the present state of a service's aggregates again")
    republish.add_argument("service", metavar="SERVICE")
    republish.add_argument("topics", nargs="*", metavar="TOPIC", help="of these topics alone")
    for action in (
        tail,
        parked,
        replay,
        republish,
    ):  # --home may come after the action too, and must not undo one before
        action.add_argument("--home", type=Path, default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def run(given: argparse.Namespace) -> int:
    found = state.running(Home(given.home))
    os.environ.update(found.environment)
    actions = {"tail": _tail, "parked": _parked, "replay": _replay, "republish": _republish}
    asyncio.run(actions[given.action](given, [name for name in found.processes if _has_database(name)]))
    return 0


def _has_database(name: str) -> bool:
    from libs.kit.migrate import services

    return name in services()


async def _tail(given: argparse.Namespace, services: Sequence[str]) -> None:
    from libs.contracts import topics
    from libs.kit.settings import Settings
    from libs.messaging.broker import Broker

    known = sorted(topic for service in services for topic in topics(service))
    _check("topic", given.topics, known)
    print(f"waiting for events of {', '.join(given.topics or known)}; Ctrl-C ends", file=sys.stderr, flush=True)
    async for message in Broker(Settings(service="filiera-cli")).tail(given.topics or known):
        print(f"{message.topic} v{message.version} {message.type}\n  {message.payload.decode()}", flush=True)


async def _parked(given: argparse.Namespace, services: Sequence[str]) -> None:
    from libs.service import events

    _check("service", given.services, services)
    count = 0
    for service in given.services or services:
        async with _database(service) as database:
            count += await events.parked(database, service)
    print(f"{count} parked; `./filiera events replay SERVICE` handles them again" if count else "nothing is parked")


async def _replay(given: argparse.Namespace, services: Sequence[str]) -> None:
    from libs.service import events

    _check("service", [given.service], services)
    async with _database(given.service) as database:
        await events.replay(database, given.service, only=given.key)


async def _republish(given: argparse.Namespace, services: Sequence[str]) -> None:
    from libs.contracts import topics
    from libs.service import events

    _check("service", [given.service], services)
    _check("topic", given.topics, topics(given.service))
    async with _database(given.service) as database:
        await events.republish(database, given.service, given.topics)


@asynccontextmanager
async def _database(service: str) -> AsyncIterator[Any]:
    from libs.kit.db import Database
    from libs.kit.settings import Settings

    database = Database(Settings(service=service).url, pool_size=2)
    try:
        yield database
    finally:
        await database.close()


def _check(what: str, given: Sequence[str], known: Sequence[str]) -> None:
    for name in given:
        if name not in known:
            raise StackError(f"there is no {what} {name!r}: choose from {', '.join(known)}")
