"""`python -m libs.service.events parked|replay|republish SERVICE`: look after a service's events, where it runs.

It takes the settings that it finds, as the service does: in a pod
`kubectl exec deployment/orders -- python -m libs.service.events republish orders`.
"""

import argparse
import asyncio
import importlib
from collections.abc import Sequence
from uuid import UUID

from libs.contracts import topics
from libs.kit.db import Database
from libs.kit.migrate import services
from libs.kit.settings import Settings
from libs.messaging import parking, queue


async def parked(database: Database, service: str) -> int:
    """Print what could not be handled, with the reason; how many."""
    async with database.work() as session:
        waiting = await parking.parked(session, service)
    for event in waiting:
        print(f"{service}: {event.type} v{event.version} of {event.aggregate_id}, {event.parked_at:%F %T}")
        print(f"  {event.reason}")
    return len(waiting)


async def replay(database: Database, service: str, *, only: UUID | None = None) -> None:
    """Handle what is parked again, in order; of one aggregate or of all."""
    reactions = importlib.import_module(f"services.{service}.subscriptions").SUBSCRIPTIONS
    went, stayed = await parking.replay(database, reactions, service, only=only)
    print(f"{went} handled, {stayed} still parked")


async def republish(database: Database, service: str, names: Sequence[str] = ()) -> None:
    """Have the present state of every aggregate sent again, of these topics or of all that the service owns."""
    async with database.work() as session:
        counts = [await queue.republish(session, topic) for topic in names or topics(service)]
    print(f"{sum(counts)} aggregates of {service} are being sent again")


async def _main(action: str, service: str) -> None:
    database = Database(Settings(service=service).url, pool_size=2)
    try:
        if action == "parked":
            print(f"{await parked(database, service)} parked")
        elif action == "replay":
            await replay(database, service)
        else:
            await republish(database, service)
    finally:
        await database.close()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m libs.service.events", description=__doc__)
    parser.add_argument("action", choices=("parked", "replay", "republish"))
    parser.add_argument("service", choices=services())
    given = parser.parse_args(arguments)
    asyncio.run(_main(given.action, given.service))


if __name__ == "__main__":
    main()
