"""The waitlist: a fair line for room that is not there yet (docs/decisions/0015).

waiting ──offer──> offered, a hold of the same id ──confirm──> accepted
   ├──leave──> withdrawn  ├──release──> declined
   └──pass───> lapsed     ├──expire───> missed
                          └──leave────> withdrawn
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Literal, cast
from uuid import UUID

from services.capacity.domain.calendar import days_between, published_on
from services.capacity.domain.ledger import Hold
from services.capacity.domain.life import follow, row
from services.capacity.domain.offer import Allocation, Resource, check_notice, check_terms
from services.capacity.domain.plan import Need, Room, plan
from services.capacity.domain.terms import Refused

SECONDS_TO_ANSWER = 3600
"""How long an offer stands: for everybody the same."""
_LAST_ZONE = timedelta(hours=12)
"""What UTC is ahead of where a day ends last."""

EntryState = Literal["waiting", "offered", "accepted", "declined", "missed", "withdrawn", "lapsed"]
Happening = Literal["offer", "confirm", "release", "expire", "leave", "pass"]
"""`confirm`, `release` and `expire` happen to the offer's hold; `pass`: the last day that was asked for has ended."""

_entry, _OVER = partial(row, EntryState), "nothing nothing nothing nothing nothing"
# Laid out by hand, as those in `life.py`. Without an offer there is no hold, and nothing can happen to it; an offer may
# end after the last day has: its hold decides.
LINE: dict[Happening, dict[EntryState, str]] = {
    #                  waiting   offered   accepted .. lapsed
    "offer":   _entry(f"offered   nothing   {_OVER}"),
    "confirm": _entry(f"nothing   accepted  {_OVER}"),
    "release": _entry(f"nothing   declined  {_OVER}"),
    "expire":  _entry(f"nothing   missed    {_OVER}"),
    "leave":   _entry(f"withdrawn withdrawn {_OVER.replace('nothing', 'NOT_IN_LINE')}"),
    "pass":    _entry(f"lapsed    nothing   {_OVER}"),
}  # fmt: skip # rows are read across
WHY_NOT = {"NOT_IN_LINE": "You are in line no more: this is {stage}; join again."}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is waited for: so much of one resource, or of a process sold in a currency, on days from first to last."""

    resource_id: UUID | None = None
    process: str | None = None
    currency: str | None = None
    quantity: int
    first_day: date
    last_day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(Wish):
    """A party's place in line. What it is offered is a hold of its id, with these `allocations` until `expires_at`."""

    id: UUID
    party_id: UUID
    version: int = 1
    state: EntryState = "waiting"
    joined_at: datetime
    allocations: list[Allocation] = field(default_factory=list)
    expires_at: datetime | None = None

    def is_met_by(self, resource: Resource) -> bool:
        """Whether this resource sells it, to this party: nobody is offered more than was asked for."""
        terms = resource.terms
        whole = terms.least_for(self.quantity) == self.quantity
        if terms.is_shared_out or not whole or not resource.is_sold_to(self.party_id):
            return False
        if self.resource_id is not None:
            return resource.id == self.resource_id
        currency = terms.price_per_unit.currency
        return self.process in resource.processes and resource.unit == "minutes" and currency == self.currency

    def after(self, happening: Happening) -> "Entry":
        """The entry after this happened, one version on if that changed it. Raises Refused (NOT_IN_LINE)."""
        then = follow(LINE[happening], self.state, WHY_NOT)
        return self if then == "nothing" else replace(self, state=cast("EntryState", then), version=self.version + 1)

    def offered(self, hold: Hold) -> "Entry":
        """The entry with the offer it gets."""
        return replace(self.after("offer"), allocations=hold.allocations, expires_at=hold.expires_at)


def ended_everywhere(now: datetime) -> date:
    """The last day that has ended in every time zone."""
    return (now - _LAST_ZONE).date() - timedelta(days=1)


def check_hope(wish: Wish, resource: Resource | None, now: datetime) -> None:
    """Refuse to let somebody wait in vain; `resource` is the one that is waited for, if it is one."""
    if wish.last_day <= ended_everywhere(now):
        raise Refused("TOO_SHORT_NOTICE", f"{wish.last_day} is over; wait for days to come.")
    if resource is None:
        return
    if resource.terms.is_shared_out:
        raise Refused("NO_LINE", f"{resource.name} is sold in shares of a day, and has no line; hold what is free.")
    if (least := resource.terms.least_for(wish.quantity)) != wish.quantity:
        code = "NOT_OFFERED" if wish.quantity < resource.terms.minimum_quantity else "NOT_WHOLE_LOTS"
        raise Refused(code, f"{resource.name} does not sell {wish.quantity} {resource.unit}; {least} would do.")
    check_notice(resource, wish.last_day, now)
    days = days_between(max(resource.first_day(now), wish.first_day), wish.last_day)
    if (most := sum(published_on(resource.calendar, day) for day in days)) < wish.quantity:
        raise Refused("NOT_OFFERED", f"{resource.name} has {most} {resource.unit} on all these days; ask for less.")


Offer = tuple[Entry, Hold]


def offers(line: Iterable[Entry], rooms: Sequence[Room], now: datetime) -> list[Offer]:
    """Who is offered what of these rooms, which it uses up: the first in line whom something fits whole, then the next
    whom something of the rest fits. Nobody waits behind one who asks for more than there is."""
    known = {room.resource.id: room for room in rooms}
    offered = ((entry, _fit(entry, known, now)) for entry in line)
    until = now + timedelta(seconds=SECONDS_TO_ANSWER)
    return [
        (entry, Hold(id=entry.id, party_id=entry.party_id, allocations=parts, placed_at=now, expires_at=until))
        for entry, parts in offered
        if parts
    ]


def _fit(entry: Entry, known: Mapping[UUID, Room], now: datetime) -> list[Allocation]:
    """As an order's step is planned: whole on the earliest day, else split over the days of one resource."""
    days = entry.first_day, entry.last_day
    meeting = (room for room in known.values() if entry.is_met_by(room.resource))
    rooms = [room for room in meeting if sum(room.between(*days)) >= entry.quantity]
    if not rooms:  # most who wait: that is found out quicker than why
        return []
    parts: list[Allocation] = []
    try:
        parts = plan([[Need("", entry.quantity)]], {"": rooms}, *days)
        check_terms([(known[part.resource_id].resource, part) for part in parts], now)
    except Refused:  # what these terms do not sell is left to who comes next
        for part in parts:
            known[part.resource_id].take(part.day, -part.quantity)
        return []
    return parts
