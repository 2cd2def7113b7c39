"""The outbox: events written in the transaction that made them true, sent by the relay afterwards.

The columns are those of Debezium's outbox event router (`aggregatetype` is the topic), so that the table can be
read by it unchanged. `seq` orders the queue; `sent_at` marks what the broker has acknowledged.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from uuid import UUID

import msgspec
from opentelemetry import propagate
from opentelemetry.context import Context

from libs.contracts import Event
from libs.kit.db import Write, WriteSession, write
from libs.kit.errors import Invalid

LARGEST = 900_000
"""Bytes of a payload: a broker takes a little over a million for a record with its headers."""

CAUSES: ContextVar[Mapping[UUID, Context]] = ContextVar("causes", default={})  # noqa: B039 - never changed in place
"""While a batch of events is handled: the trace of each by its aggregate, so that what follows joins the right one."""

# With pg_current_xact_id a transaction has its id before it draws a number, as libs/service/tail.py needs: whether it
# has written before, or writes in this same statement, need not be known. Columns come as lines of text: of arrays
# asyncpg makes each value by itself, and as JSON PostgreSQL would read each payload three times.
_COLUMNS = ("aggregatetype text", "aggregateid uuid", "version int", "type text", "payload json", "traceparent text")
_NAMES = ", ".join(column.split()[0] for column in _COLUMNS)
_VALUES = ", ".join("nullif({}, '')::{}".format(*column.split()) for column in _COLUMNS)
_LINES = ", ".join(f"string_to_array(${number}, E'\n')" for number, _ in enumerate(_COLUMNS, 1))
_ADD = f"""INSERT INTO outbox (id, {_NAMES}) SELECT uuidv7(), {_VALUES}
      FROM pg_current_xact_id(), unnest({_LINES}) AS told ({_NAMES})
"""  # noqa: S608 - nothing but constants


async def add(session: WriteSession, *events: Event) -> None:
    """Tell what has happened, in the caller's transaction. Cannot commit.

    Everything pending is written first: a row of the outbox must come after its aggregate's own row, whose lock
    makes the order of `seq` the order of the versions. A version told twice raises asyncpg's UniqueViolationError, a
    state too large to be sent raises Invalid.
    """
    await session.flush()
    await write(session, *telling(session, *events))


def telling(session: WriteSession, *events: Event) -> list[Write]:
    """What `add` writes, for who writes more in the same statement: the aggregates' rows are new or locked already."""
    if not events:
        return []
    session.info["outbox"] = True
    causes, here = CAUSES.get(), _trace(None)
    traces = (_trace(causes[event.id]) if event.id in causes else here for event in events)
    return [Write(_ADD, tuple(map("\n".join, zip(*map(_row, events, traces), strict=True))))]


def _row(event: Event, trace: str | None) -> tuple[str, ...]:
    """Of texts without an end of a line, as JSON that is written by msgspec is."""
    return event.topic, str(event.id), str(event.version), event.type, _payload(event), trace or ""


def _payload(event: Event) -> str:
    payload = msgspec.json.encode(event)
    if len(payload) > LARGEST:
        raise Invalid(f"This makes {len(payload):,} bytes of state and {LARGEST:,} can be told: make it smaller.")
    return payload.decode()


def _trace(cause: Context | None) -> str | None:
    """The trace of a cause; of none: that of the code that runs."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier, cause)
    return carrier.get("traceparent")
