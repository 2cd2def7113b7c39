"""Hypothesis looks for a history of publishing, holding, releasing and changing calendars after which the index in
memory, or its rows in PostgreSQL, finds anything else than a plain search over the ledger."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, consumes, rule

from libs.kit.errors import Conflict
from libs.kit.ids import new_id
from services.capacity import store
from services.capacity.domain.offer import Resource, Site
from services.capacity.domain.qualification import Qualification
from services.capacity.domain.search import Wanted, Window, parts
from services.capacity.domain.terms import Money
from services.capacity.handlers import resources
from services.capacity.search.feed import Feed, Keeper
from services.capacity.search.index import within_horizon
from services.capacity.search.qualified import Qualified
from tests.conftest import Databases
from tests.services.capacity import brute, world
from tests.services.capacity.machines import Machine, run_machine
from tests.services.capacity.world import day

PLACES = st.sampled_from(
    [None, (45.4642, 9.1900), (45.4781, 9.2270), (45.4520, 9.1420), (45.5845, 9.2744), (0.01, 179.97)]
)
NEAR = st.sampled_from([None, (45.4650, 9.1910), (45.51, 9.21), (60.17, 24.94)])
ZONES = st.sampled_from(["Europe/Rome", "Pacific/Kiritimati", "Etc/GMT+12"])
WEEKS = st.sampled_from([[480] * 7, [480, 480, 480, 480, 480, 0, 0], [0, 0, 0, 60, 0, 0, 0], [0] * 7])
BENCHES = st.fixed_dictionaries(
    {
        "weekly": WEEKS,
        "time_zone": ZONES,
        "minimum_quantity": st.sampled_from([1, 200]),
        "notice_days": st.sampled_from([0, 1, 30]),
        "prices": st.sampled_from([(50, 0, "EUR"), (50, 4000, "EUR"), (80, 0, "EUR"), (50, 0, "CHF")]),
        "unit": st.sampled_from(["minutes", "minutes", "pieces"]),
        "lot_multiple": st.sampled_from([1, 1, 70]),
        "window_days": st.sampled_from([None, None, 35]),
        "charged": st.sampled_from([0, 0, 20_000]),
        "visible": st.sampled_from(["public", "public", "invited", "invited to us", "private", "private to us"]),
    }
)
WANTED = st.fixed_dictionaries(
    {
        "quantity": st.sampled_from([1, 60, 480, 481, 2000, 200_000]),
        "near": NEAR,
        "km": st.sampled_from([None, 0.3, 4.0, 30.0, 25_000.0]),
        "price": st.sampled_from([None, 0, 30_000]),
        "lot": st.sampled_from(["resource", "day"]),
        "order": st.sampled_from(["earliest", "nearest", "cheapest"]),
        "limit": st.sampled_from([1, 3, 20]),
        "qualifications": st.sampled_from(
            [frozenset(), frozenset(), frozenset({"gots"}), frozenset({"gots", "sa8000"})]
        ),
        "unit": st.sampled_from(["minutes", "minutes", "pieces"]),
    }
)


class SearchMachine(Machine):
    """Two indexes: one that hears of everything, and one that is loaded anew from the rows now and then."""

    benches: Bundle[brute.Standing] = Bundle("benches")
    held: Bundle[tuple[Any, str]] = Bundle("held")

    def __init__(self) -> None:
        super().__init__()
        self.process, self.party = f"p{new_id().hex}", new_id()
        self.standing: list[brute.Standing] = []
        self.hears, self.loaded, self.keeper = Feed(self.db), Feed(self.db), Keeper(self.db)

    @rule(target=benches, given=BENCHES, place=PLACES)
    def publish(self, given: dict[str, Any], place: tuple[float, float] | None) -> brute.Standing:
        unit, setup, currency = given.pop("prices")
        prices = {"price_per_unit": Money(unit, currency), "setup_price": Money(setup, currency)}
        visibility, _, us = given.pop("visible").partition(" ")
        prices["minimum_charge"] = Money(given.pop("charged"), currency)
        shown = {"visibility": visibility, "invited": [self.party] if us else []}
        bench = world.a_resource(processes=[self.process, "other"], **given, **prices, **shown)
        self.run(self._publish(bench, place))
        self.standing.append(brute.Standing(bench, place))
        return self.standing[-1]

    async def _publish(self, bench: Any, place: tuple[float, float] | None) -> None:
        async with self.db.work() as session:
            await store.keep_sites(session, [Site(bench.site_id, bench.party_id, 1, bench.time_zone, *(place or ()))])
        async with self.db.write(bench.party_id) as session:
            await resources.publish_resource(session, bench)

    @rule(target=held, bench=benches, number=st.integers(0, 9), quantity=st.sampled_from([1, 60, 300, 480]))
    def hold(self, bench: brute.Standing, number: int, quantity: int) -> Any:
        party = bench.resource.party_id
        with suppress(Conflict):
            asked = (bench.resource, day(number), bench.resource.terms.least_for(quantity))
            return party, self.run(world.hold(self.db, party, asked))["id"]
        return None

    @rule(
        bench=benches,
        scheme=st.sampled_from(["gots", "sa8000"]),
        first=st.integers(-9, 9),
        days=st.sampled_from([0, 2, 400]),
        state=st.sampled_from(["shown", "shown", "shown", "withdrawn"]),
    )
    def qualify(self, bench: brute.Standing, scheme: str, first: int, days: int, state: str) -> None:
        span = {"valid_from": day(first), "valid_until": day(first + days), "state": state}
        shown = Qualification(id=new_id(), party_id=bench.resource.party_id, version=1, scheme=scheme, **span)
        self.run(self._keep(shown))
        bench.shown.append(shown)

    async def _keep(self, shown: Qualification) -> None:
        async with self.db.work() as session:
            await store.keep_qualifications(session, [shown])

    @rule(hold=consumes(held))
    def release(self, hold: Any) -> None:
        if hold:
            self.run(world.release(self.db, *hold))

    @rule(bench=benches, weekly=WEEKS, closed=st.integers(0, 9), ends=st.sampled_from([3, 365]))
    def change_calendar(self, bench: brute.Standing, weekly: list[int], closed: int, ends: int) -> None:
        changes = {"weekly": weekly, "exceptions": {day(closed): 0}, "ends_on": day(max(ends, closed))}
        with suppress(Conflict):
            self.run(world.change_calendar(self.db, bench.resource, **changes))
            bench.resource = replace(bench.resource, calendar=replace(bench.resource.calendar, **changes))

    @rule()
    def load(self) -> None:
        self.loaded = Feed(self.db)

    @rule(given=WANTED, first=st.sampled_from([-3, 0, 5]), days=st.sampled_from([0, 7, 500]))
    def search(self, given: dict[str, Any], first: int, days: int) -> None:
        if given["near"] is None:
            given |= {"km": None, "order": "earliest"}
        wanted = Wanted(party=self.party, process=self.process, first=day(first), last=day(first + days), **given)
        expected, *found = self.run(self._search(wanted))
        for way, one in zip(("heard", "loaded", "rows"), found, strict=True):
            assert list(map(plain, one)) == list(map(plain, expected)), way
            assert [w.km for w in one] == pytest.approx([w.km for w in expected], abs=0.01), way

    @rule()
    def look_at_every_day(self) -> None:
        self.run(self._look_at_every_day())

    async def _look_at_every_day(self) -> None:
        await self.keeper.keep()
        every = [(one.resource, whole_span(one.resource)) for one in self.standing]
        expected, windows = await brute.free(self.db, every), [window for _, window in every]
        for feed in (self.hears, self.loaded):
            await feed.look()
            assert [feed.index.free(window) for window in windows] == expected
        async with self.db.work() as session:
            assert await store.free_in_rows(session, windows) == expected

    async def _search(self, wanted: Wanted) -> list[list[Window]]:
        await self.keeper.keep()
        expected = await brute.search(self.db, self.standing, wanted)
        answers = [expected]
        _, valid = await Qualified(self.db).at(wanted.qualifications)
        for feed in (self.hears, self.loaded):
            await feed.look()
            assert feed.index is not None
            answers.append(feed.index.find(wanted, valid))
        async with self.db.work() as session:
            within = within_horizon(wanted, await store.now(session))
            answers.append(await store.find_in_rows(session, within, valid))
            free = await store.free_in_rows(session, answers[-1])
        for window, quantities in zip(answers[-1], free, strict=True):
            assert sum(parts(window, quantities).values()) == window.quantity
        return answers


def whole_span(bench: Resource) -> Window:
    return Window(bench.id, bench.party_id, bench.site_id, bench.name, day(0), day(340), 1, 0, None, sold_to_you=True)


def plain(window: Window) -> Window:
    return replace(window, km=None)


async def test_index_and_rows_find_what_a_plain_search_over_the_ledger_finds(database: Databases) -> None:
    await run_machine(database, SearchMachine, examples=25, steps=25)
