"""The rules of orders: what may be ordered, what it takes, and what happens next to an order.

Standard library only; no I/O and no clock. Faults name the field they stand for, as a path in the command.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum, StrEnum
from itertools import groupby
from operator import itemgetter
from uuid import UUID

MAX_LINES = 100
MAX_QUANTITY = 10_000
MAX_WINDOW_DAYS = 366
MAX_TOTAL = 2**31 - 1
"""Minor units; the largest Int that GraphQL carries."""


# --- what may be ordered ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fault:
    """What is wrong with one field of a command."""

    path: str
    message: str


@dataclass(frozen=True)
class Money:
    """An amount in minor units of an ISO 4217 currency."""

    amount: int
    currency: str


@dataclass(frozen=True)
class Operation:
    """One step of a product's routing, in minutes."""

    process: str
    setup_minutes: int
    run_minutes: int


@dataclass(frozen=True)
class Product:
    """What orders know of a product, from the catalog's events."""

    brand_id: UUID
    offered: bool
    price: Money
    skus: frozenset[str]
    routing: tuple[Operation, ...]


@dataclass(frozen=True)
class Wish:
    """So many pieces of a variant, as asked for."""

    product_id: UUID
    sku: str
    quantity: int


@dataclass(frozen=True)
class Need:
    """Minutes of a process, in so many steps of the routing."""

    process: str
    minutes: int
    steps: int = 1


@dataclass(frozen=True)
class Line:
    """A wish that can be made: with its price for one piece and the time that the lot takes."""

    product_id: UUID
    brand_id: UUID
    sku: str
    quantity: int
    price: Money
    needs: tuple[Need, ...]


def order_faults(
    wishes: Sequence[Wish], earliest_day: date, due_day: date, products: Mapping[UUID, Product], today: date
) -> list[Fault]:
    """Everything that is wrong with what was asked; empty if it may be ordered. `today` is where it is earliest."""
    if not 1 <= len(wishes) <= MAX_LINES:
        return [Fault("lines", f"An order has 1 to {MAX_LINES} lines.")]
    faults = [fault for place, wish in enumerate(wishes) for fault in _wish_faults(f"lines.{place}", wish, products)]
    return faults + _window_faults(earliest_day, due_day, today) + ([] if faults else _total_faults(wishes, products))


def _wish_faults(path: str, wish: Wish, products: Mapping[UUID, Product]) -> list[Fault]:
    faults = []
    if not 1 <= wish.quantity <= MAX_QUANTITY:
        faults.append(Fault(f"{path}.quantity", f"Order 1 to {MAX_QUANTITY:,} pieces of a variant."))
    product = products.get(wish.product_id)
    if product is None:
        faults.append(Fault(f"{path}.product_id", "No such product is known here; if it is new, try again shortly."))
    elif not product.offered:
        faults.append(Fault(f"{path}.product_id", "The brand no longer offers this product."))
    elif wish.sku not in product.skus:
        faults.append(Fault(f"{path}.sku", "The product has no such variant."))
    return faults


def _window_faults(earliest_day: date, due_day: date, today: date) -> list[Fault]:
    if due_day < today:
        return [Fault("due_day", "The due day is over; give one that is still to come.")]
    if due_day < earliest_day:
        return [Fault("due_day", "The due day is before the earliest day.")]
    if (due_day - earliest_day).days > MAX_WINDOW_DAYS:
        return [Fault("due_day", f"The due day is more than {MAX_WINDOW_DAYS} days after the earliest day.")]
    return []


def _total_faults(wishes: Sequence[Wish], products: Mapping[UUID, Product]) -> list[Fault]:
    """For wishes without other faults."""
    prices = [products[wish.product_id].price for wish in wishes]
    currency = prices[0].currency
    mixed = [place for place, price in enumerate(prices) if price.currency != currency]
    if mixed:
        message = f"This is sold in another currency than the first line ({currency}); order it apart."
        return [Fault(f"lines.{place}.product_id", message) for place in mixed]
    if sum(price.amount * wish.quantity for price, wish in zip(prices, wishes, strict=True)) > MAX_TOTAL:
        return [Fault("lines", f"The total is more than {MAX_TOTAL:,} minor units; split the order.")]
    return []


def lines_of(wishes: Sequence[Wish], products: Mapping[UUID, Product]) -> list[Line]:
    """The lines of an order without faults."""
    return [_line(wish, products[wish.product_id]) for wish in wishes]


