"""Qualifications of workshops, and on which days a workshop has all that are asked for."""

from collections import defaultdict
from collections.abc import Collection, Sequence, Set
from datetime import date
from uuid import UUID

from libs.kit.db import Session, WriteSession
from services.capacity.domain.qualification import Lack, Qualification
from services.capacity.domain.search import Valid
from services.capacity.store.rows import WRITE, rows
from services.capacity.tables import written

_KEEP = (
    WRITE.format("qualification") + "(id) DO UPDATE SET (version, scheme, valid_from, valid_until, state)"
    " = (excluded.version, excluded.scheme, excluded.valid_from, excluded.valid_until, excluded.state)"
)
# Certificates of a scheme that follow each other are one span; those of several schemes are cut to what they share.
_VALID = """SELECT party_id, lower(span), upper(span) - 1 FROM (
        SELECT party_id, unnest(range_intersect_agg(days)) AS span FROM (
            SELECT party_id, range_agg(daterange(valid_from, valid_until, '[]')) AS days FROM qualification
             WHERE scheme = ANY ($1::text[]) AND state = 'shown' GROUP BY party_id, scheme) AS of_a_scheme
         GROUP BY party_id HAVING count(*) = cardinality($1::text[])) AS of_all"""

_LACKING = """
    SELECT party_id, day, scheme FROM unnest($1::uuid[], $2::date[], $3::text[]) AS one (party_id, day, scheme)
     WHERE NOT EXISTS (SELECT FROM qualification AS has WHERE has.party_id = one.party_id AND has.scheme = one.scheme
                          AND state = 'shown' AND day BETWEEN valid_from AND valid_until)"""


async def keep_qualifications(session: WriteSession, kept: Sequence[Qualification]) -> None:
    """Upsert qualifications."""
    await rows(session, _KEEP, written(kept))


async def valid(session: Session, schemes: Collection[str]) -> Valid:
    """When each workshop has all of these, those that ever do."""
    found: dict[UUID, list[tuple[date, date]]] = defaultdict(list)
    for party_id, first, last in await rows(session, _VALID, sorted(schemes)):
        found[party_id].append((first, last))
    return found


async def lacking(session: Session, asked: Set[Lack]) -> set[Lack]:
    """Those of these that are so."""
    columns = map(list, zip(*asked, strict=True))
    return {tuple(row) for row in await rows(session, _LACKING, *columns)} if asked else set()
