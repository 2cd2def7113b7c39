"""The only SQL of the catalog. Lock order: party, site, product, qualification; imports lock by id."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from libs.kit.db import WriteSession
from services.catalog.tables import Party, Product, Qualification, Site


async def add(session: WriteSession, row: Site | Product | Qualification) -> None:
    """Write a new row."""
    session.add(row)
    await session.flush()


async def add_parties(session: WriteSession, parties: Sequence[Party]) -> set[UUID]:
    """Write those parties that are not known yet; returns their ids."""
    return await _add_new(session, Party, parties)


async def add_sites(session: WriteSession, sites: Sequence[Site]) -> set[UUID]:
    """Write those sites that are not known yet; returns their ids."""
    return await _add_new(session, Site, sites)


async def _add_new(session: WriteSession, table: type[Party | Site], rows: Sequence[Party | Site]) -> set[UUID]:
    """In the order of their ids, so that two who bring the same rows never wait for each other in a ring."""
    if not rows:
        return set()
    values = [row.model_dump() for row in sorted(rows, key=lambda row: row.id)]
    new = insert(table).on_conflict_do_nothing().returning(col(table.id))
    return set(await session.scalars(new, values))


async def is_registered(session: WriteSession, party: UUID) -> bool:
    """Whether the catalog knows the party."""
    return await session.scalar(select(col(Party.id)).where(col(Party.id) == party)) is not None


async def locked_party(session: WriteSession, party: UUID) -> Party | None:
    """A party, locked until the transaction ends."""
    found: Party | None = await session.scalar(select(Party).where(col(Party.id) == party).with_for_update())
    return found


async def locked_product(session: WriteSession, product: UUID) -> Product | None:
    """A product that the session may see, locked until the transaction ends."""
    found: Product | None = await session.scalar(select(Product).where(col(Product.id) == product).with_for_update())
    return found


async def locked_qualification(session: WriteSession, qualification: UUID) -> Qualification | None:
    """A qualification that the session may see, locked until the transaction ends."""
    query = select(Qualification).where(col(Qualification.id) == qualification).with_for_update()
    found: Qualification | None = await session.scalar(query)
    return found
