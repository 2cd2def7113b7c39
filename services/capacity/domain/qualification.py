"""What workshops may do, for a time, as the catalog tells of it. It counts on the days of production."""

from dataclasses import dataclass
from datetime import date
from typing import Literal
from uuid import UUID

Lack = tuple[UUID, date, str]
"""A workshop, a local day, and a scheme in which it is not qualified then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Qualification:
    """Of a workshop, in a scheme; the first and the last day on which it counts."""

    id: UUID
    party_id: UUID
    version: int
    scheme: str
    valid_from: date
    valid_until: date
    state: Literal["shown", "withdrawn"]
