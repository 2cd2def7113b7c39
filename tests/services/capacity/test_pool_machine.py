"""Hypothesis looks for a sequence of opening, joining, leaving, ending and all that happens to a ledger, on a real
PostgreSQL, after which a pool's books do not balance or its room is not what the ledger says."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, consumes, initialize, invariant, multiple, rule

from libs.contracts import capacity_queues as queues
from libs.kit.errors import Conflict
from libs.kit.ids import new_id
from tests.conftest import Databases
from tests.services.capacity import line, pooling, world
from tests.services.capacity.machines import run_machine
from tests.services.capacity.test_machine import LedgerMachine

PLEDGES = st.tuples(st.integers(0, 2), st.integers(1, 80))
"""Who, and how much."""


@dataclass
class Model:
    """What should be so of a pool: who pledged how much, and how it ended."""

    told: queues.Pool
    bench: int
    number: int
    shares: dict[UUID, int] = field(default_factory=dict)
    state: str = "open"

    @property
    def pledged(self) -> int:
        return sum(self.shares.values())


class PoolMachine(LedgerMachine):
    """A pool's room is one more claim of the ledger's own model; when it fires, each share is one."""

    opened: Bundle[Model] = Bundle("opened")

    def __init__(self) -> None:
        super().__init__()
        self.pools: list[Model] = []
        self.parties = [new_id() for _ in range(3)]

    @initialize(target=opened)
    def publish(self) -> Any:
        self.benches = [world.a_resource() for _ in range(2)]
        self.run(world.publish(self.db, *self.benches))
        return multiple(*(self._open(bench, 1, 120) for bench in (0, 1)))

    @rule(target=opened, bench=st.integers(0, 1), number=st.integers(1, 3), quantity=st.integers(10, 300))
    def open_pool(self, bench: int, number: int, quantity: int) -> Any:
        pool = self._open(bench, number, quantity)
        return pool or multiple()

    def _open(self, bench: int, number: int, quantity: int) -> Model | None:
        opening = pooling.open_pool(self.db, self.benches[bench], quantity, (quantity + 1) // 2, on=number)
        before = dict(self.taken)
        self._reclaim({(bench, number)})
        if quantity > self.free(bench, number):
            with pytest.raises(Conflict):
                self.run(opening)
            self.taken = before  # a command that is refused changes nothing
            return None
        pool = Model(self.run(opening), bench, number)
        self.pools.append(pool)
        self.taken[str(pool.told.id)] = ("held", {(bench, number): quantity})
        return pool

    @rule(target=LedgerMachine.booked, pool=opened, pledges=st.lists(PLEDGES, min_size=1, max_size=3))
    def join(self, pool: Model, pledges: list[tuple[int, int]]) -> Any:
        booked = [self._join(pool, who, quantity) for who, quantity in pledges]
        return multiple(*(one for some in booked for one in some))

    def _join(self, pool: Model, who: int, quantity: int) -> list[tuple[UUID, dict[str, Any]]]:
        party, joining = self.parties[who], pooling.join(self.db, pool.told, quantity, self.parties[who])
        left = pool.told.quantity - pool.pledged
        if pool.state != "open" or not self._is_live(pool) or party in pool.shares or quantity > left:
            with pytest.raises(Conflict):
                self.run(joining)
            return []
        self.run(joining)
        pool.shares[party] = quantity
        return self._fire(pool) if pool.pledged >= pool.told.minimum else []

    def _is_live(self, pool: Model) -> bool:
        return self.taken.get(str(pool.told.id), ("gone",))[0] == "held"

    def _fire(self, pool: Model) -> list[tuple[UUID, dict[str, Any]]]:
        pool.state = "fired"
        del self.taken[str(pool.told.id)]
        booked = []
        for party, quantity in pool.shares.items():
            seen = self.run(pooling.look(self.db, pool.told, party)).share
            assert seen is not None
            self.taken[str(seen.id)] = ("committed", {(pool.bench, pool.number): quantity})
            booked.append((party, {"id": str(seen.id)}))
        return booked

    @rule(pool=opened, who=st.integers(0, 2))
    def leave(self, pool: Model, who: int) -> None:
        party = self.parties[who]
        if pool.state == "open" and party in pool.shares:
            self.run(pooling.leave(self.db, pool.told, party))
            del pool.shares[party]

    @rule(pool=consumes(opened))
    def close(self, pool: Model) -> None:
        closing = pooling.close(self.db, pool.told)
        if self._is_live(pool) and pool.state == "open":
            self.run(closing)
            pool.state = "closed"
            del self.taken[str(pool.told.id)]
        else:
            with pytest.raises(Conflict):
                self.run(closing)

    @rule(pool=opened)
    def its_time_comes(self, pool: Model) -> None:
        """Nobody has noticed."""
        if pool.state == "open" and self._is_live(pool):
            self.run(line.end(self.db, pool.told.id))
            self.taken[str(pool.told.id)] = ("over", self.taken[str(pool.told.id)][1])

    @rule(pool=opened)
    def the_workshop_releases_the_room(self, pool: Model) -> None:
        if pool.state == "open" and self._is_live(pool):
            self.run(world.release(self.db, pool.told.party_id, pool.told.id))
            del self.taken[str(pool.told.id)]

    @rule()
    def end_pools(self) -> None:
        """The jobs: over is lapsed, and whatever else became of the room is closed."""
        over = {key for key, claim in self.taken.items() if claim[0] == "over"}
        gone = [pool for pool in self.pools if pool.state == "open" and not self._is_live(pool)]
        self.sweep()
        self.run(pooling.end(self.db))
        for pool in gone:
            [state] = self.run(pooling.states(self.db, pool.told))
            assert state == "lapsed" if str(pool.told.id) in over else state in ("lapsed", "closed")
            pool.state = state

    @invariant()
    def every_pool_is_as_the_model_says(self) -> None:
        for pool in self.pools:
            seen = self.run(pooling.look(self.db, pool.told)).pool
            assert (seen.state, seen.pledged) == (pool.state, pool.pledged)

    @invariant()
    def the_books_of_every_pool_balance(self) -> None:
        assert self.run(pooling.faults(self.db, *(pool.told for pool in self.pools))) == []


async def test_no_sequence_of_commands_leaves_a_pool_unbalanced(database: Databases) -> None:
    await run_machine(database, PoolMachine, examples=10, steps=30)
