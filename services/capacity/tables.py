"""The rows of capacity: a column for each field of the domain's dataclasses. They travel as JSON both ways, made and
read by PostgreSQL itself, so that there is no second description of them; the migration has types and constraints."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec

R = TypeVar("R")


def read(kind: type[R], rows: Iterable[str]) -> list[R]:
    """Rows selected as `to_json(table)::text`, as dataclasses of this kind."""
    return [msgspec.json.decode(row, type=kind) for row in rows]


def written(rows: Sequence[object]) -> str:
    """Dataclasses for `json_populate_recordset`."""
    return msgspec.json.encode(rows).decode()