def _line(wish: Wish, product: Product) -> Line:
    needs = needs_of(product.routing, wish.quantity)
    return Line(wish.product_id, product.brand_id, wish.sku, wish.quantity, product.price, needs)


def needs_of(routing: Sequence[Operation], quantity: int) -> tuple[Need, ...]:
    """The time a lot takes, in the order of the routing; neighbouring steps of one process are one need."""
    steps = [(step.process, step.setup_minutes + step.run_minutes * quantity) for step in routing]
    runs = groupby(steps, key=itemgetter(0))
    lots = ((process, [minutes for _, minutes in run]) for process, run in runs)
    return tuple(Need(process, sum(minutes), len(minutes)) for process, minutes in lots)


def total(lines: Sequence[Line]) -> Money:
    """What the order costs; the lines have one currency."""
    return Money(sum(line.price.amount * line.quantity for line in lines), lines[0].price.currency)


# --- what happens next -----------------------------------------------------------------------------------------------


class State(StrEnum):
    """`placed` and `reserved` are on their way, `confirmed` stands. `displaced` is on days that a workshop has no
    more; `moved` waits for the buyer to say whether other days will do. The others are final."""

    PLACED = "placed"
    RESERVED = "reserved"
    CONFIRMED = "confirmed"
    DISPLACED = "displaced"
    MOVED = "moved"
    COMPLETED = "completed"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    FAILED = "failed"
    QUARANTINED = "quarantined"


class Fact(StrEnum):
    """What can happen to an order."""

    HOLD_PLACED = "hold placed"
    HOLD_REFUSED = "hold refused"
    HOLD_CONFIRMED = "hold confirmed"
    HOLD_LOST = "hold released or expired"
    BOOKING_CONFIRMED = "booking confirmed"
    BOOKING_DISPLACED = "booking displaced"
    BOOKING_MOVED = "booking moved"
    BOOKING_COMPLETED = "booking completed"
    BOOKING_CANCELLED = "booking cancelled"
    DEADLINE_PASSED = "deadline passed"
    CANCELLED_BY_BUYER = "cancelled by the buyer"


class Decision(Enum):
    """What a fact does to an order."""

    RESERVE = State.RESERVED
    CONFIRM = State.CONFIRMED
    DISPLACE = State.DISPLACED
    MOVE = State.MOVED
    COMPLETE = State.COMPLETED
    REFUSE = State.REFUSED
    CANCEL = State.CANCELLED
    FAIL = State.FAILED
    QUARANTINE = State.QUARANTINED
    REPEAT = "tell the same state again, so that capacity frees what it gave too late"
    FOLLOW = "take over the days that are told, if they are others"
    IGNORE = "nothing: known already, or of no matter any more"
    FORBID = "nothing: the buyer is told that it cannot be"


def _row(*decisions: str) -> dict[State, Decision]:
    return {state: Decision[name.upper()] for state, name in zip(State, " ".join(decisions).split(), strict=True)}


_AGAIN = "repeat repeat repeat ignore"
_PAST = "ignore ignore ignore ignore"
_NEVER = "forbid forbid forbid forbid"
# Why so, where it is not plain:
# - Holds and bookings come on two topics, without order between them, and a compacted topic may have dropped what came
#   before. So a booking confirms an order that has not heard of its hold, and a hold lost unheard fails it.
# - Hold confirmed says nothing new: the booking of the same id does.
# - Of a booking the newest state counts: the order comes to stand where its booking does, from wherever it stood. One
#   that is confirmed as before may have been moved in between, unheard: its days are followed.
# - While a booking waits for its workshop or the buyer, its deadline is capacity's, which cancels it.
# - What is completed cannot be cancelled. Who cancelled before that was heard of has cancelled; the work is due.
# - Granted after the order was given up: told again, so that capacity lets go.
# - Capacity's refusal and the loss of a hold are final there. After a grant or a booking they contradict what was said
#   before: a person must look. What is already quarantined stays so.
DECISIONS: dict[Fact, dict[State, Decision]] = {
    #                              placed   reserved   confirmed  displaced  moved      completed  refused..quarantined
    Fact.HOLD_PLACED:        _row(f"reserve  ignore     ignore     ignore     ignore     ignore     {_AGAIN}"),
    Fact.HOLD_REFUSED:       _row(f"refuse   quarantine quarantine quarantine quarantine quarantine {_PAST}"),
    Fact.HOLD_CONFIRMED:     _row(f"ignore   ignore     ignore     ignore     ignore     ignore     {_PAST}"),
    Fact.HOLD_LOST:          _row(f"fail     fail       quarantine quarantine quarantine quarantine {_PAST}"),
    Fact.BOOKING_CONFIRMED:  _row(f"confirm  confirm    follow     confirm    confirm    ignore     {_AGAIN}"),
    Fact.BOOKING_DISPLACED:  _row(f"displace displace   displace   ignore     displace   ignore     {_AGAIN}"),
    Fact.BOOKING_MOVED:      _row(f"move     move       move       move       ignore     ignore     {_AGAIN}"),
    Fact.BOOKING_COMPLETED:  _row(f"complete complete   complete   complete   complete   ignore     {_PAST}"),
    Fact.BOOKING_CANCELLED:  _row(f"fail     fail       fail       fail       fail       quarantine {_PAST}"),
    Fact.DEADLINE_PASSED:    _row(f"fail     fail       ignore     ignore     ignore     ignore     {_PAST}"),
    Fact.CANCELLED_BY_BUYER: _row(f"cancel   cancel     cancel     cancel     cancel     forbid     {_NEVER}"),
}  # fmt: skip


