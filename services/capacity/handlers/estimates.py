"""What so many pieces would take of a resource: a look, nothing is held."""

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

import msgspec

from libs.contracts.values import Money
from libs.kit.db import WriteSession
from libs.kit.errors import NotFound
from services.capacity import store
from services.capacity.domain import work
from services.capacity.domain.offer import Resource, check_price, price
from services.capacity.domain.plan import Room, as_sold
from services.capacity.domain.terms import Refused
from services.capacity.handlers.refusals import refusing


@dataclass(frozen=True)
class Question:
    """So many pieces of a process, on a resource, from a day on; and what changes from the work before."""

    resource_id: UUID
    process: str
    pieces: int
    first: date
    changed: frozenset[str]


class Taken(msgspec.Struct, frozen=True):
    """A quantity of a local day."""

    day: date
    quantity: int


class Estimate(msgspec.Struct, frozen=True):
    """What a lot would take of a resource as things stand now; the days can be held as they are told."""

    resource_id: UUID
    process: str
    pieces: int
    """In whole lot multiples, and no fewer than the minimum."""
    days: list[Taken]
    first_batch_on: date
    """The day of the first transfer batch."""
    ends_on: date
    elapsed_minutes: int
    """What passes after the last day: drying, burn-out."""
    price: Money


async def estimate(session: WriteSession, party: UUID, asked: Question) -> Estimate:
    """Answer a question. Raises NotFound, or Conflict (NOT_OFFERED, NO_CAPACITY, TOO_EXPENSIVE)."""
    resource = (await store.resources(session, [asked.resource_id])).get(asked.resource_id)
    if resource is None or not resource.is_seen_by(party):
        raise NotFound(f"There is no resource {asked.resource_id}; check the id.", code="UNKNOWN_RESOURCE")
    now = await store.now(session)
    days = resource.first_day(now), resource.calendar.ends_on
    room = (await store.rooms(session, [resource], days, now))[resource.id]
    with refusing():
        return _estimated(room, asked)


def _estimated(room: Room, asked: Question) -> Estimate:
    resource, how = room.resource, _how(room.resource, asked.process)
    first, pieces = max(asked.first, room.opens), work.lot(how, asked.pieces)
    free = room.between(first, resource.calendar.ends_on)
    taken = as_sold(resource, free, work.spread(how, pieces, free, asked.changed))
    if not taken:
        raise Refused("NO_CAPACITY", f"{resource.name} has no room for {pieces} pieces from {first} on; ask for fewer.")
    parts = [(first + timedelta(number), quantity) for number, quantity in enumerate(taken) if quantity]
    bought = [(resource, resource.allocate(day, quantity)) for day, quantity in parts]
    check_price(bought)
    cost = price(bought)
    ready = len(work.spread(how, min(how.transfer_batch or pieces, pieces), taken, asked.changed)) or len(taken)
    days = [Taken(day, quantity) for day, quantity in parts]
    dates = first + timedelta(ready - 1), parts[-1][0]
    money = Money(cost.amount, cost.currency)
    return Estimate(resource.id, asked.process, pieces, days, *dates, how.elapsed_minutes, money)


def _how(resource: Resource, process: str) -> work.Work:
    if process not in resource.work:
        told = ", ".join(sorted(resource.work)) or "nothing"
        raise Refused("NOT_OFFERED", f"{resource.name} does not tell what {process} takes; it tells of: {told}.")
    return resource.work[process]
