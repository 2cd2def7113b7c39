"""What workshops may do, for a time, as the catalog tells of it. It counts on the days of production."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal
from uuid import UUID

from services.capacity.domain.offer import Parts
from services.capacity.domain.terms import Refused

Needed = Mapping[tuple[UUID, date], frozenset[str]]
"""By resource and local day: the schemes in which its workshop is qualified on that day. A day left out needs none."""
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


def check_qualified(asked: Parts, needed: Needed, lacking: Collection[Lack]) -> None:
    """Refuse a day on which a workshop lacks what is needed of it."""
    for resource, part in asked:
        for scheme in sorted(needed.get((resource.id, part.day), ())):
            if (resource.party_id, part.day, scheme) in lacking:
                told = f"The workshop of {resource.name} is not qualified with {scheme} on {part.day}"
                raise Refused("NOT_QUALIFIED", f"{told}; choose another day or workshop.")