@dataclass(frozen=True)
class Reason:
    """Why not: a stable code and a plain sentence."""

    code: str
    message: str


@dataclass(frozen=True)
class Deadline:
    """So long an order waits for something, and what is said if it does not come."""

    kind: str
    seconds: int
    passed: Reason


ANSWER = Deadline("answer", 30, Reason("NO_ANSWER", "No answer about capacity came in time; order again."))
"""Capacity must say whether there is room."""
BOOKING = Deadline("booking", 30, Reason("NOT_BOOKED", "The reserved time was not booked in time; order again."))
"""Capacity must make the reserved room firm."""
_DEADLINES = {State.PLACED: ANSWER, State.RESERVED: BOOKING}
_REASONS = {
    Fact.HOLD_REFUSED: Reason(
        "NO_CAPACITY", "There is no room for this order in its days; order less, or for other days."
    ),
    Fact.HOLD_LOST: Reason("HOLD_LOST", "The reserved time was given back; order again."),
    Fact.BOOKING_CANCELLED: Reason("BOOKING_CANCELLED", "The booking of workshops' time was cancelled; order again."),
}


@dataclass(frozen=True)
class Transition:
    """What a fact does: the state that follows, and what else."""

    decision: Decision
    state: State
    deadline: Deadline | None
    """What the order waits for from now on."""
    reason: Reason | None
    """Why the order ended so, for the buyer."""

    @property
    def told(self) -> bool:
        """Whether the order's state is published, with the next version."""
        return self.decision not in {Decision.IGNORE, Decision.FORBID}

    @property
    def moved(self) -> bool:
        """Whether the state changed."""
        return isinstance(self.decision.value, State)

    @property
    def planned(self) -> bool:
        """Whether workshops' time is kept for the order in the state that follows."""
        return self.state in {State.RESERVED, State.CONFIRMED, State.DISPLACED, State.MOVED, State.COMPLETED}

    @property
    def agreed(self) -> bool:
        """Whether the days that came along are the plan: those that a workshop moves to are when the buyer agrees."""
        return self.state not in {State.DISPLACED, State.MOVED}


def decide(state: State, fact: Fact, given: Reason | None = None) -> Transition:
    """What happens to an order in this state when this becomes known. Every pair is decided in `DECISIONS`.

    `given` is the reason that came with a refusal, or with the end of a booking.
    """
    decision = DECISIONS[fact][state]
    after = decision.value if isinstance(decision.value, State) else state
    reason = given if given and decision in {Decision.REFUSE, Decision.FAIL} else _reason(decision, state, fact)
    return Transition(decision, after, _DEADLINES.get(after), reason)


def _reason(decision: Decision, state: State, fact: Fact) -> Reason | None:
    if decision is Decision.QUARANTINE:
        return Reason("UNEXPECTED", f"{fact.capitalize()} while the order was {state}: no rule expects this.")
    if decision not in {Decision.REFUSE, Decision.FAIL}:
        return None
    return _DEADLINES[state].passed if fact is Fact.DEADLINE_PASSED else _REASONS[fact]
