"""Hypothesis looks for a sequence of joining, leaving, serving and all that happens to a ledger, on a real PostgreSQL,
after which somebody was served out of turn, waits for room that is there, or has an offer that is not what it says."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, consumes, initialize, invariant, multiple, rule

from libs.contracts import capacity_queues as queues
from libs.kit.errors import Conflict
from libs.kit.ids import new_id
from services.capacity.domain.waitlist import Entry
from tests.conftest import Databases
from tests.services.capacity import line, world
from tests.services.capacity.line import a_wish
from tests.services.capacity.machines import run_machine
from tests.services.capacity.test_machine import LedgerMachine
from tests.services.capacity.world import day

WISHES = st.tuples(st.sampled_from([0, 1, None]), st.integers(60, 300), st.integers(1, 3), st.integers(0, 2))
"""A bench or either, how much, the first day, and how many more will do."""


class WaitlistMachine(LedgerMachine):
    """An offer is one more claim of the ledger's own model: all that can be done with a hold is done with it."""

    entered: Bundle[queues.WaitlistEntry] = Bundle("entered")

    def __init__(self) -> None:
        super().__init__()
        self.entries: dict[str, queues.WaitlistEntry] = {}
        self.offered = set[str]()
        self.new: list[Entry] = []
        """Offers that nobody has answered yet."""

    @initialize()
    def publish(self) -> None:
        craft = f"craft_{new_id().hex}"
        self.weekly = [240, 240]
        self.benches = [world.a_resource([240] * 7, name=name, processes=[craft]) for name in "AB"]
        self.run(world.publish(self.db, *self.benches))

    @rule(target=entered, wishes=st.lists(WISHES, min_size=1, max_size=4))
    def join(self, wishes: list[tuple[int | None, int, int, int]]) -> Any:
        joined = [self._join(*wish) for wish in wishes]
        return multiple(*(entry for entry in joined if entry))

    def _join(self, bench: int | None, quantity: int, first: int, more: int) -> queues.WaitlistEntry | None:
        craft, last = self.benches[0].processes[0], min(3, first + more)
        wish = a_wish(None if bench is None else self.benches[bench], quantity, first, last)
        joining = line.join(self.db, wish if wish.resource_id else replace(wish, process=craft))
        if bench is not None and quantity > self.weekly[bench] * (last - first + 1):
            with pytest.raises(Conflict, match="ask for less"):
                self.run(joining)
            return None
        entry = self.run(joining)
        self.entries[str(entry.id)] = entry
        return entry

    @rule(entry=consumes(entered))
    def leave(self, entry: queues.WaitlistEntry) -> None:
        """Who has an offer open does so below; who had one is in line no more."""
        claim, _ = self.taken.get(str(entry.id), ("", {}))
        if claim == "held":
            return
        leaving = line.leave(self.db, entry)
        if str(entry.id) in self.offered:
            with pytest.raises(Conflict):
                self.run(leaving)
        else:
            self.run(leaving)

    @rule(held=consumes(LedgerMachine.held))
    def leave_an_offer(self, held: tuple[UUID, dict[str, Any]]) -> None:
        entry = self.entries.get(held[1]["id"])
        giving = line.leave(self.db, entry) if entry else world.release(self.db, held[0], held[1]["id"])
        self.run(giving)
        del self.taken[held[1]["id"]]

    @rule(target=LedgerMachine.held)
    def have_offers(self) -> Any:
        """From now on they are holds like others."""
        new, self.new = self.new, []
        return multiple(*((entry.party_id, {"id": str(entry.id)}) for entry in new))

    @invariant()
    def whoever_comes_first_has_what_fits_and_nobody_is_passed_over(self) -> None:
        """The jobs run between any two commands."""
        self.sweep()
        keys = [(bench, number) for bench in (0, 1) for number in (1, 2, 3)]
        free = {(self.benches[bench].id, day(number)): self.free(bench, number) for bench, number in keys}
        before = [entry for entry in self._seen() if entry.state == "waiting"]
        self.run(line.serve(self.db))
        new = [entry for entry in self._seen() if entry.state == "offered" and str(entry.id) not in self.offered]
        assert line.unfair(before, self.benches, free, {entry.id: entry.allocations for entry in new}) == []
        self.new += new
        self.offered |= {str(entry.id) for entry in new}
        self.taken |= {str(entry.id): ("held", self._parts(entry)) for entry in new}
        open_offers = {str(entry.id) for entry in self._seen() if entry.state == "offered"}
        assert all(self.taken[key][0] == "held" for key in open_offers)

    def _seen(self) -> list[Entry]:
        found = self.run(line.seen(self.db, [UUID(key) for key in self.entries]))
        return sorted(found, key=lambda entry: (entry.joined_at, entry.id))

    def _parts(self, entry: Entry) -> dict[tuple[int, int], int]:
        numbers, ids = {day(number): number for number in (1, 2, 3)}, [bench.id for bench in self.benches]
        return {(ids.index(part.resource_id), numbers[part.day]): part.quantity for part in entry.allocations}

    @invariant()
    def every_place_in_line_is_what_was_told_and_what_its_hold_says(self) -> None:
        assert self.run(line.faults(self.db, self.entries.values())) == []


async def test_no_sequence_of_commands_serves_anybody_out_of_turn(database: Databases) -> None:
    await run_machine(database, WaitlistMachine, examples=8, steps=30)
