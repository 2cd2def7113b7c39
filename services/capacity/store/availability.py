"""What search knows, as rows: one for each resource, made anew from the ledger whenever the ledger tells of it."""

import sys
from array import array
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import fields
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from libs.kit.db import Session, WriteSession
from services.capacity.domain.availability import LONGEST_AS_IS, LONGEST_BASE, Availability, availability
from services.capacity.domain.work import Work
from services.capacity.store.offered import resources, sites
from services.capacity.store.rows import WRITE, rows
from services.capacity.tables import written

_COLUMNS = [field.name for field in fields(Availability)]
_UPDATED = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[1:])
_KEEP = WRITE.format("availability") + f"(id) DO UPDATE SET {_UPDATED}"
_LOADED = ", ".join(name for name in _COLUMNS if name not in ("places", "cumulative"))
_SOME = f"""SELECT {_LOADED}, array_send(cumulative) AS sent
      FROM availability WHERE id > $1 ORDER BY id LIMIT $2"""  # noqa: S608 - the columns
_HEADER, _NUMBER = 20, 2
"""Bytes before the numbers of an array as it is sent, and words that each takes: its length, and itself."""
_WORN = "SELECT id FROM availability WHERE first_day <= $1 ORDER BY first_day LIMIT $2"
_TOUCHED = """SELECT resource_id, day, published - held - committed - blocked FROM bucket
     WHERE resource_id = ANY ($1::uuid[]) AND day >= $2"""
_TAKEN = """SELECT resource_id, day, held + committed + blocked FROM bucket
     WHERE day BETWEEN $1::date AND $1::date + $2::int AND held + committed + blocked > 0"""
_AT = "SELECT after, as_of FROM search_progress"
_TURN = "SELECT after FROM search_progress FOR UPDATE SKIP LOCKED"
_REACHED = "UPDATE search_progress SET after = $1, as_of = coalesce($2, as_of)"
_SOME_AT_ONCE = 2000


async def availabilities(session: Session, ids: Collection[UUID], first_day: date) -> list[Availability]:
    """What is free of these resources from a day on, looked up in the ledger itself."""
    known = await resources(session, ids)
    stand = await sites(session, {resource.site_id for resource in known.values()})
    touched: dict[UUID, dict[date, int]] = {resource_id: {} for resource_id in known}
    for resource_id, day, free in await rows(session, _TOUCHED, list(known), first_day):
        touched[resource_id][day] = free
    return [availability(one, stand.get(one.site_id), touched[one.id], first_day) for one in known.values()]


async def keep_availabilities(session: WriteSession, kept: Sequence[Availability]) -> None:
    """Write rows, in the order of their ids."""
    in_order = sorted(kept, key=lambda row: row.id)
    await rows(session, _KEEP, written(in_order))


async def kept_availabilities(session: Session) -> AsyncIterator[list[Availability]]:
    """All rows as they are kept, some at a time; but for the keys that they are found by, which nobody needs who has
    them all."""
    last = UUID(int=0)
    while found := await rows(session, _SOME, last, _SOME_AT_ONCE):
        yield [_loaded(**row) for row in found]
        last = found[-1]["id"]


def _loaded(sent: bytes, work: dict[str, Any], **fields: Any) -> Availability:
    told = msgspec.convert(work, dict[str, Work]) if work else {}
    return Availability(**fields, work=told, places=[], cumulative=_numbers(sent))


def _numbers(sent: bytes) -> "array[int]":
    """An array as PostgreSQL sends it: to make a list of it number by number would take most of the time of a start."""
    words = array("i", sent[_HEADER:])
    if sys.byteorder == "little":
        words.byteswap()
    return words[1::_NUMBER]


async def taken(session: Session, first_day: date) -> Sequence[tuple[UUID, date, int]]:
    """How much is taken of each day that will be today while an index lasts that begins with this one."""
    return [(row[0], row[1], row[2]) for row in await rows(session, _TAKEN, first_day, LONGEST_BASE + 2)]


async def worn_availabilities(session: Session, first_day: date, most: int) -> list[UUID]:
    """Whose rows begin so long before this day that they are to be written again."""
    return [row[0] for row in await rows(session, _WORN, first_day - timedelta(LONGEST_AS_IS), most)]


async def kept_until(session: Session) -> tuple[int, datetime]:
    """The event up to which, and the instant as of which, the rows say what the ledger does."""
    after, as_of = (await rows(session, _AT))[0]
    return after, as_of


async def turn_to_keep(session: WriteSession) -> int | None:
    """The event up to which rows are kept, until the transaction ends; none while another process is at it."""
    found = await rows(session, _TURN)
    return found[0][0] if found else None


async def kept_up_to(session: WriteSession, after: int, as_of: datetime | None) -> None:
    """Remember how far rows are kept, by whoever has the turn."""
    await rows(session, _REACHED, after, as_of)
