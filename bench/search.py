"""How long a search takes in a city and in ten, in process and in PostgreSQL; how long an index takes to load, and to
hear of a hold.

Servers are those of `FILIERA_*`; the database `capacity_search` is made anew and dropped at the end. Cities are those
of the demo: 36,000 firms, of them 13,000 workshops with some 37,000 resources. `SEARCH_FIRMS` makes them smaller.
"""

import asyncio
import os
import statistics
import time
from array import array
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from functools import cache
from random import Random
from uuid import UUID, uuid5

import asyncpg
import msgspec
from rich.console import Console
from rich.table import Table

from bench._database import arguments, fresh
from bench._probe import running
from libs.demo import milan
from libs.demo.client import Json
from libs.kit.db import Database
from libs.kit.ids import new_id
from libs.kit.settings import Settings
from libs.service.idempotency import Asked
from services.capacity import store
from services.capacity.domain.availability import CELL, Availability, availability, first_searched
from services.capacity.domain.calendar import Calendar
from services.capacity.domain.offer import Resource, Site
from services.capacity.domain.search import Wanted
from services.capacity.domain.shifts import Pattern, Shift, calendar_of
from services.capacity.domain.terms import Money, Terms
from services.capacity.handlers.holds import Ask, placing
from services.capacity.search import metrics
from services.capacity.search.feed import LOOK, Feed, Keeper
from services.capacity.search.index import Heard, Index

DATABASE = "capacity_search"
FIRMS = int(os.environ.get("SEARCH_FIRMS", milan.FIRMS))
CITIES = 10
QUESTIONS, ROUNDS = 100, 3
HOLDS, RATE = 1000, 100
"""Holds for the lag, and how many a second."""
SHAPES: dict[str, Json] = {
    "earliest, 5 km": {"km": 5.0},
    "earliest, 20 km": {"km": 20.0},
    "cheapest, 5 km": {"km": 5.0, "order": "cheapest"},
    "on one day, 5 km": {"km": 5.0, "lot": "day"},
    "earliest, anywhere": {},
}
METHOD = (
    f"{QUESTIONS} questions of each shape, the same for all ways: a process, 60 to 5,000 minutes, a place in the city,"
    " half a year from a day in the next two months, the 20 best windows; warmed up, then the ways in turn for"
    f" {ROUNDS} rounds, percentiles over all of them. `city` is one Milan; `cities` is ten of them 78 km apart; `dense`"
    " is ten times the firms in one Milan, in process alone. In process: the search itself; `cpu` is the time that this"
    " process had a processor for. In PostgreSQL: a statement and its answer on an open transaction. Load: a new"
    f" process, from the rows to an index that has heard everything. Lag: {HOLDS} holds at {RATE} a second, from the"
    " moment that the event is written, before its commit, until the index knows; it looks every"
    f" {LOOK * 1000:.0f} ms. Targets: 0.2 ms and 2 ms, growth of 2 and 5 times, load 5 s, lag 100 ms at the 99th"
    " percentile."
)
_COLUMNS = [field.name for field in fields(Availability)]
_EAST = f"""(SELECT array_agg(CASE WHEN key ~ '[0-9]$'
       THEN regexp_replace(key, '[0-9]+$', '') || substring(key FROM '[0-9]+$')::int + number * {round(1 / CELL)}
       ELSE key END) FROM unnest(places) AS key)"""
_THERE = {"id": "gen_random_uuid()", "longitude": "longitude + number", "places": _EAST}
COPY = (
    "DROP INDEX availability_places",
    f"""INSERT INTO availability ({", ".join(_COLUMNS)}) SELECT {", ".join(_THERE.get(one, one) for one in _COLUMNS)}
          FROM availability, generate_series(1, {CITIES - 1}) AS number""",
    "CREATE INDEX availability_places ON availability USING gin (places)",
)
"""The city again and again, each time a degree further to the east: in PostgreSQL itself, which is quicker."""
Took = dict[tuple[str, str], list[tuple[float, float]]]
"""Shape and way -> milliseconds by the clock, and of this process' processor time."""


async def main() -> None:
    """Measure and print."""
    settings = Settings(service="capacity", database=DATABASE)
    first_day = first_searched(datetime.now(UTC))
    async with fresh(settings) as database:
        city = list(_city(first_day))
        await _without_resources(settings)
        await _keep(database, city)
        await _settled(settings)
        loads = [await _loaded(database) for _ in range(3)]
        lags = await _lags(database, first_day)
        city = [replace(row, cumulative=array("i", row.cumulative)) for row in city]
        one = await _measured(database, {"city": _index(city)}, city)
        await _as_admin(settings, *COPY)
        await _settled(settings)
        many = await _measured(database, _ten(city), city)
    _show(one | many, len(city), loads, lags)


