"""Load, decide, save, tell: what orders do when asked, and when others have acted."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from libs.contracts import capacity, catalog, orders
from libs.contracts.values import Allocation, Money, PartyKind, Refusal
from libs.kit.auth import Principal
from libs.kit.db import WriteSession
from libs.kit.errors import Conflict, FieldError, Invalid, NotFound
from libs.kit.ids import new_id
from libs.kit.metrics import REFUSALS
from libs.messaging import outbox
from libs.service.runtime import Kit
from services.orders import store
from services.orders.domain import (
    ANSWER,
    Decision,
    Fact,
    Reason,
    State,
    Transition,
    Wish,
    decide,
    lines_of,
    order_faults,
    total,
)
from services.orders.tables import Order

log = logging.getLogger(__name__)

_AT_ONCE = 50
"""Deadlines taken in one transaction."""

_EVENTS: dict[State, type[orders.Order]] = {
    State.PLACED: orders.OrderPlaced,
    State.RESERVED: orders.OrderReserved,
    State.CONFIRMED: orders.OrderConfirmed,
    State.DISPLACED: orders.OrderDisplaced,
    State.MOVED: orders.OrderMoved,
    State.COMPLETED: orders.OrderCompleted,
    State.REFUSED: orders.OrderRefused,
    State.CANCELLED: orders.OrderCancelled,
    State.FAILED: orders.OrderFailed,
    State.QUARANTINED: orders.OrderQuarantined,
}

_STANDS = {State.DISPLACED, State.MOVED, State.COMPLETED}
"""Told as confirmed, for readers that know no more; `stage` says the rest."""

CapacityEvent = capacity.Hold | capacity.Booking
FACTS: dict[type[CapacityEvent], Fact] = {
    capacity.HoldPlaced: Fact.HOLD_PLACED,
    capacity.HoldRefused: Fact.HOLD_REFUSED,
    capacity.HoldConfirmed: Fact.HOLD_CONFIRMED,
    capacity.HoldReleased: Fact.HOLD_LOST,
    capacity.HoldExpired: Fact.HOLD_LOST,
    capacity.BookingConfirmed: Fact.BOOKING_CONFIRMED,
    capacity.BookingSupplied: Fact.BOOKING_CONFIRMED,
    capacity.BookingStarted: Fact.BOOKING_CONFIRMED,
    capacity.WorkReported: Fact.BOOKING_CONFIRMED,
    capacity.BookingDisplaced: Fact.BOOKING_DISPLACED,
    capacity.BookingMoved: Fact.BOOKING_MOVED,
    capacity.BookingCompleted: Fact.BOOKING_COMPLETED,
    capacity.BookingCancelled: Fact.BOOKING_CANCELLED,
}
"""Supplied, started, reported on: it stands as confirmed does."""


class UnknownOrderError(LookupError):
    """Capacity speaks of an order that is not ours; the event is parked, so that a person looks."""


@dataclass(frozen=True)
class News:
    """A fact about one order, with what came along."""

    order_id: UUID
    fact: Fact
    allocations: Sequence[Allocation] = ()
    reason: Reason | None = None


# --- commands --------------------------------------------------------------------------------------------------------


async def place_order(
    session: WriteSession, caller: Principal, wishes: Sequence[Wish], earliest_day: date, due_day: date
) -> orders.Order:
    """Take an order and ask capacity for room. Raises Invalid with the fields at fault."""
    caller.must_be(PartyKind.RETAILER, PartyKind.BRAND)
    products = await store.products(session, (wish.product_id for wish in wishes))
    today = await store.today_where_it_is_earliest(session)
    if faults := order_faults(wishes, earliest_day, due_day, products, today):
        fields = [FieldError(fault.path, fault.message) for fault in faults]
        raise Invalid("Correct these fields and order again.", errors=fields)
    lines = lines_of(wishes, products)
    price = total(lines)
    order = Order(
        id=new_id(),
        party_id=caller.party,
        version=1,
        state=State.PLACED,
        lines=msgspec.to_builtins([asdict(line) for line in lines]),
        total_amount=price.amount,
        total_currency=price.currency,
        earliest_day=earliest_day,
        due_day=due_day,
        allocations=[],
    )
    await store.add_order(session, order)
    await store.wait_for(session, [(order, ANSWER)])
    event = _event(order)
    await outbox.add(session, event)
    return event


async def cancel_order(session: WriteSession, caller: Principal, order_id: UUID) -> orders.Order:
    """Withdraw an order of the caller's. Raises NotFound, or Conflict with the state that forbids it."""
    caller.must_be(PartyKind.RETAILER, PartyKind.BRAND)
    order = (await store.locked(session, [order_id])).get(order_id)
    if order is None:
        raise NotFound("You have no such order; check the id.")
    if decide(State(order.state), Fact.CANCELLED_BY_BUYER).decision is Decision.FORBID:
        raise Conflict(f"The order is {order.state}, so it cannot be cancelled any more.", code="NOT_CANCELLABLE")
    [event] = await _learn(session, {order_id: order}, [News(order_id, Fact.CANCELLED_BY_BUYER)])
    return event


