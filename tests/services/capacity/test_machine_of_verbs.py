"""Hypothesis looks for a sequence of what holders, workshops, calendars and clocks do, on a real PostgreSQL, in which
something else follows than the tables say, or after which the ledger is not what it should be."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule
from sqlalchemy import text

from libs.kit.errors import Conflict
from libs.kit.ids import new_id
from services.capacity import store
from services.capacity.domain.claims import Booking, Hold
from services.capacity.domain.life import BOOKINGS, HOLDS, BookingEvent, HoldEvent
from services.capacity.domain.offer import Allocation, Resource
from services.capacity.handlers import bookings, proposals
from tests.conftest import Databases
from tests.services.capacity import world
from tests.services.capacity.machines import Machine, run_machine
from tests.services.capacity.world import day

DAYS = (1, 2)
BENCHES = ({"approval": "by_hand"}, {"notice_days": 1, "material_days": 1}, {})
SOME = st.integers(10, 200)
PICK = st.integers(0, 3)
Claim = tuple[UUID, UUID, Resource]
"""Its id, who holds it, and of what."""
HOLD_VERBS: list[tuple[HoldEvent, str, Any]] = [
    ("propose", "holder", proposals.propose),
    ("propose", "holder", proposals.propose),
    ("reject", "holder", proposals.reject),
    ("accept by holder", "holder", proposals.accept),
    ("accept by workshop", "workshop", proposals.accept),
    ("reject", "workshop", proposals.reject),
    ("amend", "workshop", proposals.amend),
    ("amend", "workshop", proposals.amend),
]
BOOKING_VERBS: list[tuple[BookingEvent, str, Any]] = [
    ("material ready", "workshop", bookings.material_ready),
    ("start", "workshop", bookings.start),
    ("report", "workshop", bookings.report),
    ("complete", "workshop", bookings.complete),
    ("cancel", "workshop", bookings.cancel_booking),
    ("cancel", "holder", bookings.cancel_booking),
    ("move", "workshop", bookings.move),
    ("move", "workshop", bookings.move),
    ("accept", "holder", bookings.accept),
    ("accept", "holder", bookings.accept),
    ("reject", "holder", bookings.reject),
]


class Verbs(Machine):
    """Knows which claims there are; what they may do is read from the tables, what they have done from the ledger."""

    def __init__(self) -> None:
        super().__init__()
        self.claims: list[Claim] = []
        self.gives: dict[tuple[UUID, int], int] = {}
        self.agreed_to: dict[UUID, list[Allocation]] = {}

    @initialize()
    def publish(self) -> None:
        self.craft = f"craft_{new_id().hex}"
        self.benches = [world.a_resource(processes=[self.craft], **terms) for terms in BENCHES]
        self.run(world.publish(self.db, *self.benches))
        self.gives = {(bench.id, number): 480 for bench in self.benches for number in DAYS}
        self.orders: set[UUID] = set()
        for bench in range(len(BENCHES)):
            self.take(bench, 1, 150, firm=True)
            self.take(bench, 1, 200, firm=True)

    @rule(bench=st.integers(0, 2), number=st.sampled_from(DAYS), quantity=SOME, firm=st.booleans())
    def take(self, bench: int, number: int, quantity: int, firm: bool) -> None:
        holder, resource = new_id(), self.benches[bench]
        with suppress(Conflict):
            placed = self.run(world.hold(self.db, holder, (resource, day(number), quantity)))
            self.claims.append((UUID(placed["id"]), holder, resource))
            if firm:
                self.run(world.confirm(self.db, holder, placed["id"]))

    @rule(quantity=SOME, firm=st.booleans())
    def order(self, quantity: int, firm: bool) -> None:
        """An order books of whichever bench is sold at once and has room, if one has."""
        order = world.an_order((self.craft, quantity), last=2)
        self.run(world.hear(self.db, order))
        placed = self.run(world.last_told(self.db, order.id))
        if placed["state"] == "held":
            [bench] = {part["resource_id"] for part in placed["allocations"]}
            resource = next(one for one in self.benches if str(one.id) == bench)
            self.claims.append((order.id, order.party_id, resource))
            self.orders.add(order.id)
        if firm:
            self.run(world.hear(self.db, world.then(order, "reserved")))

    @rule(pick=PICK, verb=st.sampled_from(HOLD_VERBS), number=st.sampled_from(DAYS), quantity=SOME)
    def hold_verb(self, pick: int, verb: tuple[HoldEvent, str, Any], number: int, quantity: int) -> None:
        event, side, do = verb

        def cell(hold: Hold, now: Any) -> str:
            return HOLDS[event][hold.stage(now)]

        if claim := self._pick(pick, booked=False):
            given = ([(claim[2].id, day(number), quantity)], None) if event == "amend" else ()
            self._try(Hold, claim, cell, side, do, *given)

    @rule(pick=PICK, verb=st.sampled_from(BOOKING_VERBS), number=st.sampled_from(DAYS))
    def booking_verb(self, pick: int, verb: tuple[BookingEvent, str, Any], number: int) -> None:
        event, side, do = verb

        def cell(booking: Booking, _: Any) -> str:
            return BOOKINGS[event][booking.stage]

        if claim := self._pick(pick, booked=True):
            before = self.run(self._read(Booking, claim[0]))[0]
            quantity = sum(part.quantity for part in before.allocations)
            given: Any = {"move": ([(claim[2].id, day(number), quantity)],), "report": (5, 1, 1)}.get(event, ())
            if event == "accept" and before.stage == "moved":
                self.agreed_to[claim[0]] = before.allocations
            self._try(Booking, claim, cell, side, do, *given)

    @rule(bench=st.integers(0, 2), gives=st.lists(st.integers(0, 480), min_size=2, max_size=2))
    def change_calendar(self, bench: int, gives: list[int]) -> None:
        resource = self.benches[bench]
        exceptions = {day(number): quantity for number, quantity in zip(DAYS, gives, strict=True)}
        self.run(world.change_calendar(self.db, resource, exceptions=exceptions))
        self.gives |= {(resource.id, number): exceptions[day(number)] for number in DAYS}

    @rule(pick=PICK, booked=st.booleans())
    def time_passes(self, pick: int, booked: bool) -> None:
        if claim := self._pick(pick, booked=booked):
            self.run(world.time_passes(self.db, claim[0]))

    @rule()
    def sweep(self) -> None:
        """After the jobs nothing is short that anybody could still give way for: after two rounds of them, for a
        deadline that has passed, here or in a run before, may make room for somebody who was displaced."""
        self.run(world.sweep(self.db))
        self.run(world.sweep(self.db))
        assert self.run(self._unsettled()) == set()

    def _pick(self, number: int, *, booked: bool) -> Claim | None:
        """The newest claims are picked most: those before them have mostly ended."""
        firm = self.run(self._booked())
        known = [claim for claim in self.claims if (claim[0] in firm) == booked]
        return known[-1 - number % min(len(known), 4)] if known else None

    def _try(self, of: type, claim: Claim, cell: Callable[..., str], side: str, do: Any, *given: Any) -> None:
        before = self.run(self._read(of, claim[0]))
        expected = cell(*before)
        try:
            self.run(world.act(self.db, do, claim[1] if side == "holder" else claim[2].party_id, claim[0], *given))
        except Conflict as refused:
            of_order = claim[0] in self.orders and (of is Hold or do is bookings.cancel_booking)
            others = {"NO_CAPACITY", *(["BELONGS_TO_ORDER"] if of_order else [])}
            assert refused.code in {expected} | others  # noqa: PT017 - it may also succeed
            assert self.run(self._read(of, claim[0]))[0] == before[0]
        else:
            self._follows(expected, before, self.run(self._read(of, claim[0])))

    def _follows(self, expected: str, before: Any, after: Any) -> None:
        claim = after[0]
        wanted = before[0].standing if expected == "stands" else expected
        assert (claim.stage(after[1]) if isinstance(claim, Hold) else claim.stage) == wanted
        assert claim.version == before[0].version + 1

    async def _read(self, of: type, claim_id: UUID) -> Any:
        async with self.db.work() as session:
            found: Any = await (store.holds if of is Hold else store.bookings)(session, [claim_id])
            return (found[claim_id], await store.now(session)) if found else None

    async def _booked(self) -> set[UUID]:
        async with self.db.work() as session:
            return set(await session.scalars(text("SELECT id FROM booking")))

    async def _unsettled(self) -> set[UUID]:
        async with self.db.work() as session:
            return await store.unsettled(session, 100)

    @invariant()
    def a_day_gives_what_its_calendar_says_and_the_rest_is_unattainable(self) -> None:
        for bench in self.benches:
            for number in DAYS:
                if seen := self.run(world.bucket(self.db, bench, day(number))):
                    short = self.run(world.unattainable(self.db, bench, day(number)))
                    assert seen[0] - short == self.gives[bench.id, number]

    @invariant()
    def nobody_is_moved_without_consent(self) -> None:
        for claim_id in self.run(self._booked()) & {claim[0] for claim in self.claims}:
            booking = self.run(self._read(Booking, claim_id))[0]
            agreed_to = self.agreed_to.setdefault(claim_id, booking.allocations)
            assert booking.stage in {"displaced", "moved", "cancelled"} or booking.allocations == agreed_to

    @invariant()
    def the_law_holds_and_there_is_no_effect_without_its_event(self) -> None:
        assert self.run(world.faults(self.db, *self.benches)) == []


async def test_what_follows_is_what_the_tables_say_and_the_ledger_stays_whole(database: Databases) -> None:
    await run_machine(database, Verbs, examples=10, steps=30)
