"""Quotes: what named days would cost, and on which terms, before anything is held."""

from datetime import date, datetime
from uuid import UUID

import msgspec

from libs.contracts import values
from libs.kit.db import WriteSession
from services.capacity import store
from services.capacity.domain.agreement import deal
from services.capacity.domain.offer import NamedDays, Parts, check_sale, parts_of
from services.capacity.handlers.refusals import refusing
from services.capacity.search.qualified import Needed, check_qualified, lacking


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


async def quote(session: WriteSession, party: UUID, days: NamedDays, needed: Needed, *, sample: bool = False) -> Quote:
    """Raises NotFound, or Conflict with what these resources do not sell."""
    known, now = await store.resources(session, {key for key, _, _ in days}), await store.now(session)
    lacks = await lacking(session, known, [needed])
    with refusing():
        asked = parts_of(known, days, party)
        check_sale(asked, party, now, sample=sample)
        check_qualified(asked, needed, lacks)
    made = deal(asked, now)
    return Quote(
        price=msgspec.convert(made.price, values.Money, from_attributes=True),
        agreed=msgspec.convert(made.agreed, list[values.Agreed], from_attributes=True),
        by_hand=any(one.terms.approval == "by_hand" and one.party_id != party for one in known.values()),
        material_by=made.material_by,
        days=await _free(session, asked, now),
    )


async def _free(session: WriteSession, asked: Parts, now: datetime) -> list[Free]:
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
