"""Quotes: what named days would cost, and on which terms, before anything is held."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

import msgspec

from libs.contracts import values
from libs.kit.db import WriteSession
from libs.kit.errors import Conflict, NotFound
from services.capacity import store
from services.capacity.domain.agreement import agree, material_by
from services.capacity.domain.offer import Allocation, Resource, check_party, check_terms, price
from services.capacity.domain.terms import Refused


class Free(msgspec.Struct, frozen=True, kw_only=True):
    """What is free of a day at this moment."""

    resource_id: UUID
    day: date
    asked: int
    available: int


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """What a booking of these days would be agreed on now. Room is not promised: holding decides."""

    price: values.Money
    agreed: list[values.Agreed]
    by_hand: bool
    """Whether a workshop decides by hand: then the hold is proposed."""
    material_by: datetime | None
    days: list[Free]


async def quote(
    session: WriteSession, party: UUID, days: Sequence[tuple[UUID, date, int]], *, sample: bool = False
) -> Quote:
    """Raises NotFound, or Conflict with what these resources do not sell."""
    known = await store.resources(session, {resource_id for resource_id, _, _ in days})
    if unknown := [key for key, _, _ in days if key not in known or not known[key].is_seen_by(party)]:
        raise NotFound(f"There is no resource {unknown[0]}.", code="UNKNOWN_RESOURCE")
    asked, now = (
        [(known[key], known[key].allocate(day, quantity)) for key, day, quantity in days],
        await store.now(session),
    )
    try:
        check_party(asked, party)
        check_terms(asked, now, sample=sample)
    except Refused as refused:
        raise Conflict(refused.message, code=refused.code) from None
    agreed = agree(asked)
    return Quote(
        price=msgspec.convert(price(asked), values.Money, from_attributes=True),
        agreed=msgspec.convert(agreed, list[values.Agreed], from_attributes=True),
        by_hand=any(one.terms.approval == "by_hand" and one.party_id != party for one in known.values()),
        material_by=material_by(agreed, [part for _, part in asked], known, now),
        days=await _free(session, asked, now),
    )


async def _free(session: WriteSession, asked: Sequence[tuple[Resource, Allocation]], now: datetime) -> list[Free]:
    parts = [part for _, part in asked]
    span = min(part.day for part in parts), max(part.day for part in parts)
    rooms = await store.rooms(session, {one.id: one for one, _ in asked}.values(), span, now)
    return [
        Free(
            resource_id=part.resource_id,
            day=part.day,
            asked=part.quantity,
            available=sum(rooms[part.resource_id].between(part.day, part.day)),
        )
        for part in parts
    ]
