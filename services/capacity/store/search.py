"""The search on rows: what a process answers with until its index is loaded, and what the index would answer."""

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import pairwise
from typing import Any
from uuid import UUID

from libs.kit.db import Session
from services.capacity.domain.availability import KM_PER_DEGREE, cells_around, place
from services.capacity.domain.search import Valid, Wanted, Window
from services.capacity.store.rows import rows

_ENDS = {
    # The sums are in order: how many of them are below what must be reached is the number of the day after the last.
    "resource": "SELECT width_bucket(cumulative[opens + 1] + need - 1, cumulative) - 1 AS ends",
    "day": """SELECT day AS ends FROM (SELECT generate_series(opens, last) AS day) AS days
               WHERE most >= need AND cumulative[day + 2] - cumulative[day + 1] >= need LIMIT 1""",
}
_STARTS = {"resource": "width_bucket(cumulative[opens + 1], cumulative) - 1", "day": "ends"}
_ORDERS = {"earliest": "ends_on, price", "nearest": "km NULLS LAST, ends_on, price", "cheapest": "price, ends_on"}
_ANYBODY = "CROSS JOIN LATERAL (SELECT $2::date AS since, $3::date AS until) AS valid"
_QUALIFIED = """JOIN (SELECT party_id, greatest(since, $2::date) AS since, least(until, $3::date) AS until FROM
          unnest($11::uuid[], $12::date[], $13::date[]) AS span (party_id, since, until)) AS valid USING (party_id)"""
# OFFSET 0: what is worked out of a row is worked out once, and not again wherever it is used.
_FIND = """SELECT * FROM (
    SELECT DISTINCT ON (id) id, party_id, site_id, name,
           first_day + {starts} AS starts_on, first_day + ends AS ends_on, need, price, km, is_sold
      FROM (SELECT id, party_id, site_id, name, first_day, most, cumulative,
                   greatest(since, today + notice_days) - first_day AS opens,
                   CASE WHEN window_days IS NULL THEN until ELSE least(until, today + window_days) END
                   - first_day AS last, need, greatest(least, setup + price::bigint * need) AS price, km, is_sold
              FROM availability {who}
             CROSS JOIN LATERAL (SELECT (statement_timestamp() AT TIME ZONE time_zone)::date AS today) AS there
             CROSS JOIN LATERAL (
                SELECT (greatest(minimum, $4::int) + lot - 1) / lot * lot AS need,
                       visibility = 'public' OR party_id = $10 OR $10 = ANY (invited) AS is_sold) AS asked
             CROSS JOIN LATERAL (SELECT sqrt(power((latitude - $5::float) * $9::float, 2)
                   + power((longitude - $6::float) * $9::float * cos(radians($5::float)), 2)) AS km) AS away
             WHERE places && $1::text[] AND (visibility <> 'private' OR is_sold)
               AND ($7::float IS NULL OR km <= $7::float) OFFSET 0) AS near
     CROSS JOIN LATERAL ({ends}) AS enough
     WHERE opens <= last AND ends <= last AND ($8::bigint IS NULL OR price <= $8::bigint)
     ORDER BY id, ends) AS found
 ORDER BY {order}, id LIMIT {limit}"""
_FREE = """SELECT cumulative[starts_on - first_day + 1 : ends_on - first_day + 2]
      FROM unnest($1::uuid[], $2::date[], $3::date[]) WITH ORDINALITY AS found (id, starts_on, ends_on, place)
      JOIN availability USING (id) ORDER BY place"""
_MOST_CELLS = 400


async def find_in_rows(session: Session, wanted: Wanted, valid: Valid | None = None) -> list[Window]:
    """The best windows as the rows have them. `wanted` asks for no day that cannot be searched."""
    shape = {"starts": _STARTS[wanted.lot], "ends": _ENDS[wanted.lot], "order": _ORDERS[wanted.order]}
    query = _FIND.format(**shape, who=_ANYBODY if valid is None else _QUALIFIED, limit=int(wanted.limit))
    near = wanted.near or (None, None)
    given: list[Any] = [list(_places(wanted)), wanted.first, wanted.last, wanted.quantity, *near]
    given += [wanted.km, wanted.price, KM_PER_DEGREE, wanted.party, *_spans(valid)]
    return [_window(row) for row in await rows(session, query, *given)]


async def free_in_rows(session: Session, windows: Sequence[Window]) -> list[list[int]]:
    """What is free on each day of these windows, as the rows have it."""
    given = zip(*((one.resource_id, one.starts_on, one.ends_on) for one in windows), strict=True)
    found = await rows(session, _FREE, *map(list, given)) if windows else []
    return [[after - before for before, after in pairwise(sums)] for (sums,) in found]


def _window(row: Any) -> Window:
    return Window(
        resource_id=row["id"],
        workshop_id=row["party_id"],
        site_id=row["site_id"],
        name=row["name"],
        starts_on=row["starts_on"],
        ends_on=row["ends_on"],
        quantity=row["need"],
        price=row["price"],
        km=None if row["km"] is None else round(row["km"], 3),
        sold_to_you=row["is_sold"],
    )


def _places(wanted: Wanted) -> Iterator[str]:
    """The keys of all rows that may be near enough."""
    sold = (wanted.process, wanted.currency, wanted.unit)
    if wanted.near is None or wanted.km is None:
        return iter([place(*sold)])
    (south, west), (north, east) = cells_around(wanted.near, wanted.km)
    if (north - south + 1) * (east - west + 1) > _MOST_CELLS:
        return iter([place(*sold)])
    cells = ((band, cell) for band in range(south, north + 1) for cell in range(west, east + 1))
    return (place(*sold, cell) for cell in cells)


def _spans(valid: Valid | None) -> list[list[UUID] | list[date]]:
    if valid is None:
        return []
    spans = [(party, first, last) for party, some in valid.items() for first, last in some]
    return [[one[0] for one in spans], [one[1] for one in spans], [one[2] for one in spans]]
