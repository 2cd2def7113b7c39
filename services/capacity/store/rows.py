"""How rows are read and written, and what counts as now: the database's clock."""

from datetime import datetime
from typing import Any

from libs.kit.db import Session
from services.capacity.tables import R, read

ROW = "SELECT to_json({0})::text FROM {0} "
BY_ID = ROW + "WHERE id = ANY ($1::uuid[]) ORDER BY id "
WRITE = "INSERT INTO {0} SELECT * FROM json_populate_recordset(NULL::{0}, $1::json) ON CONFLICT "


async def rows(session: Session, query: str, *given: object) -> list[Any]:
    """Ask asyncpg, in the session's transaction: SQLAlchemy's layers take longer than one of these small statements.

    It must be asked for the connection inside a savepoint: only then does it make it.
    """
    if "driver" not in session.info or session.in_nested_transaction():
        session.info["driver"] = (await (await session.connection()).get_raw_connection()).driver_connection
    found: list[Any] = await session.info["driver"].fetch(query, *given)
    return found


async def read_as(session: Session, kind: type[R], query: str, *given: object) -> list[R]:
    """Rows selected as ROW says, as values of the domain."""
    return read(kind, (row[0] for row in await rows(session, query, *given)))


async def now(session: Session) -> datetime:
    """The ledger's clock."""
    moment: datetime = (await rows(session, "SELECT clock_timestamp()"))[0][0]
    return moment
