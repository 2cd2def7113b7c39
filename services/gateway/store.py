"""The only SQL. Every read runs under the session's parties: what they may not see is not there."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import text

from libs.contracts import capacity
from libs.kit.db import ReadSession
from libs.read_models.listing import Listing, Page
from libs.read_models.reading import Reader, decode
from services.gateway import tables

__all__ = ["Page", "by_ids", "page", "pages"]

_reader = Reader(tables.OF_TOPIC)
by_ids, page, pages = _reader.by_ids, _reader.page, _reader.pages

_OF_PARTY = {"party_id": "party_id = CAST(:party_id AS uuid)"}
_BY_STATE = {"state": "state = :state"}
PARTIES = Listing(
    "catalog.party",
    ("name", "id"),
    descending=False,
    filters={"kind": "kind = :kind", "name": "lower(name) ^@ lower(:name)"},
)
SITES = Listing("catalog.site", ("name", "id"), descending=False)
PRODUCTS = Listing("catalog.product", always="offered", filters=_OF_PARTY)
RESOURCES = Listing("capacity.resource", filters=_OF_PARTY | {"process": "processes @> ARRAY[CAST(:process AS text)]"})
AT_SITE = Listing(
    "capacity.resource",
    always="EXISTS (SELECT FROM site WHERE site.id = resource.site_id AND site.party_id = resource.party_id)",
)
"""Resources at a site of their own workshop: whoever publishes one may name any site."""
HOLDS = Listing("capacity.hold", filters=_BY_STATE)
BOOKINGS = Listing("capacity.booking", filters=_BY_STATE)
WAITLIST = Listing("capacity.waitlist", filters=_BY_STATE)
POOLS = Listing("capacity.pool", filters=_BY_STATE)
SHARES = Listing("capacity.share", filters=_BY_STATE)
ORDERS = Listing("orders.order", filters=_BY_STATE)


async def buckets(
    session: ReadSession, days: Sequence[date], resources: Sequence[UUID]
) -> dict[UUID, dict[date, capacity.Bucket]]:
    """The touched ones of these days in a row, for each of these resources that has any."""
    given = {"resources": resources, "first": days[0], "last": days[-1]}
    found: dict[UUID, dict[date, capacity.Bucket]] = defaultdict(dict)
    for row in await session.execute(_BUCKETS, given):
        bucket: Any = decode(row)
        found[bucket.resource_id][bucket.day] = bucket
    return found


async def versions_on(session: ReadSession, workshop: UUID, day: date, most: int) -> dict[UUID, tuple[int, int | None]]:
    """The first of a workshop's resources, each with its version and its bucket's of a day, if that is touched."""
    rows = await session.execute(_VERSIONS_ON, {"party_id": workshop, "day": day, "most": most})
    return {row.id: (row.version, row.touched) for row in rows}


_BUCKETS = text(
    "SELECT type, event::text FROM bucket"
    " WHERE resource_id = ANY(CAST(:resources AS uuid[])) AND day BETWEEN :first AND :last"
)
_VERSIONS_ON = text("""
    SELECT of_party.id, of_party.version, bucket.version AS touched
      FROM (SELECT id, version FROM resource WHERE party_id = :party_id ORDER BY id LIMIT :most) AS of_party
      LEFT JOIN bucket ON bucket.resource_id = of_party.id AND bucket.day = :day
""")
