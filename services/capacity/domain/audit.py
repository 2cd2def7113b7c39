"""The ledger against what was told of it: rebuilt from holds, bookings and calendars, bucket by bucket."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.capacity.domain.calendar import published_on
from services.capacity.domain.claims import Booking, Claim, Hold
from services.capacity.domain.ledger import Bucket
from services.capacity.domain.offer import Resource


@dataclass
class Books:
    """The newest state of everything, by id: as the ledger has it, or as it was told."""

    buckets: dict[UUID, Bucket] = field(default_factory=dict)
    holds: dict[UUID, Hold] = field(default_factory=dict)
    bookings: dict[UUID, Booking] = field(default_factory=dict)
    resources: dict[UUID, Resource] = field(default_factory=dict)


def rebuilt(told: Books) -> dict[UUID, tuple[int, int]]:
    """What is held and committed of each bucket, by what was told of holds and bookings alone."""
    held, committed = _taken(told.holds.values(), "held"), _taken(told.bookings.values(), "confirmed")
    return {key: (held[key], committed[key]) for key in held.keys() | committed.keys()}


def _taken(claims: Iterable[Claim], state: str) -> Counter[UUID]:
    found = Counter[UUID]()
    for part in (part for claim in claims if claim.state == state for part in claim.allocations):
        found[part.bucket_id] += part.quantity
    return found


def differences(live: Books, told: Books, now: datetime) -> Iterator[str]:
    """Everything in which the ledger is not what was told of it, a sentence each. The ledger keeps a bucket that was
    touched in vain; as long as it has no version there is nothing to tell."""
    yield from _unlike("hold", live.holds, told.holds)
    yield from _unlike("booking", live.bookings, told.bookings)
    kept = {key: bucket for key, bucket in live.buckets.items() if bucket.version}
    yield from _unlike("bucket", kept, told.buckets)
    sums = rebuilt(told)
    for key, bucket in live.buckets.items():
        yield from _bucket(bucket, sums.pop(key, (0, 0)), told.resources.get(bucket.resource_id), now)
    for key, (held, firm) in sums.items():
        yield f"bucket {key}: {held} held and {firm} committed were told, and the ledger has no such bucket"


def _unlike(what: str, live: Mapping[UUID, Claim | Bucket], told: Mapping[UUID, Claim | Bucket]) -> Iterator[str]:
    for key in live.keys() | told.keys():
        one, other = live.get(key), told.get(key)
        if one is None or other is None:
            yield f"{what} {key}: only {'the log' if one is None else 'the ledger'} knows it"
        elif one.version != other.version:
            yield f"{what} {key}: the ledger has version {one.version}, the log {other.version}"
        elif one != other:
            yield f"{what} {key}: version {one.version} is one thing in the ledger and another in the log"


def _bucket(bucket: Bucket, claimed: tuple[int, int], resource: Resource | None, now: datetime) -> Iterator[str]:
    where = f"bucket {bucket.id} ({bucket.resource_id} on {bucket.day})"
    if claimed != (has := (bucket.held, bucket.committed)):
        told = "{} held and {} committed".format
        yield f"{where}: holds and bookings make {told(*claimed)}, the ledger has {told(*has)}"
    if resource is None:
        yield f"{where}: its resource was never told"
    elif bucket.day >= resource.today(now):  # what is over keeps what was published then
        gives = bucket.giving(published_on(resource.calendar, bucket.day))
        if gives != bucket:
            yield f"{where}: by its calendar {gives.published} are published and {gives.unattainable} unattainable"
