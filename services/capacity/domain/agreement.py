"""What was agreed when a booking was made, and what its end costs whom."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

from services.capacity.domain.offer import Allocation, Parts, Resource, price, totals
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
    material_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deal:
    """What a booking is made on: what it costs, on which terms, and until when its material must be in house."""

    price: Money
    agreed: list[Agreed] = field(default_factory=list)
    material_by: datetime | None = None


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


def deal(parts: Parts, now: datetime, asked: Money | None = None) -> Deal:
    """What a booking of these is made on now: at the price that is asked, or else that of the terms."""
    agreed = reprice(agree(parts), asked) if asked else agree(parts)
    resources = {resource.id: resource for resource, _ in parts}
    until = material_by(agreed, [part for _, part in parts], resources, now)
    return Deal(price=asked or price(parts), agreed=agreed, material_by=until)


def agree(asked: Parts) -> list[Agreed]:
    """Today's terms of each resource that is booked."""
    return [_agreed(resource, quantity) for resource, quantity in totals(asked)]


def _agreed(resource: Resource, quantity: int) -> Agreed:
    terms = resource.terms
    cost = Money(terms.cost(quantity), terms.price_per_unit.currency)
    return Agreed(
        resource_id=resource.id,
        workshop_id=resource.party_id,
        price=cost,
        deposit=percent_of(cost, terms.deposit_percent),
        cancellation=terms.cancellation,
        material_days=terms.material_days,
    )


def owed_by_buyer(agreed: Sequence[Agreed], buyer: UUID, days_left: Mapping[UUID, int]) -> list[Due]:
    """What the ladders say for who gives a booking up so many days, by resource, before each workshop's work."""
    rungs = _rungs(agreed, days_left)
    return _dues((buyer, part.workshop_id, percent_of(part.price, rung.buyer_percent)) for part, rung in rungs)


def owed_by_workshops(agreed: Sequence[Agreed], buyer: UUID, days_left: Mapping[UUID, int]) -> list[Due]:
    """The same for workshops that do not keep these parts."""
    rungs = _rungs(agreed, days_left)
    return _dues((part.workshop_id, buyer, percent_of(part.price, rung.workshop_percent)) for part, rung in rungs)


def _rungs(agreed: Sequence[Agreed], days_left: Mapping[UUID, int]) -> list[tuple[Agreed, Rung]]:
    return [(part, rung_at(part.cancellation, days_left[part.resource_id])) for part in agreed]


def owed_of_begun(
    agreed: Sequence[Agreed], buyer: UUID, days_left: Mapping[UUID, int], reported: Collection[UUID]
) -> list[Due]:
    """What is due of work that was started: all of the parts of which work was reported, or whose day has come. Who
    starts ahead of the day takes no ladder away."""
    begun = [part for part in agreed if part.workshop_id in reported or days_left[part.resource_id] <= 0]
    rest = [part for part in agreed if part not in begun]
    whole = _dues((buyer, part.workshop_id, part.price) for part in begun)
    return whole + owed_by_buyer(rest, buyer, days_left)


def _dues(amounts: Iterable[tuple[UUID, UUID, Money]]) -> list[Due]:
    return [Due(*one) for one in amounts if one[2].amount]


def material_by(
    agreed: Sequence[Agreed], allocations: Sequence[Allocation], resources: Mapping[UUID, Resource], now: datetime
) -> datetime | None:
    """Until when fabric, trims and pattern must be in house, if they are asked for: the end of that local day, so many
    days before the workshop's first. Who books later than that has a day."""
    first = first_days(allocations)
    asked = [(part, timedelta(part.material_days)) for part in agreed if part.material_days is not None]
    ends = [resources[part.resource_id].end_of(first[part.workshop_id] - days) for part, days in asked]
    return max(min(ends), now + timedelta(days=1)) if ends else None


def reprice(agreed: Sequence[Agreed], asked: Money) -> list[Agreed]:
    """Another price for all of it, shared out in proportion; to the minor unit, deposits too."""
    whole, before, parts = sum(part.price.amount for part in agreed), 0, []
    for part in agreed:
        after = before + part.price.amount
        share = asked.amount * after // whole - asked.amount * before // whole if whole else 0
        deposit = share * part.deposit.amount // part.price.amount if part.price.amount else 0
        parts.append(replace(part, price=Money(share, asked.currency), deposit=Money(deposit, asked.currency)))
        before = after
    return parts


def first_days(allocations: Sequence[Allocation]) -> dict[UUID, date]:
    """The first day of each workshop's part."""
    return {part.workshop_id: part.day for part in sorted(allocations, key=lambda part: part.day, reverse=True)}
