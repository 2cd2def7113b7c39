"""How long a promise takes: a routing of five operations in a city of 36,000 firms, and in ten times as dense a one.

Servers are those of `FILIERA_*`; the database `capacity_promise` is made anew and dropped at the end. The city is that
of the demo, with half of its time taken at random, and every second resource tells what work takes. `PROMISE_FIRMS`
makes it smaller, `PROMISE_QUESTIONS` asks less.
"""

import asyncio
import os
import statistics
import time
from array import array
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate, pairwise
from random import Random
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid5

import msgspec
from rich.console import Console
from rich.table import Table

from bench._database import fresh
from bench.search import _resource as resource
from libs.demo import milan
from libs.kit.db import Database
from libs.kit.settings import Settings
from services.capacity import store
from services.capacity.domain.availability import Availability, availability, first_searched
from services.capacity.domain.offer import Resource, Site
from services.capacity.domain.work import Work
from services.capacity.handlers import promises
from services.capacity.promise.plan import Plan
from services.capacity.promise.planner import planning, promise
from services.capacity.promise.question import Operation, Place, Question
from services.capacity.promise.wanted import Wanted, sellers
from services.capacity.search.feed import feed_of
from services.capacity.search.index import Heard, Index

DATABASE = "capacity_promise"
FIRMS = int(os.environ.get("PROMISE_FIRMS", milan.FIRMS))
QUESTIONS = int(os.environ.get("PROMISE_QUESTIONS", "50"))
ROUNDS, DENSER, OPERATIONS = 2, 10, 5
SHAPES: dict[str, dict[str, Any]] = {
    "forward": {},
    "backward": {"backward": True},
    "by transfer batches": {"transfer_batch": 20},
    "one operation shared by 3": {"split_over": 3},
}
METHOD = (
    f"{QUESTIONS} questions of each shape, the same for all ways: {OPERATIONS} operations drawn from those of the"
    " city, 20 to 200 pieces, 2 to 8 minutes a piece, a place in the city, a first day in the next two months; warmed"
    f" up, then the ways in turn for {ROUNDS} rounds, percentiles over all of them. `cpu` is the time that this process"
    " had a processor for: the clock counts what else the machine did, too. `plan`: the planner alone, in process."
    " `answer`: what POST /promises does with it: plan, check terms and price in PostgreSQL, reasons, sentences, JSON;"
    " no HTTP; PostgreSQL has those resources alone that are in a plan of the city. `dense` has"
    f" {DENSER} times the firms in the same city. Target: 20 ms at the 99th percentile of the city."
)
Took = dict[tuple[str, str], list[tuple[float, float]]]
"""Shape and way -> milliseconds by the clock, and of this process' processor time."""
Way = Callable[[Wanted], Awaitable[object]]


async def main() -> None:
    """Measure and print."""
    settings = Settings(service="capacity", database=DATABASE)
    first_day = first_searched(datetime.now(UTC))
    async with fresh(settings) as database:
        offered = _city(first_day)
        city = [_half_taken(availability(one, site, {}, first_day)) for one, site in offered]
        index, dense = _index(city), _index(city)
        for number in range(1, DENSER):
            dense.put(_twins(city, number))
        processes = sorted({process for row in city for process in row.processes})
        asked = {shape: _questions(processes, given) for shape, given in SHAPES.items()}
        planned = {key for some in asked.values() for wanted in some for key in _planned_on(index, wanted)}
        await _publish(database, [(one, site) for one, site in offered if one.id in planned])
        took = await _measured(database, index, dense, asked)
        turns = {shape: [_longest_turn(index, wanted) for wanted in some] for shape, some in asked.items()}
    _show(took, turns, len(city))


# --- cities ----------------------------------------------------------------------------------------------------------


def _city(first_day: date) -> list[tuple[Resource, Site]]:
    found = []
    for firm in milan.firms(FIRMS, 1):
        [stands] = firm.party["sites"]
        for given in firm.resources:
            one = _telling(resource(given, first_day))
            where = stands["latitude"], stands["longitude"]
            found.append((one, Site(one.site_id, one.party_id, 1, milan.ZONE, *where)))
    return found


def _telling(one: Resource) -> Resource:
    """Every second one tells what work takes: so many minutes a piece, in whole lots, by batches, with time to dry."""
    dice = Random(one.id.int)
    if dice.random() < 0.5:
        return one
    work = Work(
        run=dice.randint(2, 8),
        setup=15,
        cleanup=dice.choice((0, 10)),
        efficiency_percent=dice.choice((85, 100)),
        ramp_percent=dice.choice(([], [], [60, 80])),
        lot_multiple=dice.choice((1, 10)),
        transfer_batch=dice.choice((None, 20)),
        elapsed_minutes=dice.choice((0, 240)),
    )
    return replace(one, work=dict.fromkeys(one.processes, work))


