"""A Milan-sized set of firms, made up from a seed: the same seed gives the same firms, each by its number alone.

Size and shares are those of the city's own programme: 36,000 firms, of them 13,000 artisans. No firm is a real one:
names are coined from syllables. Places are real: `milan.json` has districts of the city (NIL) and the larger
municipalities of the metropolitan city, with the centroid in WGS 84 degrees rounded to 0.001, a radius in km that stays
inside, and a weight of roughly a thousand inhabitants. They are public geographic facts typed from general knowledge,
good to about half a kilometre (the municipalities were compared with GeoNames).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import cos, pi, radians, sin, sqrt
from pathlib import Path
from random import Random
from typing import NamedTuple
from uuid import UUID, uuid5

import msgspec

from libs.demo.client import Json

ZONE = "Europe/Rome"
FIRMS = 36_000
WORKSHOPS = 13_000

_NAMESPACE = UUID("5f0b0a2e-9d0c-5c1b-8a51-6d696c616e6f")
_KM_PER_DEGREE = 111.2


class Place(NamedTuple):
    """Where firms are: a centroid in degrees, a radius in km, a weight."""

    name: str
    municipality: str
    latitude: float
    longitude: float
    radius_km: float
    weight: float


class Post(NamedTuple):
    """A kind of resource found in a trade: `teams` is the most of them that work side by side."""

    name: str
    kind: str
    processes: tuple[str, ...]
    teams: int
    cents_per_minute: int


class Trade(NamedTuple):
    """A trade with its share of the workshops, words for a firm's name, and what stands in the workshop."""

    name: str
    weight: int
    words: tuple[str, ...]
    posts: tuple[Post, ...]


@dataclass(frozen=True)
class Firm:
    """A party with its one site; workshops and labs have resources."""

    place: Place
    trade: str | None
    party: Json
    """As `importParties` takes it."""
    resources: list[Json]
    """As `importResources` takes them."""


class _Data(msgspec.Struct):
    places: list[Place]
    trades: list[Trade]
    others: dict[str, list[str]]
    syllables: tuple[list[str], list[str], list[str]]


_DATA = msgspec.json.decode(Path(__file__).with_suffix(".json").read_bytes(), type=_Data)
PLACES, TRADES = _DATA.places, _DATA.trades
_FABLAB = next(trade for trade in TRADES if trade.name == "fablab")
_PLACE_WEIGHTS = [place.weight for place in PLACES]

_Hours = tuple[tuple[int, ...], str, str, int]
"""Of a team: weekdays (1 is Monday), from, to, minutes of break."""
_WEEK = (1, 2, 3, 4, 5)
# With the share of workshops that keep these hours.
_SHIFTS: tuple[tuple[tuple[_Hours, ...], int], ...] = (
    (((_WEEK, "08:00", "17:00", 60),), 60),
    (((_WEEK, "08:00", "17:00", 60), ((6,), "08:00", "12:00", 0)), 15),
    ((((2, 3, 4, 5), "08:30", "17:30", 60), ((6,), "08:30", "13:30", 0)), 10),
    (((_WEEK, "06:00", "14:00", 0), (_WEEK, "14:00", "22:00", 0)), 8),
    (((_WEEK, "08:00", "13:00", 0),), 7),
)
_OTHERS = {"brand": 27, "retailer": 73}
_LABS_PER_MILLE = 4


def workshops_among(firms: int) -> int:
    """How many of the first so many firms are workshops: 13,000 of 36,000, spread evenly."""
    return firms * WORKSHOPS // FIRMS


def firms(count: int, seed: int) -> Iterator[Firm]:
    """The first `count` firms of the seed."""
    return (firm(number, seed) for number in range(count))


def firm(number: int, seed: int) -> Firm:
    """The firm of that number. Ids and all properties depend on seed and number alone."""
    rng = Random(f"{seed}/{number}")  # noqa: S311 - reproducible on purpose; nothing here is secret
    place = rng.choices(PLACES, _PLACE_WEIGHTS)[0]
    latitude, longitude = _point(rng, place)
    kind, trade = _kind(rng, workshops_among(number + 1) > workshops_among(number))
    words = trade.words if trade else _DATA.others[kind]
    name = f"{rng.choice(words)} {''.join(map(rng.choice, _DATA.syllables))}"
    party, site = (str(uuid5(_NAMESPACE, f"{seed}/{number}/{what}")) for what in ("party", "site"))
    where = {"name": place.name, "municipality": place.municipality, "latitude": latitude, "longitude": longitude}
    sites = [{"id": site, "timeZone": ZONE, **where}]
    shared = {"partyId": party, "siteId": site}
    resources = [shared | resource for resource in _resources(rng, trade, f"{seed}/{number}", place)]
    return Firm(
        place,
        trade.name if trade else None,
        {"id": party, "kind": kind.upper(), "name": name, "sites": sites},
        resources,
    )


def _point(rng: Random, place: Place) -> tuple[float, float]:
    """Somewhere in the place's disc, evenly."""
    distance, angle = place.radius_km * sqrt(rng.random()) / _KM_PER_DEGREE, 2 * pi * rng.random()
    longitude = place.longitude + distance * cos(angle) / cos(radians(place.latitude))
    return round(place.latitude + distance * sin(angle), 6), round(longitude, 6)


def _kind(rng: Random, workshop: bool) -> tuple[str, Trade | None]:
    if workshop:
        return "workshop", rng.choices(TRADES, [trade.weight for trade in TRADES])[0]
    if rng.random() * 1000 < _LABS_PER_MILLE:
        return "lab", _FABLAB
    return rng.choices(list(_OTHERS), list(_OTHERS.values()))[0], None


def _resources(rng: Random, trade: Trade | None, key: str, place: Place) -> Iterator[Json]:
    """What stands in a workshop of the trade: its main post and some of the others, with the same hours and closures.
    Sant'Ambrogio is kept in the municipality of Milan alone."""
    if trade is None:
        return
    hours = rng.choices([hours for hours, _ in _SHIFTS], [weight for _, weight in _SHIFTS])[0]
    weeks = rng.choices((0, 2, 3, 4), (5, 30, 45, 20))[0]
    closed = {"holidays": "IT-MI" if place.municipality == "Milano" else "IT", "augustWeeks": weeks}
    main, *others = trade.posts
    for post in (main, *rng.sample(others, rng.randint(0, len(others)))):
        teams = rng.randint(1, post.teams)
        yield {
            "id": str(uuid5(_NAMESPACE, f"{key}/{post.name}")),
            "name": post.name,
            "kind": post.kind,
            "processes": post.processes,
            "terms": _terms(rng, post.cents_per_minute),
            "pattern": {"shifts": [_shift(*one, teams) for one in hours], **closed},
        }


def _shift(weekdays: Sequence[int], starts: str, ends: str, rest: int, teams: int) -> Json:
    clock = {"starts": f"{starts}:00", "ends": f"{ends}:00"}
    return {"weekdays": weekdays, **clock, "breakMinutes": rest, "teams": teams}


def _terms(rng: Random, cents_per_minute: int) -> Json:
    return {
        "pricePerUnit": {"amount": round(cents_per_minute * rng.uniform(0.8, 1.3)), "currency": "EUR"},
        "setupPrice": {"amount": rng.randrange(0, 6001, 500), "currency": "EUR"},
        "minimumQuantity": rng.choice((15, 30, 60)),
        "noticeDays": rng.choice((0, 1, 2, 3, 5, 7)),
    }
