"""How many holds a second the ledger takes with group commit, against one statement for each hold.

Where clients, service and PostgreSQL share two cores the ceiling is the CPU: docs/decisions/0018 and 0027 have what a
hold spends it on, and how far that is from the aims.

Servers are those of `FILIERA_*`; the database `capacity_bench` is made anew and dropped at the end.
"""

import asyncio
import statistics
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import asyncpg
import uvloop
from rich.console import Console
from rich.table import Table

from bench._database import arguments, drop
from bench._edge import served
from libs.kit.db import Database
from libs.kit.ids import new_id
from libs.kit.migrate import migrate
from libs.kit.settings import Settings
from libs.service.app import collect_rarely
from libs.service.idempotency import Asked
from services.capacity import store
from services.capacity.domain.calendar import Calendar
from services.capacity.domain.offer import Allocation, Resource, Site
from services.capacity.domain.terms import MOST, Money, Terms
from services.capacity.handlers.holds import LEDGER, Ask, placing

DATABASE = "capacity_bench"
CLIENTS, ROUNDS, SECONDS = 32, 5, 2.0
RESOURCES, DAYS = 100, 100
METHOD = (
    f"{CLIENTS} clients in one process, on the loop that the services run on, each asking for its next hold when it has"
    f" the last; {ROUNDS} rounds of {SECONDS:.0f} s, the ways in turn in every round, medians of the rounds; p50 and"
    " p99 over all of them. Group commit is the service's own: rules, cap on open holds, bucket, hold, two events and"
    " idempotency key, several statements on a connection, two batches at a time. The raw ways know no rules: one"
    f" prepared statement a hold on {CLIENTS} connections, committing by itself; `bare` updates the bucket and inserts"
    " the hold, `same effects` inserts the events and the key too. All in the same role, under the same row-level"
    " security. HTTP is the whole service, one process, with token, validation, relay and jobs, on a database of its"
    " own, stopped while others are measured; its clients are in the measuring process."
)
_TAKE = """
    WITH taken AS (
        UPDATE bucket SET held = held + 1, version = version + 1
         WHERE id = $1 AND published - held - committed - blocked >= 1 RETURNING *)
"""
_HOLD = """
    INSERT INTO hold (id, party_id, version, state, allocations, expires_at)
    SELECT $2::uuid, $3::uuid, 1, 'held', jsonb_build_array(jsonb_build_object(
               'bucket_id', id, 'resource_id', resource_id, 'workshop_id', party_id, 'day', day, 'quantity', 1)),
           clock_timestamp() + interval '15 minutes' FROM taken
"""
BARE = _TAKE + _HOLD
SAME_EFFECTS = f"""{_TAKE}, held AS ({_HOLD} RETURNING *), remembered AS (
        INSERT INTO idempotency_key (party_id, key, request_hash, status, body)
        SELECT party_id, id::text, 'hash', 201, convert_to(to_json(held)::text, 'UTF8') FROM held)
    INSERT INTO outbox (id, aggregatetype, aggregateid, version, type, payload)
    SELECT gen_random_uuid(), 'capacity.hold', id, 1, 'filiera.capacity.hold_placed.v1', to_json(held) FROM held
    UNION ALL
    SELECT gen_random_uuid(), 'capacity.bucket', id, version, 'filiera.capacity.bucket_changed.v1', to_json(taken)
      FROM taken
"""

Place = Callable[[Allocation, UUID], Awaitable[object]]


@dataclass
class Measured:
    """Of one way on one set of buckets."""

    rates: list[float] = field(default_factory=list)
    """Holds a second, by round."""
    took: list[float] = field(default_factory=list)
    """Seconds, by hold."""

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    def percentile(self, percent: int) -> float:
        return statistics.quantiles(self.took, n=100)[percent - 1] * 1000


async def main() -> None:
    """Measure and print."""
    collect_rarely()
    settings, apart = (Settings(service="capacity", database=name) for name in (DATABASE, f"{DATABASE}_edge"))
    (database, buckets), (edge, same_days) = await _fresh(settings), await _fresh(apart)
    twins = {one.bucket_id: other for one, other in zip(buckets, same_days, strict=True)}
    async with (
        _raw(settings, BARE) as bare,
        _raw(settings, SAME_EFFECTS) as same,
        served(str(apart.database), CLIENTS) as hold,
    ):
        ways: dict[str, Place] = {"group commit": _grouped(database), "raw, bare": bare, "raw, same effects": same}
        ways["HTTP"] = lambda part, _: hold(twins[part.bucket_id])
        sets = {"one hot bucket": buckets[:1], f"{len(buckets):,} buckets": buckets}
        measured = await _measure(ways, sets)
    for done, where in ((database, settings), (edge, apart)):
        await done.close()
        await drop(where)
    _show(measured)


