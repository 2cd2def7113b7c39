"""How rows are read and written, and what counts as now: the database's clock."""

from datetime import datetime

from libs.kit.db import Session, rows
from services.capacity.tables import R, read

__all__ = ["BY_ID", "ROW", "WRITE", "newest", "now", "read_as", "rows"]

ROW = "SELECT to_json({0})::text FROM {0} "
BY_ID = ROW + "WHERE id = ANY ($1::uuid[]) ORDER BY id "
WRITE = "INSERT INTO {0} SELECT * FROM json_populate_recordset(NULL::{0}, $1::json) ON CONFLICT "


def newest(*columns: str) -> str:
    """After WRITE: who is there already gets these columns of the new row."""
    return f"(id) DO UPDATE SET ({', '.join(columns)}) = ({', '.join(f'excluded.{name}' for name in columns)})"


async def read_as(session: Session, kind: type[R], query: str, *given: object) -> list[R]:
    """Rows selected as ROW says, as values of the domain."""
    return read(kind, (row[0] for row in await rows(session, query, *given)))


async def now(session: Session) -> datetime:
    """The ledger's clock."""
    moment: datetime = (await rows(session, "SELECT clock_timestamp()"))[0][0]
    return moment
