"""What was agreed when a booking was made, and what its end costs whom."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal
from uuid import UUID

from services.capacity.domain.offer import Allocation, Resource, totals
from services.capacity.domain.terms import Money, Rung, percent_of, rung_at

Side = Literal["buyer", "workshop", "platform"]
"""Who ends a booking: who booked, a workshop whose time it is, or neither: a deadline, or an order that failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """The terms of one resource as they stood when its time was booked: later terms change nothing of it."""

    resource_id: UUID
    workshop_id: UUID
    price: Money
    deposit: Money
    cancellation: list[Rung] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Due:
    """What one party owes another."""

    debtor_id: UUID
    creditor_id: UUID
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Who ended a booking and why, and what is due for it. A deposit that was paid counts towards what is due."""

    by: Side
    code: str
    message: str
    due: list[Due] = field(default_factory=list)


def agree(asked: Sequence[tuple[Resource, Allocation]]) -> list[Agreed]:
    """Today's terms of each resource that is booked."""
    return [_agreed(resource, quantity) for resource, quantity in totals(asked)]


def _agreed(resource: Resource, quantity: int) -> Agreed:
    terms = resource.terms
    price = Money(resource.price(quantity), terms.price_per_unit.currency)
    return Agreed(
        resource_id=resource.id,
        workshop_id=resource.party_id,
        price=price,
        deposit=percent_of(price, terms.deposit_percent),
        cancellation=terms.cancellation,
    )


def owed(agreed: Sequence[Agreed], side: Side, buyer: UUID, days_left: Mapping[UUID, int]) -> list[Due]:
    """What the ladder says when this side ends a booking so many days, by resource, before each workshop's work.

    `agreed` is all of it if the buyer ends it, and the workshop's own part if a workshop does.
    """
    return list(_owed(agreed, side, buyer, days_left))


def _owed(agreed: Sequence[Agreed], side: Side, buyer: UUID, days_left: Mapping[UUID, int]) -> Iterator[Due]:
    for part in agreed:
        rung = rung_at(part.cancellation, days_left[part.resource_id])
        percents = {"buyer": rung.buyer_percent, "workshop": rung.workshop_percent, "platform": 0}
        debtor, creditor = (part.workshop_id, buyer) if side == "workshop" else (buyer, part.workshop_id)
        if amount := percent_of(part.price, percents[side]).amount:
            yield Due(debtor, creditor, Money(amount, part.price.currency))


def first_days(allocations: Sequence[Allocation]) -> dict[UUID, date]:
    """The first day of each workshop's part."""
    days: dict[UUID, date] = {}
    for part in allocations:
        days[part.workshop_id] = min(part.day, days.get(part.workshop_id, part.day))
    return days
