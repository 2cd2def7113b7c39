"""Publishing by the thousand: each row for itself, and every time the same."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal
from uuid import UUID, uuid5

import msgspec

from libs.kit.db import WriteSession
from libs.kit.errors import FieldError
from libs.messaging import outbox
from services.capacity import store
from services.capacity.domain.offer import Resource
from services.capacity.handlers.facts import resource_event

Outcome = Literal["published", "changed", "unchanged", "refused"]
_AT_ONCE = 500


@dataclass(frozen=True)
class Row:
    """One row: its line, its reference, and the resource that it makes or what is wrong with it."""

    line: int
    reference: str
    resource: Resource | None = None
    faults: list[FieldError] = field(default_factory=list)


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one row."""

    line: int
    """Of a table, whose header is line 1; of a list the place, from 1; of a calendar file that of the first event."""
    reference: str
    outcome: Outcome
    resource_id: UUID | None = None
    errors: list[FieldError] = msgspec.field(default_factory=list)


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
    judged, known = [*_each_once(rows)], dict[UUID, Resource]()
    ids = [row.resource.id for row in judged if row.resource]
    for start in range(0, len(ids), _AT_ONCE):
        known |= await store.resources(session, ids[start : start + _AT_ONCE])
    new = {row.resource.id: row.resource for row in judged if row.resource and row.resource.id not in known}
    published = await _publish(session, [*new.values()])
    return report([_line(row, published, known) for row in judged])


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
        return Line(row.line, row.reference, "published", id_)
    if id_ in known and (names := [*_differs(row.resource, known[id_])]):
        told = f"is published already, and otherwise; change it at /resources/{id_}, or give a new reference"
        return Line(row.line, row.reference, "refused", id_, [FieldError(name, told) for name in names])
    return Line(row.line, row.reference, "unchanged", id_)


def _differs(row: Resource, known: Resource) -> Iterator[str]:
    """What a row says otherwise. The calendar of a pattern grows by itself: the pattern is compared."""
    names = ("site_id", "name", "kind", "processes", "unit", "terms", "work", "pattern")
    by_itself = () if row.pattern or known.pattern else ("calendar",)
    return (name for name in (*names, *by_itself) if getattr(row, name) != getattr(known, name))
