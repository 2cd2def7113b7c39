"""How long a promise takes: a routing of five operations in a city of 36,000 firms, and in ten times as dense a one.

Servers are those of `FILIERA_*`; the database `capacity_promise` is made anew and dropped at the end. The city is that
of the demo, with half of its time taken at random. `PROMISE_FIRMS` makes it smaller.
"""

import asyncio
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate, pairwise
from random import Random
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid5

import asyncpg
import msgspec
from rich.console import Console
from rich.table import Table

from bench.holds import _arguments as arguments
from bench.search import _resource as resource
from libs.demo import milan
from libs.kit.db import Database
from libs.kit.migrate import migrate
from libs.kit.settings import Settings
from services.capacity import store
from services.capacity.domain.availability import Availability, availability, first_searched
from services.capacity.domain.offer import Resource, Site
from services.capacity.handlers import promises
from services.capacity.promise.planner import promise
from services.capacity.promise.question import Operation, Place, Question
from services.capacity.search.feed import feed_of
from services.capacity.search.index import Heard, Index

DATABASE = "capacity_promise"
FIRMS = int(os.environ.get("PROMISE_FIRMS", milan.FIRMS))
QUESTIONS, ROUNDS, DENSER, OPERATIONS = 100, 2, 10, 5
SHAPES: dict[str, dict[str, Any]] = {
    "forward": {},
    "backward": {"backward": True},
    "by transfer batches": {"transfer_batch": 20},
    "one operation shared by 3": {"split_over": 3},
}
METHOD = (
    f"{QUESTIONS} questions of each shape, the same for all ways: {OPERATIONS} operations drawn from those of the"
    " city, 20 to 200 pieces, 2 to 8 minutes a piece, a place in the city, a first day in the next two months; warmed"
    f" up, then the ways in turn for {ROUNDS} rounds, percentiles over all of them. `plan`: the planner alone, in"
    " process. `answer`: what POST /promises does with it: plan, check terms and price in PostgreSQL, reasons,"
    f" sentences, JSON; no HTTP. `dense` has {DENSER} times the firms in the same city. Target: 20 ms at the 99th"
    " percentile of the city."
)
Took = dict[tuple[str, str], list[float]]
"""Shape and way -> milliseconds."""
Way = Callable[[promises.Wanted], Awaitable[object]]


async def main() -> None:
    """Measure and print."""
    settings = Settings(service="capacity", database=DATABASE)
    admin = await asyncpg.connect(**arguments(settings.server), timeout=10)
    await admin.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)", timeout=60)
    await migrate("capacity", database=DATABASE)
    database, first_day = Database(settings.url), first_searched(datetime.now(UTC))
    offered = _city(first_day)
    await _publish(database, offered)
    city = [_half_taken(availability(one, site, {}, first_day)) for one, site in offered]
    dense = _index(city)
    for number in range(1, DENSER):
        dense.put(_twins(city, number))
    took = await _measured(database, _index(city), dense, sorted({p for row in city for p in row.processes}))
    await database.close()
    await admin.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)", timeout=60)
    await admin.close(timeout=5)
    _show(took, len(city))


# --- cities ----------------------------------------------------------------------------------------------------------


def _city(first_day: date) -> list[tuple[Resource, Site]]:
    found = []
    for firm in milan.firms(FIRMS, 1):
        [stands] = firm.party["sites"]
        for given in firm.resources:
            one = resource(given, first_day)
            where = stands["latitude"], stands["longitude"]
            found.append((one, Site(one.site_id, one.party_id, 1, milan.ZONE, *where)))
    return found


async def _publish(database: Database, offered: Sequence[tuple[Resource, Site]]) -> None:
    for begin in range(0, len(offered), 1000):
        some = offered[begin : begin + 1000]
        async with database.work() as session:
            await store.keep_sites(session, list({site.id: site for _, site in some}.values()))
            await store.publish(session, [one for one, _ in some])


