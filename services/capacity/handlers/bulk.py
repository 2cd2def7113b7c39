"""Publishing by the thousand: each row for itself, and every time the same."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Literal
from uuid import UUID, uuid5

import msgspec

from libs.contracts import capacity
from libs.kit.db import WriteSession
from libs.kit.errors import FieldError
from libs.messaging import outbox
from libs.service.runtime import Kit
from services.capacity import store
from services.capacity.domain.offer import Resource
from services.capacity.domain.terms import Terms
from services.capacity.handlers.facts import resource_event
from services.capacity.handlers.resources import Change, save

Outcome = Literal["published", "changed", "unchanged", "refused"]
_AT_ONCE = 500
_DAYS_AT_ONCE = 2_000
"""Of the ledger, that follow other calendars: nobody waits long for one of them."""
_STAYS = {
    "site_id": "stays as it is, for its days are days of that place; give a new reference to what stands elsewhere",
    "unit": "stays as it is, for what is booked is counted in it; give a new reference to what is counted otherwise",
}


@dataclass(frozen=True)
class Row:
    """One row: its line, its reference, and the resource that it makes or what is wrong with it."""

    line: int
    reference: str
    resource: Resource | None = None
    """Its version is the one that was seen when the row was read, or 1."""
    faults: list[FieldError] = field(default_factory=list)


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one row."""

    line: int
    """Of a table, whose header is line 1; of a list the place, from 1; of a calendar file that of the first event."""
    reference: str
    outcome: Outcome
    resource_id: UUID | None = None
    errors: list[FieldError] = msgspec.field(default_factory=list)
    changed: list[str] = msgspec.field(default_factory=list)
    """What is otherwise than before."""
    version: int | None = None
    """Of the resource, if this has written it."""


class Report(msgspec.Struct, frozen=True):
    """What became of all rows, in their order."""

    published: int
    changed: int
    unchanged: int
    """Published before, just so."""
    refused: int
    lines: list[Line]


def report(lines: Sequence[Line]) -> Report:
    """A report of these rows."""
    counts = Counter(line.outcome for line in lines)
    return Report(counts["published"], counts["changed"], counts["unchanged"], counts["refused"], [*lines])


def resource_id(party_id: UUID, reference: str) -> UUID:
    """A resource's id follows from whose it is and what the workshop calls it: so a row sent again finds it."""
    return uuid5(party_id, f"resource {reference}")


async def publish_rows(session: WriteSession, rows: Sequence[Row]) -> Report:
    """Publish what is new; say of every row what became of it. A row that is refused changes nothing for the others."""
    judged = [*_each_once(rows)]
    known = await _known(session, [row.resource.id for row in judged if row.resource])
    new = {row.resource.id: row.resource for row in judged if row.resource and row.resource.id not in known}
    published = await _publish(session, [*new.values()])
    return report([_line(row, published, known) for row in judged])


async def _known(session: WriteSession, ids: Sequence[UUID]) -> dict[UUID, Resource]:
    known = dict[UUID, Resource]()
    for start in range(0, len(ids), _AT_ONCE):
        known |= await store.resources(session, ids[start : start + _AT_ONCE])
    return known


def _each_once(rows: Sequence[Row]) -> Iterator[Row]:
    """A reference that comes again is refused: which of the two is meant?"""
    seen: dict[UUID, int] = {}
    for row in rows:
        if row.resource and (first := seen.setdefault(row.resource.id, row.line)) != row.line:
            again = FieldError("reference", f"is that of line {first} already")
            yield replace(row, resource=None, faults=[again])
        else:
            yield row


async def _publish(session: WriteSession, new: Sequence[Resource]) -> set[UUID]:
    published: set[UUID] = set()
    for start in range(0, len(new), _AT_ONCE):
        some = new[start : start + _AT_ONCE]
        written = await store.publish(session, some)
        await outbox.add(session, *(resource_event(resource) for resource in some if resource.id in written))
        published |= written
    return published


def _line(row: Row, published: set[UUID], known: dict[UUID, Resource]) -> Line:
    if row.resource is None:
        return Line(row.line, row.reference, "refused", None, row.faults)
    id_ = row.resource.id
    if id_ in published:
        return Line(row.line, row.reference, "published", id_, version=1)
    if id_ in known and (names := [*_differs(row.resource, known[id_])]):
        told = "is published already, and otherwise; PUT what you sent to change it, or give a new reference"
        return Line(row.line, row.reference, "refused", id_, [FieldError(name, told) for name in names])
    return Line(row.line, row.reference, "unchanged", id_)


