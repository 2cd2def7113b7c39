"""The waitlist, and the news of room that make somebody look at it."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from uuid import UUID

from libs.kit.db import Session, WriteSession
from services.capacity.domain.offer import Resource
from services.capacity.domain.waitlist import Entry, Happening, Wish
from services.capacity.store.rows import ROW, WRITE, read_as, rows
from services.capacity.tables import written

_ENTRY = ROW.format("waitlist_entry")
_BY_TURN = "ORDER BY joined_at, id "
_OF_PARTY = "SELECT count(*) FROM waitlist_entry WHERE party_id = $1 AND state IN ('waiting', 'offered')"
_TURN = "SELECT pg_try_advisory_xact_lock(hashtextextended('turn to serve the waitlist', 0))"
_TAKE_NEWS = """DELETE FROM room_news WHERE seq IN (SELECT seq FROM room_news ORDER BY seq LIMIT $1)
    RETURNING resource_id"""
_PUT_NEWS = "INSERT INTO room_news (resource_id) SELECT * FROM unnest($1::uuid[])"
_PUT_NEWS_OF = "INSERT INTO room_news (resource_id) SELECT id FROM resource WHERE processes @> ARRAY[$1::text]"
_PUT_NEWS_OF_WINDOWS = """INSERT INTO room_news (resource_id) SELECT id FROM resource
     WHERE terms ->> 'window_days' IS NOT NULL AND EXISTS (SELECT FROM waitlist_entry AS entry
           WHERE state = 'waiting' AND (entry.resource_id = resource.id OR process = ANY (processes)))"""
_LINE = (
    _ENTRY + "WHERE state = 'waiting' AND (resource_id = ANY ($1::uuid[]) OR process = ANY ($2::text[])) " + _BY_TURN
)
_LOCK = _ENTRY + "WHERE id = ANY ($1::uuid[]) " + _BY_TURN + "FOR UPDATE"
_PASSED = _ENTRY + "WHERE state = 'waiting' AND last_day <= $1 " + _BY_TURN + "LIMIT $2 FOR UPDATE"
_ANSWERED = """SELECT entry.id, CASE hold.state WHEN 'confirmed' THEN 'confirm' WHEN 'released' THEN 'release'
                                ELSE 'expire' END
      FROM waitlist_entry AS entry JOIN hold USING (id)
     WHERE entry.state = 'offered' AND hold.state IN ('confirmed', 'released', 'expired') LIMIT $1"""
_AHEAD = """SELECT count(*) FROM waitlist_entry AS mine JOIN waitlist_entry AS other ON other.state = 'waiting'
       AND (other.joined_at, other.id) < (mine.joined_at, mine.id)
       AND other.first_day <= mine.last_day AND other.last_day >= mine.first_day
     WHERE mine.id = $1 AND mine.state = 'waiting' AND (
           other.resource_id = mine.resource_id
           OR (other.process = mine.process AND other.currency = mine.currency)
           OR EXISTS (SELECT FROM resource WHERE id = mine.resource_id AND processes @> ARRAY[other.process])
           OR EXISTS (SELECT FROM resource WHERE id = other.resource_id AND processes @> ARRAY[mine.process]))"""
_SOLD = """SELECT EXISTS (SELECT FROM resource WHERE processes @> ARRAY[$1::text] AND unit = 'minutes'
       AND terms #>> '{price_per_unit,currency}' = $2
       AND (terms ->> 'visibility' <> 'private' OR party_id = $3::uuid OR terms -> 'invited' ? $3::text))"""
_SAVE = (
    WRITE.format("waitlist_entry")
    + """(id) DO UPDATE SET (version, state, allocations, expires_at)
     = (excluded.version, excluded.state, excluded.allocations, excluded.expires_at)"""
)


# --- entries ---------------------------------------------------------------------------------------------------------


async def entries(session: WriteSession, ids: Collection[UUID]) -> dict[UUID, Entry]:
    """These entries, locked in the order of the line."""
    return {entry.id: entry for entry in await read_as(session, Entry, _LOCK, list(ids))}


async def entries_of(session: Session, party: UUID) -> int:
    """How many entries of a party wait, or have an offer open."""
    count: int = (await rows(session, _OF_PARTY, party))[0][0]
    return count


async def is_sold(session: Session, wish: Wish, party: UUID) -> bool:
    """Whether there is anything for this party to see that does the process which is wished for, in its currency."""
    found: bool = (await rows(session, _SOLD, wish.process, wish.currency, str(party)))[0][0]
    return found


async def ahead(session: Session, entry_id: UUID) -> int:
    """How many wait longer for room that could be this entry's; none if it does not wait."""
    count: int = (await rows(session, _AHEAD, entry_id))[0][0]
    return count


async def entry(session: Session, entry_id: UUID) -> Entry | None:
    """An entry, not locked."""
    return next(iter(await read_as(session, Entry, _ENTRY + "WHERE id = $1", entry_id)), None)


async def save_entries(session: WriteSession, changed: Sequence[Entry]) -> None:
    """Write entries, new or changed."""
    await rows(session, _SAVE, written(changed))


async def line(session: WriteSession, resources: Iterable[Resource]) -> list[Entry]:
    """Who waits for any of these resources, in the order of the line; not locked."""
    found = list(resources)
    processes = {process for resource in found for process in resource.processes}
    return await read_as(session, Entry, _LINE, [resource.id for resource in found], list(processes))


# --- what is to be done ----------------------------------------------------------------------------------------------


async def my_turn(session: WriteSession) -> bool:
    """Whether this transaction may serve the waitlist: one at a time, so that nobody is served out of turn."""
    free: bool = (await rows(session, _TURN))[0][0]
    return free


async def take_news(session: WriteSession, most: int) -> set[UUID]:
    """Resources of which less is taken, or more is given, than somebody looked at last."""
    return {row[0] for row in await rows(session, _TAKE_NEWS, most)}


async def put_news(session: WriteSession, resource_ids: Iterable[UUID]) -> None:
    """Have these resources looked at."""
    await rows(session, _PUT_NEWS, list(resource_ids))


async def put_news_of(session: WriteSession, process: str) -> None:
    """Have every resource that can do a process looked at."""
    await rows(session, _PUT_NEWS_OF, process)


async def put_news_of_windows(session: WriteSession) -> None:
    """Have every resource looked at that is waited for and opens a day each day."""
    await rows(session, _PUT_NEWS_OF_WINDOWS)


async def answered(session: WriteSession, most: int) -> dict[UUID, Happening]:
    """Entries whose offer has ended, and how; not locked. An ended hold stays as it ended."""
    return {row[0]: row[1] for row in await rows(session, _ANSWERED, most)}


async def passed(session: WriteSession, day: date, most: int) -> list[Entry]:
    """Who waits for days up to this one and no later, locked."""
    return await read_as(session, Entry, _PASSED, day, most)
