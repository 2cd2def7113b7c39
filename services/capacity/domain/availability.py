"""What is free of a resource on every day that can be searched, as sums: what is free between two days is a
difference of two of them, and the day by which there is enough is found by bisection."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from math import cos, floor, radians
from uuid import UUID

from services.capacity.domain.calendar import Calendar
from services.capacity.domain.offer import Resource, Site
from services.capacity.domain.work import Work

HORIZON = 366
"""Days that can be searched, from `first_searched` on."""
SPARE = 31
"""Days more in every row, so that a day may pass without a row being written."""
LONGEST_AS_IS = 7
"""Days after which a row is written again, from a later day on."""
LONGEST_BASE = 20
"""Days after which an index is loaded again. Rows that are 7 days older than it still reach its horizon then."""
CELL = 0.05
"""Degrees: about 5.6 km from south to north, and 3.9 km from west to east in Milan."""


KM_PER_DEGREE = 111.195
"""Of a great circle, on the sphere of 6,371.0088 km (the mean radius of the Earth, IUGG)."""
_HAIR = 1e-4
"""Degrees: more than what 32 bits round a coordinate by."""
Cell = tuple[int, int]
Place = tuple[float, float]
"""Latitude and longitude, WGS 84 degrees."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """What search knows of a resource: whose it is, where it stands, what it costs, and what is free."""

    id: UUID
    party_id: UUID
    site_id: UUID
    name: str
    processes: list[str]
    unit: str
    time_zone: str
    latitude: float | None
    longitude: float | None
    currency: str
    price: int
    setup: int
    least: int
    """What any booking costs, in minor units."""
    minimum: int
    lot: int
    notice_days: int
    window_days: int | None
    visibility: str
    invited: list[UUID]
    work: dict[str, Work]
    """What it takes, by process, where it tells."""
    places: list[str]
    """A key for each process anywhere, and one for it in the cell where the resource stands."""
    first_day: date
    most: int
    """No day has more free."""
    cumulative: Sequence[int]
    """What is free before each day from `first_day` on, and, last, of all days: HORIZON + SPARE + 1 sums."""


def availability(resource: Resource, site: Site | None, touched: Mapping[date, int], first_day: date) -> Availability:
    """What is free from a day on: what the calendar gives, but for days that have a bucket already (`touched`)."""
    terms, free = resource.terms, _free(resource.calendar, touched, first_day)
    return Availability(
        id=resource.id,
        party_id=resource.party_id,
        site_id=resource.site_id,
        name=resource.name,
        processes=resource.processes,
        unit=resource.unit,
        time_zone=resource.time_zone,
        latitude=site.latitude if site else None,
        longitude=site.longitude if site else None,
        currency=terms.price_per_unit.currency,
        price=terms.price_per_unit.amount,
        setup=terms.setup_price.amount,
        least=terms.minimum_charge.amount if terms.minimum_charge else 0,
        minimum=terms.minimum_quantity,
        lot=terms.lot_multiple,
        notice_days=terms.notice_days,
        window_days=terms.window_days,
        visibility=terms.visibility,
        invited=terms.invited,
        work=resource.work,
        places=list(_places(resource, site)),
        first_day=first_day,
        most=max(free),
        cumulative=[0, *accumulate(free)],
    )


def _free(calendar: Calendar, touched: Mapping[date, int], first_day: date) -> list[int]:
    """As `published_on` would say day by day: weeks laid end to end, cut to the calendar's span, then corrected."""
    begins, days, shift = first_day.toordinal(), HORIZON + SPARE, first_day.weekday()
    weeks = calendar.weekly[shift:] + calendar.weekly[:shift]
    free = (weeks * (days // 7 + 1))[:days]
    opens, ends = calendar.starts_on.toordinal() - begins, calendar.ends_on.toordinal() - begins + 1
    free[: max(0, opens)] = [0] * min(days, max(0, opens))
    free[max(0, ends) :] = [0] * (days - min(days, max(0, ends)))
    for day, quantity in (*calendar.exceptions.items(), *touched.items()):
        if 0 <= (number := day.toordinal() - begins) < days:
            free[number] = max(0, quantity)
    return free


def _places(resource: Resource, site: Site | None) -> Iterator[str]:
    for process in dict.fromkeys(resource.processes):
        sold = (process, resource.terms.price_per_unit.currency, resource.unit)
        yield place(*sold)
        if site and site.latitude is not None and site.longitude is not None:
            yield place(*sold, cell_of(site.latitude, site.longitude))


def first_searched(now: datetime) -> date:
    """Yesterday by UTC: at no site on Earth is today before it."""
    return now.astimezone(UTC).date() - timedelta(1)


def place(process: str, currency: str, unit: str, cell: Cell | None = None) -> str:
    """What a row is found by."""
    return " ".join((process, currency, unit, *map(str, cell or ())))


def cell_of(latitude: float, longitude: float) -> Cell:
    """The cell of the grid in which a place lies."""
    return floor(latitude / CELL), floor(longitude / CELL)


def cells_around(near: Place, km: float) -> tuple[Cell, Cell]:
    """The cells in the corners, south west and north east, of a box that a circle fits in."""
    north = km / KM_PER_DEGREE + _HAIR
    east = north / max(_HAIR, cos(radians(near[0])))
    lowest = cell_of(max(-90.0, near[0] - north), max(-180.0, near[1] - east))
    return lowest, cell_of(min(90.0, near[0] + north), min(180.0, near[1] + east))
