"""The capacity side of the order saga: follow each order's newest state (docs/decisions/0004)."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from time import monotonic
from uuid import UUID

from libs.contracts import orders
from libs.kit.db import WriteSession
from services.capacity import store
from services.capacity.domain.agreement import Ending
from services.capacity.domain.ledger import Hold, Ledger, NoRoomError
from services.capacity.domain.plan import MOST_LOOKED_AT, Need, Room, plan
from services.capacity.domain.saga import STEPS, room_of
from services.capacity.domain.terms import Refused
from services.capacity.handlers.bookings import At, ending, with_resources
from services.capacity.handlers.facts import save_and_tell
from services.capacity.handlers.holds import make_firm

SECONDS_TO_CONFIRM = 60
SECONDS_TO_PLAN = 2.5
"""For a batch, in each of the tries: meanwhile the transaction is idle, which the database bears for 15 s."""
_TRIES = 3
_LOOKS = (64, MOST_LOOKED_AT)
"""How many resources of a process, the cheapest, are planned on; and then for orders that do not fit on these."""
_LOST = Refused("HOLD_UNKNOWN", "Capacity knows of no hold for this order; order again.")


class _PlanAgain(Exception):  # noqa: N818 - not an error
    """What was planned on was taken meanwhile."""


async def follow_orders(session: WriteSession, events: Sequence[orders.Order]) -> None:
    """Do what the newest state of each order asks for. All orders at hand are decided together, so that their buckets
    are locked once, in id order; before planning again every lock is let go."""
    newest = {event.id: event for event in sorted(events, key=lambda event: event.version)}
    for left in reversed(range(_TRIES)):
        with suppress(_PlanAgain):
            async with session.begin_nested():
                await _follow(session, newest, last_try=not left)
            break


async def _follow(session: WriteSession, newest: Mapping[UUID, orders.Order], *, last_try: bool) -> None:
    holds, bookings = await store.holds(session, newest), await store.bookings(session, newest)
    now = await store.now(session)
    steps = {key: STEPS[order.state][room_of(holds.get(key), bookings.get(key), now)] for key, order in newest.items()}
    placed = [order for key, order in newest.items() if steps[key] == "plan"]
    answers = await _planned(session, placed, now) if placed else []
    wanted = [part for hold, _ in answers for part in hold.allocations]
    ledger = await store.open_ledger(session, wanted, [*holds.values(), *bookings.values()], patient=False)
    ended = [bookings[key] for key, step in steps.items() if step == "cancel"]
    ending_of = await with_resources(session, ended, ledger, now)
    await make_firm(session, ledger, [holds[key] for key, step in steps.items() if step == "confirm"], now)
    for key, step in steps.items():
        if step == "release":
            ledger.release(holds[key], now)
        elif step == "expire":
            ledger.expire(holds[key])
        elif step == "cancel":
            ledger.cancel(bookings[key], _end_of(newest[key], ending_of[key]))
        elif step == "refuse":
            ledger.refuse(_hold(newest[key], now), _LOST)
    for hold, refused in answers:
        _answer(ledger, hold, refused, last_try=last_try)
    await save_and_tell(session, ledger)


def _answer(ledger: Ledger, hold: Hold, refused: Refused | None, *, last_try: bool) -> None:
    try:
        _ = ledger.refuse(hold, refused) if refused else ledger.place(hold)
    except NoRoomError as error:
        if not last_try:
            raise _PlanAgain from None
        taken = f"{error.asked.day} was taken by others while this was planned; order again."
        ledger.refuse(hold, Refused("NO_CAPACITY", taken))


def _end_of(order: orders.Order, at: At) -> Ending:
    """A buyer who cancels an order owes what the ladders say; nobody owes for one that failed."""
    if order.state == orders.OrderState.CANCELLED:
        return ending(at, "buyer", "CANCELLED", "The buyer cancelled the order.")
    return ending(at, "platform", "ORDER_ENDED", f"The order it was for is {order.state}.")


def _hold(order: orders.Order, now: datetime) -> Hold:
    until = now + timedelta(seconds=SECONDS_TO_CONFIRM)
    return Hold(
        id=order.id, party_id=order.party_id, order_id=order.id, allocations=[], placed_at=now, expires_at=until
    )


# --- planning --------------------------------------------------------------------------------------------------------

Planned = tuple[Hold, Refused | None]
"""The hold for an order, and why it cannot be."""


async def _planned(session: WriteSession, placed: Sequence[orders.Order], now: datetime) -> Collection[Planned]:
    """A hold for each order; none plans on what another has. All are planned on few resources first: so those that fit
    nowhere, whose planning takes longest, keep nobody waiting but each other."""
    until, left = monotonic() + SECONDS_TO_PLAN, placed
    days = min(order.earliest_day for order in placed), max(order.due_day for order in placed)
    known: dict[UUID, Room] = {}
    planned: dict[UUID, Planned] = {}
    for look in _LOOKS:
        asked = {sold for order in left for sold in _sold(order)}
        offered = {sold: await store.offering(session, sold, days, look) for sold in asked}
        known = await store.rooms(session, (one for some in offered.values() for one in some), days, now) | known
        rooms = {sold: [known[one.id] for one in resources] for sold, resources in offered.items()}
        # In a thread: it may take long, and others want to hold meanwhile.
        decide = partial(_plan, offered=rooms, now=now, until=until)
        planned |= {one[0].id: one for one in await asyncio.to_thread(list, map(decide, left))}
        cut_off = {sold for sold, resources in offered.items() if len(resources) == look}
        left = [order for order in left if planned[order.id][1] and cut_off & _sold(order)]
    return planned.values()


def _sold(order: orders.Order) -> set[store.Sold]:
    """What an order needs, in its own currency."""
    return {(need.process, order.total.currency) for line in order.lines for need in line.needs}


def _plan(order: orders.Order, offered: Mapping[store.Sold, Sequence[Room]], now: datetime, until: float) -> Planned:
    rooms = {sold[0]: offered[sold] for sold in _sold(order)}
    lines = [[Need(one.process, one.minutes, line.quantity, one.steps) for one in line.needs] for line in order.lines]
    hold = _hold(order, now)
    try:
        parts = plan(lines, rooms, order.earliest_day, order.due_day, partial(_in_time, until))
        return replace(hold, allocations=parts), None
    except Refused as refused:
        return hold, refused


def _in_time(until: float) -> None:
    """An order that is not planned soon would fail by its deadline: it is better told at once, and why."""
    if monotonic() > until:
        raise Refused("PLANNING_BUSY", "Too many orders were waiting to be planned; nothing was taken, order again.")
