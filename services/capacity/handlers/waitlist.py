"""Waiting for room: joining the line, leaving it, and the job that gives whoever is first what has become free."""

import asyncio
from dataclasses import asdict
from uuid import UUID

from libs.contracts import capacity_queues as queues
from libs.contracts.capacity_answers import PlaceInLine
from libs.kit.auth import Principal
from libs.kit.db import WriteSession
from libs.kit.errors import Conflict, NotFound
from libs.kit.ids import new_id
from libs.messaging import outbox
from libs.service.runtime import Kit
from services.capacity import store
from services.capacity.domain.ledger import Hold, Ledger, NoRoomError
from services.capacity.domain.offer import Resource, check_party
from services.capacity.domain.waitlist import Entry, Offer, Wish, check_hope, ended_everywhere, offers
from services.capacity.handlers.facts import entry_event, save_and_tell
from services.capacity.handlers.holds import LEDGER
from services.capacity.handlers.jobs import while_more
from services.capacity.handlers.refusals import refusing

MOST_WAITING = 50
"""Entries of one party that wait or have an offer open: nobody can be in every line of a city."""
_NEWS_AT_ONCE = 200
_ENTRIES_AT_ONCE = 500


# --- joining, leaving, looking ---------------------------------------------------------------------------------------


async def join_waitlist(session: WriteSession, caller: Principal, wish: Wish) -> queues.WaitlistEntry:
    """Put the caller in line, at the end. Raises NotFound, or Conflict if it would wait in vain or waits too often."""
    await store.queue_up(session, caller.party)
    now, found, _ = await store.look(session, [wish.resource_id] if wish.resource_id else [], [caller.party])
    known = [one for one in found if one.is_seen_by(caller.party)]
    if wish.resource_id and not known:
        raise NotFound(f"There is no resource {wish.resource_id}; check the id.", code="UNKNOWN_RESOURCE")
    if await store.entries_of(session, caller.party) >= MOST_WAITING:
        raise Conflict(f"You wait in {MOST_WAITING} lines; leave some first.", code="TOO_MANY_WAITING")
    with refusing():
        for resource in known:
            check_party(resource, caller.party)
        check_hope(wish, next(iter(known), None), now)
    if wish.process and not await store.is_sold(session, wish, caller.party):
        said = f"No workshop offers {wish.process} in this currency; ask for another process or currency."
        raise Conflict(said, code="NOT_OFFERED")
    entry = Entry(id=new_id(), party_id=caller.party, joined_at=now, **asdict(wish))
    await _save(session, [entry])
    await _have_looked_at(session, wish)
    return entry_event(entry)


async def _have_looked_at(session: WriteSession, wish: Wish) -> None:
    """There may be room already, or just now, before anybody could see that somebody waits for it."""
    if wish.process:
        await store.put_news_of(session, wish.process)
    elif wish.resource_id:
        await store.put_news(session, [wish.resource_id])


async def leave_waitlist(session: WriteSession, caller: Principal, entry_id: UUID) -> queues.WaitlistEntry:
    """Take the caller out of line; what it was offered is free again. Raises NotFound, or Conflict if it is over."""
    entry = (await store.entries(session, [entry_id])).get(entry_id)
    if entry is None or entry.party_id != caller.party:
        raise NotFound("You have no such place in line; check the id.")
    with refusing():
        left = entry.after("leave")
        if entry.state == "offered":
            await _give_back(session, entry_id)
    await _save(session, [left])
    return entry_event(left)


async def _give_back(session: WriteSession, hold_id: UUID) -> None:
    """Raises Refused if the offer was confirmed, or ended, a moment ago."""
    hold = (await store.holds(session, [hold_id]))[hold_id]
    ledger = await store.open_ledger(session, claims=[hold])
    ledger.release(hold, await store.now(session))
    await save_and_tell(session, ledger)


async def place_in_line(kit: Kit, caller: Principal, entry_id: UUID) -> PlaceInLine:
    """Where the caller stands. Raises NotFound."""
    async with kit.database.read(caller.party, role=LEDGER) as session:
        entry = await store.entry(session, entry_id)
        if entry is None or entry.party_id != caller.party:
            raise NotFound("You have no such place in line; check the id.")
        return PlaceInLine(entry_event(entry), await store.ahead(session, entry_id))


# --- serving ---------------------------------------------------------------------------------------------------------


async def serve_waitlist(kit: Kit) -> None:
    """Write down how offers ended, let go who waits for days that are over, and offer what has become free. Several
    processes may ask to; one at a time does it."""
    await while_more(kit, _serve)


async def look_again(kit: Kit) -> None:
    """Time itself opens days, where a workshop sells no further ahead than so many: nothing tells of it."""
    async with kit.database.work() as session:
        await store.put_news_of_windows(session)


async def _serve(session: WriteSession) -> bool:
    """Whether there is more to do at once."""
    if not await store.my_turn(session):
        return False
    answered = await store.answered(session, _ENTRIES_AT_ONCE)
    entries = await store.entries(session, answered)
    passed = await store.passed(session, ended_everywhere(await store.now(session)), _ENTRIES_AT_ONCE)
    happened = [(entry, answered[key]) for key, entry in entries.items()] + [(entry, "pass") for entry in passed]
    await _save(session, [after for entry, what in happened if (after := entry.after(what)) != entry])
    news = await store.take_news(session, _NEWS_AT_ONCE)
    in_vain = await _offer(session, await store.resources(session, news)) if news else False
    return _ENTRIES_AT_ONCE in (len(answered), len(passed)) or (bool(news) and not in_vain)


async def _offer(session: WriteSession, resources: dict[UUID, Resource]) -> bool:
    """Offer what is free of these resources to who waits for it; whether others were faster, for then these resources
    are looked at again, but not at once."""
    if not (line := await store.line(session, resources.values())):
        return False
    now = await store.now(session)
    days = min(entry.first_day for entry in line), max(entry.last_day for entry in line)
    rooms = await store.rooms(session, resources.values(), days, now)
    # In a thread: many may wait, and others want to hold meanwhile.
    decided = await asyncio.to_thread(offers, line, list(rooms.values()), now)
    lost = await _place(session, decided) if decided else []
    await store.put_news(session, {part.resource_id for hold in lost for part in hold.allocations})
    return bool(lost)


async def _place(session: WriteSession, decided: list[Offer]) -> list[Hold]:
    """Hold what is offered, and tell it; gives the holds that could not be."""
    waiting = await store.entries(session, [entry.id for entry, _ in decided])
    kept = [hold for entry, hold in decided if waiting[entry.id].state == "waiting"]
    ledger = await store.open_ledger(session, [part for hold in kept for part in hold.allocations])
    placed = [hold for hold in kept if _holds(ledger, hold)]
    await save_and_tell(session, ledger)
    await _save(session, [waiting[hold.id].offered(hold) for hold in placed])
    return [hold for _, hold in decided if hold not in placed]


def _holds(ledger: Ledger, hold: Hold) -> bool:
    try:
        ledger.place(hold)
    except NoRoomError:
        return False
    return True


async def _save(session: WriteSession, entries: list[Entry]) -> None:
    if entries:
        await store.save_entries(session, entries)
        await outbox.add(session, *map(entry_event, entries))
