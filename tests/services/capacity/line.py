"""Waiting in line, for the tests: what a party does, what the job does, and when the line was not fair."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import text

from libs.contracts import capacity_queues as queues
from libs.contracts.capacity_answers import PlaceInLine
from libs.kit.db import Database
from services.capacity.domain.offer import Allocation, Resource
from services.capacity.domain.waitlist import Entry, Wish
from services.capacity.handlers import waitlist
from services.capacity.store.rows import read_as
from tests.services.capacity import world
from tests.services.capacity.world import day

Free = dict[tuple[UUID, date], int]


def a_wish(on: Resource | None = None, quantity: int = 100, first: int = 1, last: int = 1, **given: Any) -> Wish:
    """For a resource, or for a process, on days counted from now."""
    plain = {"resource_id": on.id if on else None, "currency": None if on else "EUR"}
    return Wish(**plain | given, quantity=quantity, first_day=day(first), last_day=day(last))


async def join(db: Database, wish: Wish, party: UUID | None = None) -> queues.WaitlistEntry:
    caller = world.principal(party=party)
    async with world.ledger(db, caller.party) as session:
        return await waitlist.join_waitlist(session, caller, wish)


async def leave(db: Database, entry: queues.WaitlistEntry) -> queues.WaitlistEntry:
    async with world.ledger(db, entry.party_id) as session:
        return await waitlist.leave_waitlist(session, world.principal(party=entry.party_id), entry.id)


async def place(db: Database, entry: queues.WaitlistEntry, party: UUID | None = None) -> PlaceInLine:
    caller = world.principal(party=party or entry.party_id)
    return await waitlist.place_in_line(SimpleNamespace(database=db), caller, entry.id)


async def serve(db: Database) -> None:
    """What the job does."""
    await waitlist.serve_waitlist(SimpleNamespace(database=db))


async def states(db: Database, entries: Iterable[queues.WaitlistEntry]) -> list[str]:
    return [known.state for known in await seen(db, [entry.id for entry in entries])]


async def seen(db: Database, ids: Sequence[UUID]) -> list[Entry]:
    """Entries as they are now, in the order of these ids."""
    async with db.work() as session:
        query = "SELECT to_json(waitlist_entry)::text FROM waitlist_entry WHERE id = ANY ($1::uuid[])"
        found = {entry.id: entry for entry in await read_as(session, Entry, query, list(ids))}
    return [found[one] for one in ids]


async def end(db: Database, hold_id: UUID | str) -> None:
    """The hold is over now; nobody has noticed."""
    async with db.work() as session:
        await session.execute(text("UPDATE hold SET expires_at = now() WHERE id = :id"), {"id": UUID(str(hold_id))})


# --- fairness --------------------------------------------------------------------------------------------------------


def unfair(
    line: Sequence[Entry], benches: Sequence[Resource], free: Free, given: Mapping[UUID, Sequence[Allocation]]
) -> list[str]:
    """What is wrong with who was given what of this room: in its turn, each whom something fits gets it, whole."""
    left, wrong = dict(free), list[str]()
    for entry in line:
        if entry.id not in given:
            wrong += [f"{entry} was passed over for {name}" for name in _room(entry, benches, left)]
            continue
        parts = given[entry.id]
        asked = sum(part.quantity for part in parts) == entry.quantity
        one = len({part.resource_id for part in parts}) == 1
        if not (asked and one and all(entry.first_day <= part.day <= entry.last_day for part in parts)):
            wrong.append(f"{entry} was given {parts}")
        for part in parts:
            left[part.resource_id, part.day] -= part.quantity
    return wrong + [f"{key} is oversold" for key, quantity in left.items() if quantity < 0]


def _room(entry: Entry, benches: Sequence[Resource], free: Free) -> list[str]:
    days = [entry.first_day + timedelta(n) for n in range((entry.last_day - entry.first_day).days + 1)]
    return [
        bench.name
        for bench in benches
        if entry.is_met_by(bench) and sum(max(0, free.get((bench.id, on), 0)) for on in days) >= entry.quantity
    ]


async def faults(db: Database, entries: Iterable[queues.WaitlistEntry]) -> list[str]:
    """Everything that is wrong with these places in line: none, whatever happened."""
    ids = {"ids": [entry.id for entry in entries]}
    async with db.work() as session:
        return [f"{what}: {row}" for what, query in _FAULTS.items() for row in await session.execute(text(query), ids)]


_FAULTS = {
    "not every version has its event, in order": """
        SELECT entry.id, entry.version, array_agg(outbox.version ORDER BY seq) FROM waitlist_entry entry
          LEFT JOIN outbox ON aggregatetype = 'capacity.waitlist' AND aggregateid = entry.id
         WHERE entry.id = ANY (CAST(:ids AS uuid[])) GROUP BY entry.id
        HAVING array_agg(outbox.version ORDER BY seq) <> ARRAY (SELECT generate_series(1, entry.version))""",
    "the last event is not the state": """
        SELECT to_jsonb(entry), payload FROM waitlist_entry entry JOIN outbox
            ON aggregatetype = 'capacity.waitlist' AND aggregateid = entry.id AND outbox.version = entry.version
         WHERE entry.id = ANY (CAST(:ids AS uuid[])) AND (
               NOT payload::jsonb @> to_jsonb(entry) - '{joined_at,expires_at}'::text[]
               OR (payload ->> 'joined_at')::timestamptz <> joined_at
               OR (payload ->> 'expires_at')::timestamptz IS DISTINCT FROM expires_at)""",
    "an offer and its hold disagree": """
        SELECT entry.id, entry.state, hold.state FROM waitlist_entry entry LEFT JOIN hold USING (id)
         WHERE entry.id = ANY (CAST(:ids AS uuid[])) AND NOT CASE entry.state
               WHEN 'waiting' THEN hold.id IS NULL
               WHEN 'lapsed' THEN hold.id IS NULL
               WHEN 'offered' THEN hold.id IS NOT NULL AND hold.allocations = entry.allocations
               WHEN 'accepted' THEN hold.state = 'confirmed' AND hold.id IN (SELECT id FROM booking)
               WHEN 'declined' THEN hold.state = 'released'
               WHEN 'missed' THEN hold.state = 'expired'
               ELSE hold.id IS NULL OR hold.state = 'released' END""",
}