# --- cities ----------------------------------------------------------------------------------------------------------


def _city(first_day: date) -> Iterator[Availability]:
    for firm in milan.firms(FIRMS, 1):
        [site] = firm.party["sites"]
        for given in firm.resources:
            resource = _resource(given, first_day)
            stands = Site(resource.site_id, resource.party_id, 1, milan.ZONE, site["latitude"], site["longitude"])
            yield availability(resource, stands, {}, first_day)


def _resource(given: Json, first_day: date) -> Resource:
    terms = given["terms"]
    return Resource(
        id=UUID(given["id"]),
        party_id=UUID(given["partyId"]),
        version=1,
        site_id=UUID(given["siteId"]),
        name=given["name"],
        kind=given["kind"],
        processes=list(given["processes"]),
        unit="minutes",
        time_zone=milan.ZONE,
        terms=Terms(
            price_per_unit=Money(terms["pricePerUnit"]["amount"]),
            setup_price=Money(terms["setupPrice"]["amount"]),
            minimum_quantity=terms["minimumQuantity"],
            notice_days=terms["noticeDays"],
        ),
        calendar=_calendar(msgspec.json.encode(given["pattern"]), first_day),
    )


@cache
def _calendar(pattern: bytes, first_day: date) -> Calendar:
    given = msgspec.json.decode(pattern)
    shifts = [_shift(**one) for one in given["shifts"]]
    kept = Pattern(shifts=shifts, holidays=given["holidays"], august_weeks=given["augustWeeks"])
    return calendar_of(kept, milan.ZONE, first_day)


def _shift(weekdays: list[int], starts: str, ends: str, breakMinutes: int, teams: int) -> Shift:  # noqa: N803 - JSON
    clock = {"starts": clock_time.fromisoformat(starts), "ends": clock_time.fromisoformat(ends)}
    return Shift(weekdays=weekdays, break_minutes=breakMinutes, teams=teams, **clock)


def _elsewhere(city: Sequence[Availability], number: int, *, apart: bool) -> Iterator[Availability]:
    """The same city again, a degree to the east for each number, or in the same place."""
    for row in city:
        yield replace(row, id=uuid5(row.id, str(number)), longitude=(row.longitude or 0) + number * apart)


def _ten(city: Sequence[Availability]) -> dict[str, Index]:
    """Ten cities, and one with ten times the firms."""
    both = {"cities": _index(city), "dense": _index(city)}
    for number in range(1, CITIES):
        both["cities"].put(list(_elsewhere(city, number, apart=True)))
        both["dense"].put(list(_elsewhere(city, number, apart=False)))
    return both


def _index(city: Sequence[Availability]) -> Index:
    index = Index(Heard(datetime.now(UTC), time.monotonic()))
    index.put(city)
    return index


async def _without_resources(settings: Settings) -> None:
    """Rows of search without the resources that they are of: no others are looked at here."""
    await _as_admin(settings, "ALTER TABLE availability DROP CONSTRAINT availability_party_id_id_fkey")


async def _settled(settings: Settings) -> None:
    """As autovacuum leaves it some minutes after so many rows have come."""
    await _as_admin(settings, "VACUUM ANALYZE availability")


async def _as_admin(settings: Settings, *statements: str) -> None:
    admin = await asyncpg.connect(**arguments(settings.server) | {"database": DATABASE}, timeout=10)
    for statement in statements:
        await admin.execute(statement, timeout=300)
    await admin.close(timeout=5)


async def _keep(database: Database, rows: Sequence[Availability]) -> None:
    for begin in range(0, len(rows), 1000):
        async with database.work() as session:
            await store.keep_availabilities(session, rows[begin : begin + 1000])


# --- searching -------------------------------------------------------------------------------------------------------


def _questions(city: Sequence[Availability], shape: Json) -> list[Wanted]:
    dice, first = Random(1), datetime.now(UTC).date()
    processes = sorted({process for row in city for process in row.processes})
    return [
        Wanted(
            party=UUID(int=1),
            process=dice.choice(processes),
            quantity=dice.choice((60, 300, 1200, 5000)),
            first=(begin := first + timedelta(dice.randrange(60))),
            last=begin + timedelta(180),
            near=(45.464 + dice.uniform(-0.05, 0.05), 9.19 + dice.uniform(-0.07, 0.07)),
            **shape,
        )
        for _ in range(QUESTIONS)
    ]


async def _measured(database: Database, indexes: dict[str, Index], city: Sequence[Availability]) -> Took:
    """In process for each index; in PostgreSQL as it is now, under the name of the first."""
    took: Took = defaultdict(list)
    for shape, given in SHAPES.items():
        questions = _questions(city, given)
        async with database.read() as session:

            async def in_rows(wanted: Wanted) -> None:
                await store.find_in_rows(session, wanted)

            ways = {f"in process, {name}": _in_process(index) for name, index in indexes.items()}
            ways[f"in PostgreSQL, {next(iter(indexes))}"] = in_rows
            for number in range(ROUNDS + 1):
                for way, search in ways.items():
                    times = [await _timed(search, question) for question in questions]
                    took[shape, way] += times if number else []
    return took


