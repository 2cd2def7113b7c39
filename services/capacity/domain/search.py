"""What is searched for, and what is found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal
from uuid import UUID

from services.capacity.domain.plan import filled

Order = Literal["earliest", "nearest", "cheapest"]
Lot = Literal["resource", "day"]
Valid = Mapping[UUID, Sequence[tuple[date, date]]]
"""By workshop: spans of days, apart from each other, on which it has every qualification that is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Time of a process. A lot always stays at one resource; `lot` says whether it may be spread over its days."""

    party: UUID
    """Who asks: what is private is shown to those alone who are invited."""
    process: str
    quantity: int
    """In `unit`. Of a resource that sells whole lots, or no less than a minimum, it may have to be more."""
    currency: str = "EUR"
    unit: str = "minutes"
    first: date
    last: date
    """Both may be worked on."""
    near: tuple[float, float] | None = None
    """Latitude and longitude, WGS 84 degrees."""
    km: float | None = None
    """No farther than this from `near`; to be told with it alone."""
    price: int | None = None
    """No dearer than this, for all of it, in minor units."""
    qualifications: frozenset[str] = frozenset()
    """Schemes; each must be valid on every day from the first to the last of the work."""
    lot: Lot = "resource"
    """`day`: all on one day, as a dye bath or a casting is."""
    order: Order = "earliest"
    """Among equals what ends first comes first, then what is cheapest, then the lowest id."""
    limit: int = 20


@dataclass(slots=True)
class Window:
    """The earliest days on which a resource has room, taking all that is free of each until there is enough."""

    resource_id: UUID
    workshop_id: UUID
    site_id: UUID
    name: str
    starts_on: date
    ends_on: date
    quantity: int
    """What is sold: as much as was asked for, or the least above it that is."""
    price: int
    """Of all of it, set-up included, in minor units."""
    km: float | None
    """From the place asked about; none if there was none, or the site's place is not known."""
    sold_to_you: bool
    """Whether who asks may hold it; if not, the workshop sells by invitation, and may be asked for one."""


def parts(window: Window, free: Sequence[int]) -> dict[date, int]:
    """What to hold, day by day, given what is free on each day of a window: all of it, until there is enough."""
    days = enumerate(filled(free, window.quantity))
    return {window.starts_on + timedelta(number): quantity for number, quantity in days if quantity > 0}
