"""Fair shares of a day: the most that one party may have, and what is kept for firms that are new to the platform.

Both are terms of the resource, in percent of what a day gives. A party is new until it has had `NEW_UNTIL` bookings.
The workshop itself is bound by neither.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from services.capacity.domain.claims import Hold
from services.capacity.domain.ledger import Bucket
from services.capacity.domain.offer import Resource
from services.capacity.domain.terms import Refused, Terms

NEW_UNTIL = 3
"""Bookings that were not cancelled, of any workshop."""


@dataclass
class Standing:
    """Who is new, and what parties have of days that are shared out: live holds and standing bookings."""

    new: set[UUID] = field(default_factory=set)
    taken: Counter[tuple[UUID, UUID]] = field(default_factory=Counter)
    """Party and bucket -> quantity."""

    def of_newcomers(self, bucket_id: UUID) -> int:
        return sum(quantity for (party, key), quantity in self.taken.items() if key == bucket_id and party in self.new)

    def add(self, hold: Hold) -> None:
        """What was placed counts for whoever comes next."""
        self.taken.update({(hold.party_id, part.bucket_id): part.quantity for part in hold.allocations})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A limit that applies to a party, and how much of it is used: `open_holds`, `of_day` (the most of a day that one
    party may have) or `but_newcomers` (the most of a day that all who are not new may have)."""

    code: str
    most: int
    used: int
    resource_id: UUID | None = None
    day: date | None = None


def shares(terms: Terms, gives: int) -> dict[str, int]:
    """The most that a party which is not new may have of a day that gives so much, for each share that applies."""
    most = {}
    if terms.party_percent is not None:
        most["of_day"] = gives * terms.party_percent // 100
    if terms.newcomers_percent:
        most["but_newcomers"] = gives - gives * terms.newcomers_percent // 100
    return most


def limits(hold: Hold, known: Mapping[UUID, Resource], buckets: Mapping[UUID, Bucket], seen: Standing) -> list[Limit]:
    """The shares that apply to a hold, with what of each is used before it is placed."""
    found = []
    for part in (part for part in hold.allocations if part.workshop_id != hold.party_id):
        bucket = buckets[part.bucket_id]
        used = {
            "of_day": seen.taken[hold.party_id, part.bucket_id],
            "but_newcomers": bucket.taken - seen.of_newcomers(part.bucket_id),
        }
        found += [
            Limit(code=code, most=most, used=used[code], resource_id=part.resource_id, day=part.day)
            for code, most in shares(known[part.resource_id].terms, bucket.given).items()
            if code == "of_day" or hold.party_id not in seen.new
        ]
    return found


_SENTENCES = {
    "of_day": (
        "QUOTA",
        "A party may have {most} {unit} of {name} on {day}; you have {used}, {asked} were asked for: take less.",
    ),
    "but_newcomers": (
        "KEPT_FOR_NEWCOMERS",
        (
            "{name} keeps the rest of {day} for firms new to the platform: {asked} asked for, {left} {unit} left for"
            " you. Take no more, or another day."
        ),
    ),
}


def check(hold: Hold, applying: list[Limit], known: Mapping[UUID, Resource]) -> None:
    """Refuse what goes beyond a share."""
    asked = {(part.resource_id, part.day): part.quantity for part in hold.allocations}
    for limit in applying:
        if limit.resource_id and limit.day and limit.used + (more := asked[limit.resource_id, limit.day]) > limit.most:
            resource, (code, sentence) = known[limit.resource_id], _SENTENCES[limit.code]
            shown = {"most": limit.most, "used": limit.used, "left": max(0, limit.most - limit.used), "day": limit.day}
            raise Refused(code, sentence.format(**shown, unit=resource.unit, name=resource.name, asked=more))
