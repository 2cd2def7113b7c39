"""Hypothesis sends one list after the other, each with some rows and some columns, while others hold and book, on a
real PostgreSQL: what is published is what was said last of each thing, and the ledger stays whole."""

from contextlib import suppress
from types import SimpleNamespace
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from libs.kit.errors import Conflict
from libs.kit.ids import new_id
from services.capacity.api.bulk import _Made, _read_over
from services.capacity.domain.calendar import published_on
from services.capacity.handlers import bulk
from services.capacity.handlers.sites import known_sites
from tests.conftest import Databases
from tests.services.capacity import world
from tests.services.capacity.machines import Machine, run_machine
from tests.services.capacity.world import bucket, day

REFERENCES = ("A", "B", "C")
EVERY_DAY = [1, 2, 3, 4, 5, 6, 7]
ENDS = {"12:00": 240, "16:00": 480, "09:00": 60}
COLUMNS: dict[str, st.SearchStrategy[Any]] = {
    "name": st.sampled_from(["Bench", "Banco"]),
    "processes": st.sampled_from([["lockstitch"], ["lockstitch", "overlock"]]),
    "price": st.integers(1, 3),
    "setup": st.integers(0, 2),
    "ends": st.sampled_from([*ENDS]),
}
FULL = {"name": "Bench", "processes": ["lockstitch"], "price": 1, "setup": 0, "ends": "16:00"}
rows = st.dictionaries(st.sampled_from(REFERENCES), st.fixed_dictionaries({}, optional=COLUMNS), min_size=1)


def row(reference: str, said: dict[str, Any]) -> dict[str, Any]:
    """As it is sent, with the columns that it has."""
    plain = {"reference": reference} | {name: said[name] for name in ("name", "processes") if name in said}
    prices = {"price": "price_per_unit", "setup": "setup_price"}
    terms = {prices[name]: {"amount": said[name]} for name in prices if name in said}
    shift = {"weekdays": EVERY_DAY, "starts": "08:00", "ends": said.get("ends")}
    pattern = {"pattern": {"shifts": [shift]}} if "ends" in said else {}
    return plain | ({"terms": terms} if terms else {}) | pattern


class Lists(Machine):
    """Knows what was said last of each column of each row."""

    def __init__(self) -> None:
        super().__init__()
        self.kit: Any = SimpleNamespace(database=self.db)
        self.said: dict[str, dict[str, Any]] = {}

    @initialize()
    def publish(self) -> None:
        stands = world.a_resource()
        self.party, self.site = stands.party_id, stands.site_id
        self.run(world.know_sites(self.db, stands))
        new = dict.fromkeys(REFERENCES[:2], FULL)
        assert self._outcomes(new) == {"A": "published", "B": "published"}
        self.said = {reference: dict(FULL) for reference in new}

    @rule(sent=rows)
    def send(self, sent: dict[str, dict[str, Any]]) -> None:
        before = {reference: dict(said) for reference, said in self.said.items()}
        for reference, said in sent.items():
            if reference in before or said.keys() == FULL.keys():
                self.said[reference] = before.get(reference, {}) | said
        assert self._outcomes(sent) == {one: self._expected(one, before) for one in sent}
        again = self._outcomes(sent)
        assert set(again.values()) <= {"unchanged", "refused"}

    def _expected(self, reference: str, before: dict[str, dict[str, Any]]) -> str:
        if reference not in self.said:
            return "refused"
        if reference not in before:
            return "published"
        return "unchanged" if self.said[reference] == before[reference] else "changed"

    @rule(
        reference=st.sampled_from(REFERENCES),
        number=st.integers(1, 2),
        quantity=st.integers(1, 240),
        firm=st.booleans(),
    )
    def take(self, reference: str, number: int, quantity: int, firm: bool) -> None:
        if known := self._known().get(reference):
            with suppress(Conflict):
                take = world.book if firm else world.hold
                self.run(take(self.db, new_id(), (known, day(number), quantity)))

    @rule()
    def sweep(self) -> None:
        self.run(world.sweep(self.db))

    def _known(self) -> dict[str, Any]:
        return self.run(bulk.known_resources(self.kit, self.party, REFERENCES))

    def _outcomes(self, sent: dict[str, dict[str, Any]]) -> dict[str, str]:
        report = self.run(self._put([row(reference, said) for reference, said in sent.items()]))
        return {line.reference: line.outcome for line in report.lines}

    async def _put(self, sent: list[dict[str, Any]]) -> bulk.Report:
        """As the route does."""
        known = await bulk.known_resources(self.kit, self.party, REFERENCES)
        given = [
            one if one["reference"] in known else one | {"site_id": str(self.site), "kind": "bench"} for one in sent
        ]
        read = [_read_over(known.get(one["reference"]), n, one["reference"], one) for n, one in enumerate(given, 1)]
        made = _Made(self.party, *await known_sites(self.kit, [self.site]))
        return await bulk.change_rows(self.kit, self.party, [*map(made, read)])

    @invariant()
    def what_is_published_is_what_was_said_last(self) -> None:
        for reference, one in self._known().items():
            said = self.said[reference]
            terms = one.terms.price_per_unit.amount, one.terms.setup_price.amount
            assert (one.name, one.processes, *terms) == tuple(
                said[name] for name in ("name", "processes", "price", "setup")
            )
            assert published_on(one.calendar, day(1)) == ENDS[said["ends"]]

    @invariant()
    def every_day_gives_what_its_hours_say_and_the_ledger_is_whole(self) -> None:
        known = self._known()
        for reference, one in known.items():
            for number in (1, 2):
                if seen := self.run(bucket(self.db, one, day(number))):
                    short = self.run(world.unattainable(self.db, one, day(number)))
                    assert seen[0] - short == ENDS[self.said[reference]["ends"]]
        assert self.run(world.faults(self.db, *known.values())) == []


async def test_a_list_that_is_sent_again_says_what_it_says_and_nothing_else(database: Databases) -> None:
    await run_machine(database, Lists, examples=8, steps=20)
