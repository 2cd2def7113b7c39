"""The rows of capacity: a column for each field of the domain's dataclasses. They travel as JSON both ways, made and
read by PostgreSQL itself, so that there is no second description of them; the migration has types and constraints."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec

from services.capacity.domain.availability import Availability
from services.capacity.domain.ledger import Booking, Bucket, Hold
from services.capacity.domain.offer import Resource, Site
from services.capacity.domain.qualification import Qualification
from services.capacity.domain.waitlist import Entry

Row = Site | Resource | Bucket | Hold | Booking | Entry | Availability | Qualification
R = TypeVar("R", Site, Resource, Bucket, Hold, Booking, Entry, Availability, Qualification)


def read(kind: type[R], rows: Iterable[str]) -> list[R]:
    """Rows selected as `to_json(table)::text`."""
    return [msgspec.json.decode(row, type=kind) for row in rows]


def written(rows: Sequence[Row]) -> str:
    """Rows for `json_populate_recordset`."""
    return msgspec.json.encode(rows).decode()
