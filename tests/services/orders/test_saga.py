"""Orders and an honest capacity, told apart by two queues: however they are interleaved, it ends well."""

from collections import deque
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from libs.contracts import capacity
from services.orders.domain import Decision, Fact, State, decide
from services.orders.handlers import FACTS
from tests.services.orders.honest_capacity import HonestCapacity

ENDS = {State.CONFIRMED, State.COMPLETED, State.REFUSED, State.CANCELLED, State.FAILED}
TOLD_AS_CONFIRMED = {State.DISPLACED, State.MOVED, State.COMPLETED}


@dataclass
class Saga:
    """One order. `to_capacity` is one topic; holds and bookings come back on two, in order within each only."""

    capacity: HonestCapacity
    state: State = State.PLACED
    version: int = 1
    to_capacity: deque[tuple[int, State]] = field(default_factory=lambda: deque([(1, State.PLACED)]))
    holds: deque[Fact] = field(default_factory=deque)
    bookings: deque[Fact] = field(default_factory=deque)
    heard: list[Fact] = field(default_factory=list)
    path: list[State] = field(default_factory=lambda: [State.PLACED])

    @property
    def waits(self) -> bool:
        return decide(self.state, Fact.HOLD_CONFIRMED).deadline is not None

    def learn(self, fact: Fact) -> None:
        after = decide(self.state, fact)
        assert after.decision is not Decision.QUARANTINE, f"an honest capacity led to quarantine: {self.path} {fact}"
        self.heard.append(fact)
        if after.moved:
            self.path.append(after.state)
        self.state = after.state
        if after.told:
            self.version += 1
            said = State.CONFIRMED if self.state in TOLD_AS_CONFIRMED else self.state
            self.to_capacity.append((self.version, said))

    def capacity_hears(self, keep: bool = False) -> None:
        self.capacity.hear(*(self.to_capacity[0] if keep else self.to_capacity.popleft()))
        self.carry()

    def capacity_looks(self) -> None:
        self.capacity.expire()
        self.carry()

    def carry(self) -> None:
        for event in self.capacity.told:
            (self.bookings if isinstance(event, capacity.Booking) else self.holds).append(FACTS[type(event)])
        self.capacity.told.clear()

    def step(self) -> bool:
        """Deliver what is next, or else let the time pass; whether there was anything to do."""
        if self.to_capacity:
            self.capacity_hears()
        elif queue := self.holds or self.bookings:
            self.learn(queue.popleft())
        elif self.waits:
            self.learn(Fact.DEADLINE_PASSED)
        elif self.capacity.room == "over":
            self.capacity_looks()
        elif self.state in {State.DISPLACED, State.MOVED}:
            self.at_capacity("deadline")
        else:
            return False
        return True

    def at_capacity(self, happens: str) -> None:
        """The workshop, the buyer or the clock do something to the booking, if it may be done."""
        getattr(self.capacity, happens)()
        self.carry()

    def drain(self) -> None:
        """Deliver everything and let every deadline pass, until nothing more happens."""
        for _ in range(1_000):
            if not self.step():
                return
        raise AssertionError(f"no end: {self.path}")

    def assert_ended_well(self) -> None:
        assert self.state in ENDS
        made = self.capacity.room == "made"
        assert (self.capacity.room == "booked") == (self.state is State.CONFIRMED)
        assert made or self.state is not State.COMPLETED
        assert bool(self.capacity.taken) == (made or self.state is State.CONFIRMED)


def test_an_order_with_room_is_confirmed_and_one_without_is_refused() -> None:
    for grants, state in ((True, State.CONFIRMED), (False, State.REFUSED), (None, State.FAILED)):
        saga = Saga(HonestCapacity(grants))
        saga.drain()
        saga.assert_ended_well()
        assert saga.state is state


@pytest.mark.parametrize("end", [Fact.DEADLINE_PASSED, Fact.CANCELLED_BY_BUYER])
@pytest.mark.parametrize("after", range(7))
def test_an_order_given_up_at_any_moment_leaks_nothing(end: Fact, after: int) -> None:
    saga = Saga(HonestCapacity(grants=True))
    for _ in range(after):
        saga.step()
    saga.learn(end)
    saga.drain()
    saga.assert_ended_well()


WAYS = {
    ("shrink", "grow"): State.CONFIRMED,
    ("shrink", "move", "accept"): State.CONFIRMED,
    ("shrink", "move", "accept", "work", "complete"): State.COMPLETED,
    ("shrink", "move", "reject"): State.FAILED,
    ("shrink", "move", "deadline"): State.FAILED,
    ("shrink", "deadline"): State.FAILED,
    ("shrink", "move", "shrink_later", "grow_later", "accept"): State.CONFIRMED,
    ("shrink", "move", "shrink_later", "grow_later", "deadline"): State.FAILED,
}