async def _fresh(settings: Settings) -> tuple[Database, list[Allocation]]:
    """A new database, and what it has to sell."""
    await drop(settings)
    await migrate("capacity", database=settings.database)
    database = Database(settings.url)
    return database, await _touched(database)


async def _measure(ways: dict[str, Place], sets: dict[str, list[Allocation]]) -> dict[str, dict[str, Measured]]:
    measured: dict[str, dict[str, Measured]] = {name: defaultdict(Measured) for name in sets}
    for _ in range(ROUNDS):
        for name, buckets in sets.items():
            for way, place in ways.items():
                await _round(place, buckets, measured[name][way])
    return measured


async def _round(place: Place, buckets: list[Allocation], into: Measured) -> None:
    parties = [new_id() for _ in range(5000)]
    dice, began = Random(1), time.perf_counter()
    before, end = len(into.took), began + SECONDS

    async def client() -> None:
        while (asked := time.perf_counter()) < end:
            await place(dice.choice(buckets), dice.choice(parties))
            into.took.append(time.perf_counter() - asked)

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    into.rates.append((len(into.took) - before) / (time.perf_counter() - began))


def _grouped(database: Database) -> Place:
    commit = placing(database)

    async def place(part: Allocation, party: UUID) -> object:
        return await commit.run(
            Ask(party, [(part.resource_id, part.day, 1)], 900, Asked(party, str(new_id()), b"hash"))
        )

    return place


@asynccontextmanager
async def _raw(settings: Settings, statement: str) -> Any:
    free: asyncio.Queue[Any] = asyncio.Queue()
    connections = [await asyncpg.connect(**arguments(settings.url), timeout=10) for _ in range(CLIENTS)]
    for connection in connections:
        await connection.execute(f"SET role = {LEDGER}")
        await free.put(await connection.prepare(statement))

    async def place(part: Allocation, party: UUID) -> None:
        prepared = await free.get()
        await prepared.fetch(part.bucket_id, new_id(), party, timeout=20)
        free.put_nowait(prepared)

    yield place
    for connection in connections:
        await connection.close(timeout=5)


async def _touched(database: Database) -> list[Allocation]:
    """Every day of some benches, each with its row."""
    made = [allocation for _ in range(RESOURCES) for allocation in await _bench(database)]
    async with database.work() as session:
        await store.open_ledger(session, made)
    return made


async def _bench(database: Database) -> list[Allocation]:
    first = datetime.now(UTC).date() + timedelta(1)
    calendar = Calendar(weekly=[MOST] * 7, exceptions={}, starts_on=first, ends_on=first + timedelta(DAYS - 1))
    resource = Resource(
        id=new_id(),
        party_id=new_id(),
        version=1,
        site_id=new_id(),
        name="Bench",
        kind="bench",
        processes=["lockstitch"],
        unit="minutes",
        time_zone="Europe/Rome",
        terms=Terms(price_per_unit=Money(50), setup_price=Money(0)),
        calendar=calendar,
    )
    async with database.work() as session:
        await store.keep_sites(session, [Site(resource.site_id, resource.party_id, 1, resource.time_zone)])
        await store.publish(session, [resource])
    return [resource.allocate(first + timedelta(number), 1) for number in range(DAYS)]


def _show(measured: dict[str, dict[str, Measured]]) -> None:
    table = Table("on", "way", "holds/s", "p50 ms", "p99 ms", "of raw, same effects", title="Holds")
    for name, ways in measured.items():
        raw = ways["raw, same effects"].rate
        for way, one in ways.items():
            times = f"{one.percentile(50):.1f}", f"{one.percentile(99):.1f}"
            table.add_row(name, way, f"{one.rate:,.0f}", *times, f"{one.rate / raw:.2f} x")
        table.add_section()
    console = Console()
    console.print(table)
    console.print(METHOD)


if __name__ == "__main__":
    uvloop.run(main())