# --- reactions -------------------------------------------------------------------------------------------------------


async def on_capacity(session: WriteSession, events: Sequence[CapacityEvent]) -> None:
    """Capacity has acted on holds and bookings; those that no order asked for are of no matter here."""
    news = [_news(event, event.order_id) for event in events if event.order_id is not None]
    locked = await store.locked(session, (item.order_id for item in news))
    if unknown := {item.order_id for item in news} - locked.keys():
        raise UnknownOrderError(f"no such order: {', '.join(sorted(map(str, unknown)))}")
    await _learn(session, locked, news)


async def on_products(session: WriteSession, events: Sequence[catalog.Product]) -> None:
    """Keep what orders need to know of the catalog's products, the newest of each."""
    newest = {event.id: event for event in sorted(events, key=lambda event: event.version)}
    await store.keep_products(session, [_product_row(event) for event in newest.values()])


async def let_deadlines_pass(kit: Kit) -> None:
    """Act on every deadline that has passed, a few at a time."""
    more = True
    while more:
        async with kit.database.work() as session:
            overdue = await store.overdue(session, _AT_ONCE)
            await _learn(session, overdue, [News(order_id, Fact.DEADLINE_PASSED) for order_id in overdue])
        more = len(overdue) == _AT_ONCE


# --- what they share -------------------------------------------------------------------------------------------------


async def _learn(session: WriteSession, locked: dict[UUID, Order], news: Iterable[News]) -> list[orders.Order]:
    """Decide what each fact does to its locked order, save it, tell it, and set what the order waits for next."""
    waiting, told = {}, []
    for item in news:
        order = locked[item.order_id]
        transition = decide(State(order.state), item.fact, item.reason)
        if transition.told and not _is_followed(order, transition, item):
            _apply(order, transition, item)
            told.append(_event(order))
            waiting[order.id] = (order, transition.deadline)
    await session.flush()
    await store.wait_for(session, list(waiting.values()))
    await outbox.add(session, *told)
    return told


def _is_followed(order: Order, transition: Transition, news: News) -> bool:
    """Whether the order has these very days already."""
    return transition.decision is Decision.FOLLOW and _days(news) == order.allocations


def _days(news: News) -> list[dict[str, Any]]:
    days: list[dict[str, Any]] = msgspec.to_builtins(news.allocations)
    return days


def _apply(order: Order, transition: Transition, news: News) -> None:
    order.version += 1
    order.state = transition.state
    if transition.decision is Decision.REPEAT:
        return
    if transition.planned and transition.agreed:
        _plan(order, news)
    elif not transition.planned and transition.state is not State.QUARANTINED:
        order.allocations = []
    reason = transition.reason
    if transition.state is State.QUARANTINED and reason:
        log.error("order quarantined", extra={"order": str(order.id), "reason": reason.message})
    if reason:
        REFUSALS.labels(reason.code).inc()
    order.refusal_code, order.refusal_message = (reason.code, reason.message) if reason else (None, None)


def _plan(order: Order, news: News) -> None:
    """These days are promised. Who agreed to days outside those that it asked for has asked for them."""
    order.allocations = _days(news)
    days = [part.day for part in news.allocations]
    order.earliest_day, order.due_day = min([order.earliest_day, *days]), max([order.due_day, *days])


def _news(event: CapacityEvent, order_id: UUID) -> News:
    return News(order_id, FACTS[type(event)], event.allocations, _why(event))


def _why(event: CapacityEvent) -> Reason | None:
    """What capacity says of a refusal, or of the end of a booking."""
    if isinstance(event, capacity.HoldRefused) and event.refusal:
        return Reason(event.refusal.code, event.refusal.message)
    if isinstance(event, capacity.Booking) and event.ending:
        return Reason("BOOKING_CANCELLED", f"{event.ending.message} Its time is free again; order anew.")
    return None


def _event(order: Order) -> orders.Order:
    """What the order's present state is told as."""
    state = State(order.state)
    refusal = Refusal(code=order.refusal_code, message=order.refusal_message or "") if order.refusal_code else None
    return _EVENTS[state](
        id=order.id,
        version=order.version,
        party_id=order.party_id,
        state=orders.OrderState(State.CONFIRMED if state in _STANDS else state),
        stage=state,
        lines=msgspec.convert(order.lines, list[orders.Line]),
        total=Money(order.total_amount, order.total_currency),
        earliest_day=order.earliest_day,
        due_day=order.due_day,
        allocations=msgspec.convert(order.allocations, list[Allocation]),
        refusal=refusal,
    )


def _product_row(event: catalog.Product) -> dict[str, object]:
    return {
        "id": event.id,
        "version": event.version,
        "brand_id": event.party_id,
        "offered": not isinstance(event, catalog.ProductWithdrawn),
        "price_amount": event.price.amount,
        "price_currency": event.price.currency,
        "skus": [variant.sku for variant in event.variants],
        "routing": msgspec.to_builtins(event.routing),
    }