async def _publish(database: Database, offered: Sequence[tuple[Resource, Site]]) -> None:
    for begin in range(0, len(offered), 1000):
        some = offered[begin : begin + 1000]
        async with database.work() as session:
            await store.keep_sites(session, list({site.id: site for _, site in some}.values()))
            await store.publish(session, [one for one, _ in some])


def _half_taken(row: Availability) -> Availability:
    dice = Random(row.id.int)
    free = (round((after - before) * dice.random()) for before, after in pairwise(row.cumulative))
    return replace(row, cumulative=array("i", [0, *accumulate(free)]))


def _twins(city: Sequence[Availability], number: int) -> list[Availability]:
    """The same city again, in the same place."""
    return [replace(row, id=uuid5(row.id, str(number)), site_id=uuid5(row.site_id, str(number))) for row in city]


def _index(city: Sequence[Availability]) -> Index:
    index = Index(Heard(datetime.now(UTC), time.monotonic()))
    index.put(city)
    return index


# --- asking ----------------------------------------------------------------------------------------------------------


def _questions(processes: Sequence[str], shape: dict[str, Any]) -> list[Wanted]:
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
) -> Wanted:
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
    return Wanted(question=question, first=first, due=first + timedelta(120), currency="EUR")


def _plan(index: Index, wanted: Wanted) -> list[Plan]:
    offered = sellers(index, wanted)
    return promise(wanted.asked(next(iter(offered.values())).first_day), offered)


def _longest_turn(index: Index, wanted: Wanted) -> float:
    """Milliseconds of the processor for which a plan keeps the event loop at most."""
    offered, turns, since = sellers(index, wanted), list[float](), time.process_time()
    for _ in planning(wanted.asked(next(iter(offered.values())).first_day), offered):
        turns.append(time.process_time())
    return max(after - before for before, after in pairwise([since, *turns])) * 1000


def _planned_on(index: Index, wanted: Wanted) -> set[UUID]:
    return {step.resource_id for plan in _plan(index, wanted) for step in plan.steps}


def _planned(index: Index) -> Way:
    async def plan(wanted: Wanted) -> None:
        _plan(index, wanted)

    return plan


def _answered(database: Database, index: Index) -> Way:
    kit: Any = SimpleNamespace(database=database)
    feed_of(database).index = index

    async def answer(wanted: Wanted) -> None:
        index.heard = Heard(datetime.now(UTC), time.monotonic())
        msgspec.json.encode((await promises.find(kit, wanted)).told)

    return answer


Asked = Mapping[str, Sequence[Wanted]]
"""By shape."""


async def _measured(database: Database, city: Index, dense: Index, asked: Asked) -> Took:
    ways = {"plan": _planned(city), "answer": _answered(database, city), "plan, dense": _planned(dense)}
    took: Took = defaultdict(list)
    for shape, questions in asked.items():
        for number in range(ROUNDS + 1):
            for way, ask in ways.items():
                times = [await _timed(ask, question) for question in questions]
                took[shape, way] += times if number else []
    return took


async def _timed(ask: Way, wanted: Wanted) -> tuple[float, float]:
    began, had = time.perf_counter(), time.process_time()
    await ask(wanted)
    return (time.perf_counter() - began) * 1000, (time.process_time() - had) * 1000


def _show(took: Took, turns: Mapping[str, Sequence[float]], rows: int) -> None:
    heads = ("question", "way", "p50 ms", "p99 ms", "p50 cpu", "p99 cpu", "p50 cpu against the plan's")
    table = Table(*heads, title="Promises")
    for shape in SHAPES:
        plan = statistics.median(cpu for _, cpu in took[shape, "plan"])
        for way in ("plan", "answer", "plan, dense"):
            columns = [statistics.quantiles(times, n=100) for times in zip(*took[shape, way], strict=True)]
            told = [f"{column[at]:.1f}" for column in columns for at in (49, 98)]
            table.add_row(shape, way, *told, f"{columns[1][49] / plan:.1f} x")
        table.add_section()
    console = Console()
    console.print(table)
    for shape, longest in turns.items():
        high = statistics.quantiles(longest, n=100)[98]
        console.print(
            f"{shape}: longest turn of the event loop p50 {statistics.median(longest):.1f}, p99 {high:.1f} ms."
        )
    console.print(f"{FIRMS:,} firms are {rows:,} resources.")
    console.print(METHOD)


if __name__ == "__main__":
    asyncio.run(main())