@pytest.mark.parametrize(("way", "end"), WAYS.items(), ids=" ".join)
@pytest.mark.parametrize("at_once", [True, False], ids=["told at once", "told in the end"])
def test_an_order_whose_day_is_gone_ends_as_its_booking_does(way: tuple[str, ...], end: State, at_once: bool) -> None:
    saga = Saga(HonestCapacity(grants=True))
    saga.drain()
    for happens in way:
        saga.at_capacity(happens)
        while at_once and saga.bookings:
            saga.learn(saga.bookings.popleft())
    saga.drain()
    saga.assert_ended_well()
    assert saga.state is end


class AnyOrderOfEvents(RuleBasedStateMachine):
    """Deliveries late, early and twice, deadlines and cancellations at any moment."""

    @initialize(grants=st.sampled_from([True, True, False, None]))
    def place(self, grants: bool | None) -> None:
        self.saga = Saga(HonestCapacity(grants))

    @precondition(lambda self: self.saga.to_capacity)
    @rule(again=st.booleans())
    def capacity_hears(self, again: bool) -> None:
        self.saga.capacity_hears(keep=again)

    @precondition(lambda self: self.saga.holds)
    @rule(again=st.booleans())
    def a_hold_event_arrives(self, again: bool) -> None:
        self.saga.learn(self.saga.holds[0] if again else self.saga.holds.popleft())

    @precondition(lambda self: self.saga.bookings)
    @rule(again=st.booleans())
    def a_booking_event_arrives(self, again: bool) -> None:
        self.saga.learn(self.saga.bookings[0] if again else self.saga.bookings.popleft())

    @precondition(lambda self: self.saga.heard)
    @rule(data=st.data())
    def an_old_event_arrives_again(self, data: st.DataObject) -> None:
        """Of a booking the last: those before it the consumer has seen, by their versions."""
        bookings = [fact for fact in self.saga.heard if fact.startswith("booking")]
        again = [fact for fact in self.saga.heard if fact.startswith("hold")] + bookings[-1:]
        if again:
            self.saga.learn(data.draw(st.sampled_from(again)))

    @precondition(lambda self: self.saga.capacity.room == "live")
    @rule(written_down=st.booleans())
    def the_hold_is_over(self, written_down: bool) -> None:
        self.saga.capacity.let_time_pass()
        if written_down:
            self.saga.capacity_looks()

    @precondition(lambda self: self.saga.capacity.room == "over")
    @rule()
    def capacity_looks_for_holds_that_are_over(self) -> None:
        self.saga.capacity_looks()

    @precondition(lambda self: self.saga.capacity.booking)
    @rule(happens=st.sampled_from(["grow", "move", "move", "accept", "reject", "deadline", "work", "complete"]))
    def something_happens_to_the_booking(self, happens: str) -> None:
        self.saga.at_capacity(happens)

    @rule(happens=st.sampled_from(["shrink", "shrink_later", "grow_later"]))
    def a_day_shrinks_or_grows(self, happens: str) -> None:
        self.saga.at_capacity(happens)

    @precondition(lambda self: self.saga.waits)
    @rule()
    def the_deadline_passes(self) -> None:
        self.saga.learn(Fact.DEADLINE_PASSED)

    @rule()
    def the_buyer_cancels(self) -> None:
        self.saga.learn(Fact.CANCELLED_BY_BUYER)

    @invariant()
    def an_end_is_reached_at_most_once(self) -> None:
        ends = [state for state in self.saga.path if state in ENDS - {State.CONFIRMED}]
        assert len(ends) <= 1

    @invariant()
    def nobody_is_moved_without_consent(self) -> None:
        booking = self.saga.capacity.booking
        if booking and booking.stage in {"firm", "started", "completed"}:
            assert {part.bucket_id for part in booking.allocations} <= self.saga.capacity.agreed_to

    def teardown(self) -> None:
        self.saga.drain()
        self.saga.assert_ended_well()


class AnyOrderOfDisplacements(AnyOrderOfEvents):
    """The same of an order that stands."""

    @initialize()
    def place(self) -> None:
        self.saga = Saga(HonestCapacity(grants=True))
        self.saga.drain()


AnyOrderOfEvents.TestCase.settings = settings(max_examples=300, stateful_step_count=25, deadline=None)
AnyOrderOfDisplacements.TestCase.settings = AnyOrderOfEvents.TestCase.settings
TestAnyOrderOfEventsReachesOneEndAndLeaksNothing = AnyOrderOfEvents.TestCase
TestAnyOrderOfDisplacementsReachesOneEndAndLeaksNothing = AnyOrderOfDisplacements.TestCase