def _differs(row: Resource, known: Resource) -> Iterator[str]:
    """What a row says otherwise. The calendar of a pattern grows by itself: the pattern is compared."""
    names = ("site_id", "name", "kind", "processes", "unit", "terms", "work", "pattern")
    by_itself = () if row.pattern or known.pattern else ("calendar",)
    return (name for name in (*names, *by_itself) if getattr(row, name) != getattr(known, name))


# --- changing --------------------------------------------------------------------------------------------------------


async def known_resources(kit: Kit, party_id: UUID, references: Collection[str]) -> dict[str, Resource]:
    """What a party has published under these references."""
    ids = {resource_id(party_id, reference): reference for reference in references}
    async with kit.database.write(party_id) as session:
        return {ids[id_]: resource for id_, resource in (await _known(session, [*ids])).items()}


async def change_rows(kit: Kit, party_id: UUID, rows: Sequence[Row]) -> Report:
    """Publish what is new, change what is otherwise; say of every row what became of it. Some go at a time, in a
    transaction of their own, so that nobody waits long for one of their days. Sent again, it changes nothing."""
    judged, lines = [*_each_once(rows)], list[Line]()
    for start in range(0, len(judged), _AT_ONCE):
        some = judged[start : start + _AT_ONCE]
        async with kit.database.write(party_id) as session:
            days = await _days_to_follow(session, some)
        for few in _batches(some, days):
            async with kit.database.write(party_id) as session:
                lines += await _change_some(session, few)
    return report(lines)


async def _days_to_follow(session: WriteSession, rows: Sequence[Row]) -> Counter[UUID]:
    """How many days of the ledger follow each resource that gets another calendar: a look, nothing is locked."""
    given = {row.resource.id: row.resource for row in rows if row.resource}
    known = await _known(session, [*given])
    others = [one for id_, one in known.items() if given[id_].calendar != one.calendar]
    now = await store.now(session)
    return await store.touched(session, {one.id: one.today(now) for one in others})


def _batches(rows: Sequence[Row], days: Mapping[UUID, int]) -> Iterator[list[Row]]:
    """Rows that go together: as many as follow no more days than go at once, or one."""
    batch, sum_ = list[Row](), 0
    for row in rows:
        more = days.get(row.resource.id, 0) if row.resource else 0
        if batch and sum_ + more > _DAYS_AT_ONCE:
            yield batch
            batch, sum_ = [], 0
        batch.append(row)
        sum_ += more
    yield batch


async def _change_some(session: WriteSession, rows: Sequence[Row]) -> list[Line]:
    given = {row.resource.id: row.resource for row in rows if row.resource}
    known = await store.locked_resources(session, given.keys())
    published = await _publish(session, [one for id_, one in given.items() if id_ not in known])
    lines = [_line_of_change(row, published, known) for row in rows]
    told = {line.resource_id: _told_as(line.changed) for line in lines if line.resource_id and line.changed}
    now = {id_: replace(given[id_], version=known[id_].version + 1) for id_ in told}
    await save(session, [Change(known[id_], now[id_], what) for id_, what in told.items()])
    return lines


def _line_of_change(row: Row, published: set[UUID], known: Mapping[UUID, Resource]) -> Line:
    if row.resource is None or row.resource.id in published:
        return _line(row, published, {})
    id_ = row.resource.id
    if id_ not in known or known[id_].version != row.resource.version:
        told = "was changed by somebody else while this was read; send it again"
        return Line(row.line, row.reference, "refused", id_, [FieldError("reference", told)])
    names = [*_differs(row.resource, known[id_])]
    if faults := [FieldError(name, _STAYS[name]) for name in names if name in _STAYS]:
        return Line(row.line, row.reference, "refused", id_, faults)
    changed = [more for name in names for more in _in_detail(name, row.resource, known[id_])]
    version = known[id_].version + 1 if changed else None
    return Line(row.line, row.reference, "changed" if changed else "unchanged", id_, [], changed, version)


def _in_detail(name: str, row: Resource, known: Resource) -> list[str]:
    if name != "terms":
        return [name]
    differ = (one.name for one in fields(Terms) if getattr(row.terms, one.name) != getattr(known.terms, one.name))
    return [f"terms.{one}" for one in differ]


def _told_as(changed: Sequence[str]) -> type[capacity.Resource]:
    if set(changed) <= {"calendar", "pattern"}:
        return capacity.CalendarChanged
    return capacity.TermsChanged if all(name.startswith("terms.") for name in changed) else capacity.ResourceChanged
