"""The capacity side of the order saga: follow each order's newest state (docs/decisions/0004)."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from libs.contracts import orders
from libs.kit.db import WriteSession
from services.capacity import store
from services.capacity.domain.ledger import Hold, Ledger, NoRoomError
from services.capacity.domain.offer import Refused
from services.capacity.domain.plan import Need, Room, plan
from services.capacity.domain.saga import STEPS, room_of
from services.capacity.handlers.facts import save_and_tell
from services.capacity.handlers.holds import make_firm

SECONDS_TO_CONFIRM = 60
_LOOKS = (64, 64, 64, 1000, 1000, 1000)
"""How many resources of a process, the cheapest, each try plans on."""
_LOST = Refused("HOLD_UNKNOWN", "Capacity knows of no hold for this order.")


class _PlanAgain(Exception):  # noqa: N818 - not an error
    """What was planned on was taken meanwhile, or more resources must be looked at."""


async def follow_orders(session: WriteSession, events: Sequence[orders.Order]) -> None:
    """Do what the newest state of each order asks for. All orders at hand are decided together, so that their buckets
    are locked once, in id order; before planning again every lock is let go."""
    newest = {event.id: event for event in sorted(events, key=lambda event: event.version)}
    for left, look in zip(reversed(range(len(_LOOKS))), _LOOKS, strict=True):
        try:
            async with session.begin_nested():
                await _follow(session, newest, look, last_try=not left)
            break
        except _PlanAgain:
            continue


async def _follow(session: WriteSession, newest: Mapping[UUID, orders.Order], look: int, *, last_try: bool) -> None:
    holds, bookings = await store.holds(session, newest), await store.bookings(session, newest)
    now = await store.now(session)
    steps = {key: STEPS[order.state][room_of(holds.get(key), bookings.get(key), now)] for key, order in newest.items()}
    placed = [order for key, order in newest.items() if steps[key] == "plan"]
    answers = await _planned(session, placed, look, now) if placed else []
    wanted = [part for hold, _ in answers for part in hold.allocations]
    ledger = await store.open_ledger(session, wanted, [*holds.values(), *bookings.values()], patient=False)
    await make_firm(session, ledger, [holds[key] for key, step in steps.items() if step == "confirm"], now)
    for key, step in steps.items():
        if step == "release":
            ledger.release(holds[key], now)
        elif step == "expire":
            ledger.expire(holds[key])
        elif step == "cancel":
            ledger.cancel(bookings[key])
        elif step == "refuse":
            ledger.refuse(_hold(newest[key], now), _LOST)
    for hold, refused in answers:
        _answer(ledger, hold, refused, last_try=last_try)
    await save_and_tell(session, ledger)


def _answer(ledger: Ledger, hold: Hold, refused: Refused | None, *, last_try: bool) -> None:
    if refused:
        ledger.refuse(hold, refused)
        return
    try:
        ledger.place(hold)
    except NoRoomError as error:
        if not last_try:
            raise _PlanAgain from None
        ledger.refuse(hold, Refused("NO_CAPACITY", f"{error.asked.day} was taken by others while this was planned."))


def _hold(order: orders.Order, now: datetime) -> Hold:
    until = now + timedelta(seconds=SECONDS_TO_CONFIRM)
    return Hold(id=order.id, party_id=order.party_id, order_id=order.id, allocations=[], expires_at=until)


# --- planning --------------------------------------------------------------------------------------------------------

Planned = tuple[Hold, Refused | None]
"""The hold for an order, and why it cannot be."""


async def _planned(session: WriteSession, placed: Sequence[orders.Order], look: int, now: datetime) -> list[Planned]:
    """A hold for each order; none plans on what another has. Raises _PlanAgain if one does not fit on this look."""
    days = min(order.earliest_day for order in placed), max(order.due_day for order in placed)
    processes = {need.process for order in placed for line in order.lines for need in line.needs}
    offered = {process: await store.offering(session, process, days, look) for process in processes}
    known = await store.rooms(session, (one for resources in offered.values() for one in resources), days, now)
    rooms = {process: [known[one.id] for one in resources] for process, resources in offered.items()}
    # In a thread: a year of a thousand resources takes a second, in which others want to hold.
    planned = await asyncio.to_thread(lambda: [_plan(order, rooms, now) for order in placed])
    cut_off = any(len(resources) == look for resources in offered.values())
    if cut_off and look < _LOOKS[-1] and any(refused for _, refused in planned):
        raise _PlanAgain
    return planned


def _plan(order: orders.Order, offered: Mapping[str, Sequence[Room]], now: datetime) -> Planned:
    """On resources that are sold in the order's currency."""
    sold_in = order.total.currency
    rooms = {process: [room for room in some if room.currency == sold_in] for process, some in offered.items()}
    lines = [[Need(need.process, need.minutes) for need in line.needs] for line in order.lines]
    hold = _hold(order, now)
    try:
        return replace(hold, allocations=plan(lines, rooms, order.earliest_day, order.due_day)), None
    except Refused as refused:
        return hold, refused
