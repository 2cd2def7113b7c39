"""Hypothesis looks for a sequence of publishing, holding, confirming, releasing, expiring and cancelling on a
real PostgreSQL, after which the ledger is not what it should be."""

from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)
from sqlalchemy import text

from libs.kit.errors import Conflict
from libs.kit.ids import new_id
from services.capacity.domain.offer import Resource
from services.capacity.handlers.holds import placing
from tests.conftest import Databases
from tests.services.capacity import world
from tests.services.capacity.machines import Machine, run_machine
from tests.services.capacity.world import day

DAYS = st.integers(1, 3)
SOME = st.integers(1, 200)
ASKS = st.lists(st.tuples(st.integers(0, 1), DAYS, SOME), min_size=1, max_size=4, unique_by=lambda one: one[:2])


class LedgerMachine(Machine):
    """Keeps a model of its own beside the ledger: what each claim took, and nothing else."""

    held: Bundle[tuple[UUID, dict[str, Any]]] = Bundle("held")
    booked: Bundle[tuple[UUID, dict[str, Any]]] = Bundle("booked")

    def __init__(self) -> None:
        super().__init__()
        self.taken: dict[str, tuple[str, dict[tuple[int, int], int]]] = {}
        """Claim -> held or committed, and how much of which bench and day."""
        self.weekly = [480, 480]

    @initialize()
    def publish(self) -> None:
        self.benches: list[Resource] = [world.a_resource() for _ in range(2)]
        self.run(world.publish(self.db, *self.benches))

    def free(self, bench: int, number: int) -> int:
        return self.weekly[bench] - sum(parts.get((bench, number), 0) for _, parts in self.taken.values())

    def fits(self, asked: list[tuple[int, int, int]]) -> bool:
        return all(quantity <= self.free(bench, number) for bench, number, quantity in asked)

    @rule(target=held, asks=st.lists(st.tuples(ASKS, st.sampled_from([0, 900])), min_size=1, max_size=3))
    def hold(self, asks: list[tuple[list[tuple[int, int, int]], int]]) -> Any:
        """A batch of asks; those of no duration are over at once, and their room may go to whoever comes next."""
        requests = [
            world.ask(new_id(), *((self.benches[b], day(n), q) for b, n, q in asked), seconds=seconds)
            for asked, seconds in asks
        ]
        self._reclaim({(b, n) for asked, _ in asks if all(self.weekly[b] for b, _, _ in asked) for b, n, _ in asked})
        outcomes, live = self.run(placing(self.db).together(requests)), []
        for (asked, seconds), request, outcome in zip(asks, requests, outcomes, strict=True):
            assert isinstance(outcome, Conflict) != self.fits(asked)
            if not isinstance(outcome, Exception):
                placed = world.body(outcome)
                parts = {(bench, number): quantity for bench, number, quantity in asked}
                self.taken[placed["id"]] = ("held" if seconds else "over", parts)
                live += [(request.party_id, placed)] if seconds else []
        return multiple(*live)

    def _reclaim(self, wanted: set[tuple[int, int]]) -> None:
        """Holds that are over give way where room is wanted."""
        gone = [key for key, (kind, parts) in self.taken.items() if kind == "over" and wanted & parts.keys()]
        for key in gone:
            del self.taken[key]

    @rule(target=booked, held=consumes(held))
    def confirm(self, held: tuple[UUID, dict[str, Any]]) -> Any:
        self.run(world.confirm(self.db, held[0], held[1]["id"]))
        self.taken[held[1]["id"]] = ("committed", self.taken[held[1]["id"]][1])
        return held

    @rule(held=consumes(held))
    def release(self, held: tuple[UUID, dict[str, Any]]) -> None:
        self.run(world.release(self.db, held[0], held[1]["id"]))
        del self.taken[held[1]["id"]]

    @rule(held=consumes(held))
    def time_passes(self, held: tuple[UUID, dict[str, Any]]) -> None:
        """The hold is over now; nobody has noticed."""
        self.run(self._end(held[1]["id"]))
        self.taken[held[1]["id"]] = ("over", self.taken[held[1]["id"]][1])

    async def _end(self, hold_id: str) -> None:
        async with self.db.work() as session:
            await session.execute(text("UPDATE hold SET expires_at = now() WHERE id = :id"), {"id": UUID(hold_id)})

    @rule()
    def sweep(self) -> None:
        self.run(world.sweep(self.db))
        self.taken = {key: claim for key, claim in self.taken.items() if claim[0] != "over"}

    @rule(booked=consumes(booked))
    def cancel(self, booked: tuple[UUID, dict[str, Any]]) -> None:
        self.run(world.cancel(self.db, booked[0], booked[1]["id"]))
        del self.taken[booked[1]["id"]]

    @rule(bench=st.integers(0, 1), more=st.integers(0, 400))
    def change_calendar(self, bench: int, more: int) -> None:
        """To no less than what is taken; the machine of the verbs goes below."""
        weekly = more + max(self.weekly[bench] - self.free(bench, number) for number in (1, 2, 3))
        self.run(world.change_calendar(self.db, self.benches[bench], weekly=[weekly] * 7))
        self.weekly[bench] = weekly

    @invariant()
    def the_ledger_is_what_the_claims_say(self) -> None:
        for bench, resource in enumerate(self.benches):
            for number in (1, 2, 3):
                seen = self.run(world.bucket(self.db, resource, day(number)))
                taken = self._sum(bench, number, "held", "over"), self._sum(bench, number, "committed")
                assert seen == (self.weekly[bench], *taken) if seen else taken == (0, 0)

    def _sum(self, bench: int, number: int, *kinds: str) -> int:
        return sum(parts.get((bench, number), 0) for kind, parts in self.taken.values() if kind in kinds)

    @invariant()
    def the_law_holds_and_there_is_no_effect_without_its_event(self) -> None:
        assert self.run(world.faults(self.db, *self.benches)) == []


async def test_no_sequence_of_commands_breaks_the_ledger_or_leaves_an_effect_untold(database: Databases) -> None:
    await run_machine(database, LedgerMachine, examples=12, steps=20)