def _half_taken(row: Availability) -> Availability:
    dice = Random(row.id.int)
    free = (round((after - before) * dice.random()) for before, after in pairwise(row.cumulative))
    return replace(row, cumulative=[0, *accumulate(free)])


def _twins(city: Sequence[Availability], number: int) -> list[Availability]:
    """The same city again, in the same place."""
    return [replace(row, id=uuid5(row.id, str(number)), site_id=uuid5(row.site_id, str(number))) for row in city]


def _index(city: Sequence[Availability]) -> Index:
    index = Index(Heard(datetime.now(UTC), time.monotonic()))
    index.put(city)
    return index


# --- asking ----------------------------------------------------------------------------------------------------------


def _questions(processes: Sequence[str], shape: dict[str, Any]) -> list[promises.Wanted]:
    dice, today = Random(1), datetime.now(UTC).date()
    return [_question(dice, processes, today + timedelta(dice.randrange(60)), **shape) for _ in range(QUESTIONS)]


def _question(
    dice: Random,
    processes: Sequence[str],
    first: date,
    *,
    backward: bool = False,
    transfer_batch: int | None = None,
    split_over: int = 1,
) -> promises.Wanted:
    routing = [
        Operation(process=process, setup_minutes=15, run_minutes=dice.randint(2, 8), transfer_batch=transfer_batch)
        for process in dice.sample(processes, min(OPERATIONS, len(processes)))
    ]
    routing[1] = replace(routing[1], split_over=split_over)
    question = Question(
        party=UUID(int=1),
        pieces=dice.randint(20, 200),
        routing=tuple(routing),
        place=Place(45.464 + dice.uniform(-0.05, 0.05), 9.19 + dice.uniform(-0.07, 0.07)),
        backward=backward,
    )
    return promises.Wanted(question=question, first=first, due=first + timedelta(120), currency="EUR")


def _planned(index: Index) -> Way:
    async def plan(wanted: promises.Wanted) -> None:
        sellers = promises.sellers(index, wanted)
        promise(wanted.asked(next(iter(sellers.values())).first_day), sellers)

    return plan


def _answered(database: Database, index: Index) -> Way:
    kit: Any = SimpleNamespace(database=database)
    feed_of(database).index = index

    async def answer(wanted: promises.Wanted) -> None:
        index.heard = Heard(datetime.now(UTC), time.monotonic())
        msgspec.json.encode((await promises.find(kit, wanted)).told)

    return answer


async def _measured(database: Database, city: Index, dense: Index, processes: Sequence[str]) -> Took:
    ways = {"plan": _planned(city), "answer": _answered(database, city), "plan, dense": _planned(dense)}
    took: Took = defaultdict(list)
    for shape, given in SHAPES.items():
        questions = _questions(processes, given)
        for number in range(ROUNDS + 1):
            for way, ask in ways.items():
                times = [await _timed(ask, question) for question in questions]
                took[shape, way] += times if number else []
    return took


async def _timed(ask: Way, wanted: promises.Wanted) -> float:
    began = time.perf_counter()
    await ask(wanted)
    return (time.perf_counter() - began) * 1000


def _show(took: Took, rows: int) -> None:
    table = Table("question", "way", "p50 ms", "p99 ms", "p50 against the plan's", title="Promises")
    for shape in SHAPES:
        plan = statistics.median(took[shape, "plan"])
        for way in ("plan", "answer", "plan, dense"):
            middle, high = statistics.median(took[shape, way]), statistics.quantiles(took[shape, way], n=100)[98]
            table.add_row(shape, way, f"{middle:.1f}", f"{high:.1f}", f"{middle / plan:.1f} x")
        table.add_section()
    console = Console()
    console.print(table)
    console.print(f"{FIRMS:,} firms are {rows:,} resources.")
    console.print(METHOD)


if __name__ == "__main__":
    asyncio.run(main())