def _in_process(index: Index) -> Callable[[Wanted], Awaitable[None]]:
    async def search(wanted: Wanted) -> None:
        index.find(wanted)

    return search


async def _timed(search: Callable[[Wanted], Awaitable[None]], wanted: Wanted) -> tuple[float, float]:
    began, had = time.perf_counter(), time.process_time()
    await search(wanted)
    return (time.perf_counter() - began) * 1000, (time.process_time() - had) * 1000


# --- hearing ---------------------------------------------------------------------------------------------------------


async def _loaded(database: Database) -> float:
    """Seconds."""
    began = time.perf_counter()
    await Feed(database).look()
    return time.perf_counter() - began


class _Lags(list[float]):
    """Stands in for the metric."""

    def observe(self, seconds: float) -> None:
        self.append(seconds * 1000)


async def _lags(database: Database, first_day: date) -> list[float]:
    """Milliseconds, with the whole city in the index and both jobs running."""
    bench = await _published(database, first_day)
    feed, keeper, commit, lags = Feed(database), Keeper(database), placing(database), _Lags()
    await feed.look()
    metrics.LAG = lags  # type: ignore[assignment]  # it stands in for the metric
    async with running(_again(feed.look, LOOK), _again(keeper.keep, 1.0)):
        begin, asking = time.perf_counter(), []
        for number in range(HOLDS):
            await asyncio.sleep(max(0.0, begin + number / RATE - time.perf_counter()))
            day = first_day + timedelta(2 + number % 300)
            ask = Ask(new_id(), [(bench.id, day, 1)], 900, Asked(new_id(), str(new_id()), b"hash"))
            asking.append(asyncio.create_task(commit.run(ask)))
        await asyncio.gather(*asking)
        await asyncio.sleep(1)
    assert len(lags) >= HOLDS / 2, "two holds of one batch are one change at most"
    return lags


async def _published(database: Database, first_day: date) -> Resource:
    ids = {name: str(new_id()) for name in ("id", "partyId", "siteId")}
    free = {"price": {"amount": 50}, "none": {"amount": 0}}
    terms = {"pricePerUnit": free["price"], "setupPrice": free["none"], "minimumQuantity": 1, "noticeDays": 0}
    every_day = {"weekdays": [*range(1, 8)], "starts": "08:00", "ends": "16:00", "breakMinutes": 0, "teams": 1}
    pattern = {"shifts": [every_day], "holidays": None, "augustWeeks": 0}
    stands = {"name": "Bench", "kind": "bench", "processes": ["x"], "terms": terms, "pattern": pattern}
    bench = _resource(ids | stands, first_day)
    async with database.work() as session:
        await store.keep_sites(session, [Site(bench.site_id, bench.party_id, 1, milan.ZONE, 45.46, 9.19)])
        await store.publish(session, [bench])
        await store.keep_availabilities(session, await store.availabilities(session, [bench.id], first_day))
    return bench


async def _again(job: Callable[[], Awaitable[None]], seconds: float) -> None:
    while True:
        await job()
        await asyncio.sleep(seconds)


# --- the answer ------------------------------------------------------------------------------------------------------


def _show(took: Took, rows: int, loads: Sequence[float], lags: Sequence[float]) -> None:
    table = Table("question", "way", "p50 ms", "p99 ms", "p50 cpu", "p50 against the city's", title="Search")
    for shape in SHAPES:
        for way in ("process, city", "process, cities", "process, dense", "PostgreSQL, city", "PostgreSQL, cities"):
            times, cpu = zip(*took[shape, f"in {way}"], strict=True)
            city, _ = zip(*took[shape, f"in {way.split(', ')[0]}, city"], strict=True)
            middle, high = statistics.median(times), statistics.quantiles(times, n=100)[98]
            here = f"{statistics.median(cpu):.3f}" if "process" in way else ""
            against = f"{middle / statistics.median(city):.1f} x"
            table.add_row(shape, f"in {way}", f"{middle:.3f}", f"{high:.3f}", here, against)
        table.add_section()
    console = Console()
    console.print(table)
    console.print(f"{FIRMS:,} firms are {rows:,} resources. Load: {statistics.median(loads):.1f} s, median of 3.")
    percentiles = statistics.quantiles(lags, n=100)
    console.print(f"Lag: p50 {percentiles[49]:.0f} ms, p99 {percentiles[98]:.0f} ms, of {len(lags):,} changes.")
    console.print(METHOD)


if __name__ == "__main__":
    asyncio.run(main())
