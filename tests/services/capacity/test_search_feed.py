"""How search hears of the ledger: every process of everything, across midnights, and never a promise that is kept by
nobody but the ledger."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from libs.contracts import capacity
from libs.kit.db import Database
from libs.kit.errors import Conflict, Unavailable
from libs.kit.ids import new_id
from services.capacity.domain.availability import LONGEST_BASE, availability, first_searched
from services.capacity.domain.offer import Resource, Site
from services.capacity.domain.search import Wanted
from services.capacity.domain.terms import Money
from services.capacity.handlers import search
from services.capacity.handlers.resources import Change, save
from services.capacity.search.feed import Feed, Keeper, feed_of
from services.capacity.search.index import Heard, Index
from tests.services.capacity.world import a_resource, change_terms, day, hold, publish


@dataclass
class Process:
    """As much of a process as searching needs."""

    database: Database


@pytest.fixture
async def bench(db: Database) -> Resource:
    """The only one of its process."""
    resource = a_resource(processes=[f"p{new_id().hex}"])
    await publish(db, resource)
    return resource


def wanted(bench: Resource, quantity: int = 480, **more: Any) -> Wanted:
    return Wanted(
        party=new_id(), process=bench.processes[0], quantity=quantity, **{"first": date.min, "last": date.max} | more
    )


def ends(feed: Feed, bench: Resource, quantity: int = 480) -> list[date]:
    assert feed.index
    return [window.ends_on for window in feed.index.find(wanted(bench, quantity, lot="day"))]


# --- several processes -----------------------------------------------------------------------------------------------


async def test_every_process_hears_of_every_hold(db: Database, bench: Resource) -> None:
    feeds = [Feed(db) for _ in range(3)]
    await asyncio.gather(*(feed.look() for feed in feeds))
    await hold(db, new_id(), (bench, day(0), 1))
    await asyncio.gather(*(feed.look() for feed in feeds))
    assert [ends(feed, bench) for feed in feeds] == [[day(1)]] * 3


@pytest.mark.parametrize("change", ["currency", "process"])
async def test_what_is_sold_otherwise_is_not_found_where_it_was(db: Database, bench: Resource, change: str) -> None:
    feed, other = Feed(db), replace(bench, processes=[f"p{new_id().hex}"])
    await feed.look()
    assert ends(feed, bench) == [day(0)]
    if change == "currency":
        await change_terms(db, bench, price_per_unit=Money(1, "CHF"), setup_price=Money(0, "CHF"))
    else:
        async with db.write(bench.party_id) as session:
            await save(session, [Change(bench, replace(other, version=2, name="Banco"), capacity.ResourceChanged)])
    await feed.look()
    assert ends(feed, bench) == []
    await hold(db, new_id(), (bench, day(0), 480))
    await feed.look()
    assert ends(feed, bench) == []
    assert feed.index
    sold = wanted(bench, currency="CHF") if change == "currency" else wanted(other)
    assert [window.ends_on for window in feed.index.find(sold)] == [day(1)]


async def test_one_process_at_a_time_keeps_the_rows_and_any_other_can_go_on(db: Database, bench: Resource) -> None:
    keepers = [Keeper(db) for _ in range(4)]
    for number in range(8):
        await hold(db, new_id(), (bench, day(number), 1))
        await asyncio.gather(*(keeper.keep() for keeper in keepers))
        await keepers[number % 4].keep()
        feed = Feed(db)
        await feed.look()
        assert ends(feed, bench) == [day(number + 1)]


async def test_a_process_that_starts_knows_what_the_rows_do_not_have_yet(db: Database, bench: Resource) -> None:
    await Keeper(db).keep()
    await hold(db, new_id(), (bench, day(0), 480))
    feed = Feed(db)
    await feed.look()
    assert ends(feed, bench) == [day(1)]


async def test_rows_that_are_lost_come_back_from_the_outbox(db: Database, bench: Resource) -> None:
    await hold(db, new_id(), (bench, day(0), 480))
    await Keeper(db).keep()
    async with db.work() as session:
        await session.execute(text("DELETE FROM availability"))
        await session.execute(text("UPDATE search_progress SET after = 0"))
    await Keeper(db).keep()
    async with db.read() as session:
        found = (await search.in_rows(session, wanted(bench))).windows
    assert [window.ends_on for window in found] == [day(1)]


# --- what is old -----------------------------------------------------------------------------------------------------


async def test_an_old_index_promises_nothing_that_the_ledger_keeps(db: Database, bench: Resource) -> None:
    feed = Feed(db)
    await feed.look()
    await hold(db, new_id(), (bench, day(0), 480))
    assert ends(feed, bench) == [day(0)], "it has not looked again"
    with pytest.raises(Conflict) as refused:
        await hold(db, new_id(), (bench, day(0), 480))
    assert refused.value.code == "NO_CAPACITY"
    await feed.look()
    assert ends(feed, bench) == [day(1)]


async def test_an_index_that_hears_nothing_gives_way_to_the_rows_and_these_to_asking_again(
    db: Database, bench: Resource
) -> None:
    process, feed = Process(db), feed_of(db)
    await feed.look()
    await Keeper(db).keep()
    assert feed.index
    feed.index.heard = Heard(feed.index.heard.as_of, time.monotonic() - 2 * search.MOST_SECONDS)
    by_rows = await search.search(process, wanted(bench))
    assert [window.ends_on for window in by_rows.windows] == [day(0)]
    assert by_rows.age_seconds < search.MOST_SECONDS
    await _let_rows_be_old(db)
    with pytest.raises(Unavailable, match="Ask again") as stale:
        await search.search(process, wanted(bench))
    assert stale.value.code == "SEARCH_STALE"
    await feed.look()
    assert (await search.search(process, wanted(bench))).windows == by_rows.windows


async def _let_rows_be_old(db: Database) -> None:
    async with db.work() as session:
        await session.execute(text("UPDATE search_progress SET as_of = as_of - interval '10 seconds'"))


# --- days that pass --------------------------------------------------------------------------------------------------


def an_index(at: datetime, *benches: Resource) -> Index:
    index = Index(Heard(at, time.monotonic()))
    for bench in benches:
        site = Site(bench.site_id, bench.party_id, 1, bench.time_zone, 45.46, 9.19)
        index.put([availability(bench, site, {}, first_searched(at))])
    return index


def first_days(index: Index, benches: Sequence[Resource]) -> list[date]:
    return [index.find(wanted(bench, 1))[0].starts_on for bench in benches]


def test_a_day_ends_at_midnight_where_the_resource_stands() -> None:
    zones = ("Europe/Rome", "Pacific/Kiritimati", "Etc/GMT+12")
    span = {"starts_on": date(2026, 1, 1), "ends_on": date(2027, 12, 31)}
    benches = [a_resource(processes=[f"in_{n}"], time_zone=zone, **span) for n, zone in enumerate(zones)]
    summer = datetime(2026, 7, 10, 21, 59, 59, tzinfo=UTC)
    index = an_index(summer, *benches)
    assert first_days(index, benches) == [date(2026, 7, 10), date(2026, 7, 11), date(2026, 7, 10)]
    index.heard = Heard(summer + timedelta(seconds=2), time.monotonic())
    assert first_days(index, benches) == [date(2026, 7, 11), date(2026, 7, 11), date(2026, 7, 10)]
    index.heard = Heard(summer + timedelta(hours=14, seconds=2), time.monotonic())
    assert first_days(index, benches) == [date(2026, 7, 11), date(2026, 7, 12), date(2026, 7, 11)]


def test_the_horizon_goes_on_with_the_days_until_the_index_is_loaded_again() -> None:
    start = datetime(2026, 3, 1, 12, tzinfo=UTC)
    bench = a_resource(starts_on=date(2026, 1, 1), ends_on=date(2028, 1, 1))
    index = an_index(start, bench)
    for passed in range(LONGEST_BASE):
        index.heard = Heard(start + timedelta(passed), time.monotonic())
        assert not index.is_worn()
        today = date(2026, 3, 1) + timedelta(passed)
        [window] = index.find(wanted(bench, 480, lot="day"))
        assert window.starts_on == today
        last = today + timedelta(364)
        assert index.find(wanted(bench, 480, first=last))[0].ends_on == last
        assert index.find(wanted(bench, 480, first=last + timedelta(1))) == []
        offers = index.offers("lockstitch", offset=timedelta(hours=14))
        assert offers
        assert offers.day(int(offers.opens[0])) == today
        assert offers.cumulative[0, 366] - offers.cumulative[0, 0] == 366 * 480
    index.heard = Heard(start + timedelta(LONGEST_BASE), time.monotonic())
    assert index.is_worn()


def test_today_is_by_the_clock_of_most_sellers_and_not_sold_by_who_is_ahead_of_it() -> None:
    noon = datetime(2026, 7, 10, 10, tzinfo=UTC)
    zones = ("Europe/Rome", "Europe/Paris", "Pacific/Kiritimati", "Etc/GMT+12")
    span = {"processes": ["p"], "starts_on": date(2026, 1, 1), "ends_on": date(2027, 12, 31)}
    benches = [a_resource(time_zone=zone, **span) for zone in zones]
    hidden = [a_resource(time_zone="Pacific/Kiritimati", visibility="private", **span) for _ in range(3)]
    full = [a_resource(time_zone="Pacific/Kiritimati", **span | {"weekly": [0] * 7}) for _ in range(3)]
    gone = [a_resource(time_zone="Pacific/Kiritimati", **span) for _ in range(3)]
    index = an_index(noon, *benches, *hidden, *full, *gone)
    index.put([availability(replace(one, processes=["r"]), None, {}, first_searched(noon)) for one in gone])
    sold = ("p", "EUR", "minutes")
    offset = index.offset([sold], new_id())
    assert offset == timedelta(hours=2)
    assert index.offset([sold], hidden[0].party_id) == timedelta(hours=14), (
        "its own is sold to it; of equals the latest"
    )
    assert index.offset([("q", "EUR", "minutes")], new_id()) == timedelta()
    found = [index.offers(*sold, *by) for by in ((offset,), ())]
    opens = [[one.day(day) for day in one.opens[:4].tolist()] for one in found if one]
    tenth, eleventh, twelfth = (date(2026, 7, day) for day in (10, 11, 12))
    assert opens[0] == [tenth, tenth, twelfth, date(2026, 7, 9)]
    assert opens[1] == [eleventh, eleventh, twelfth, tenth], "without a clock nobody sells today"


async def test_what_is_taken_of_today_is_known_to_who_hears_of_it_and_to_who_is_loaded(
    db: Database, bench: Resource
) -> None:
    hears, today = Feed(db), day(0)
    await hears.look()
    for quantity, taken in ((60, 60), (30, 90)):
        await hold(db, new_id(), (bench, today, quantity))
        await hears.look()
        loaded = Feed(db)
        await loaded.look()
        for feed in (hears, loaded):
            assert feed.index
            assert feed.index.taken(today)[bench.id] == taken


async def test_rows_are_written_again_when_a_week_has_passed(db: Database, bench: Resource) -> None:
    await Keeper(db).keep()
    begins = "SELECT first_day - (statement_timestamp() AT TIME ZONE 'UTC')::date FROM availability WHERE id = :id"
    async with db.work() as session:
        await session.execute(text("UPDATE availability SET first_day = first_day - 7"))
    await Keeper(db).keep()
    async with db.work() as session:
        assert await session.scalar(text(begins), {"id": bench.id}) == -1
