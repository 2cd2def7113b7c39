"""What an event does to a read model: upsert if newer."""

from collections.abc import Sequence
from functools import cache

import msgspec
from sqlalchemy import TextClause, text

from libs.contracts import Event
from libs.kit.db import WriteSession
from libs.read_models.declaration import ReadModel


async def project(session: WriteSession, model: ReadModel, events: Sequence[Event]) -> list[Event]:
    """Bring a read model up to these events of its topic, in any order, any number of times.

    The newest of each aggregate, which alone are written, in the order of their ids: that of the locks.
    """
    latest: dict[object, Event] = {}
    for event in events:
        if event.version >= latest.get(event.id, event).version:
            latest[event.id] = event
    newest = sorted(latest.values(), key=lambda event: event.id)
    rows = [model.row(event) for event in newest]
    await session.execute(_upsert(model), {"rows": msgspec.json.encode(rows).decode()})
    return newest


@cache
def _upsert(model: ReadModel) -> TextClause:
    names = ", ".join(model.columns)
    typed = ", ".join(f"{name} {type_}" for name, type_ in model.columns.items())
    newer = ", ".join(f"{name} = excluded.{name}" for name in model.columns if name != "id")
    return text(f"""
        INSERT INTO {model.table} ({names})
        SELECT {names} FROM json_to_recordset(CAST(CAST(:rows AS text) AS json)) AS given ({typed})
        ON CONFLICT (id) DO UPDATE SET {newer} WHERE {model.table}.version < excluded.version
    """)  # noqa: S608 - names are ours
