"""The outbox: events written in the transaction that made them true, sent by the relay afterwards.

The columns are those of Debezium's outbox event router (`aggregatetype` is the topic), so that the table can be
read by it unchanged. `seq` orders the queue; `sent_at` marks what the broker has acknowledged.
"""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from uuid import UUID

import msgspec
from opentelemetry import propagate
from opentelemetry.context import Context
from sqlalchemy import text

from libs.contracts import Event
from libs.kit.db import WriteSession
from libs.kit.errors import Invalid
from libs.kit.ids import new_id

LARGEST = 900_000
"""Bytes of a payload: a broker takes a little over a million for a record with its headers."""

CAUSES: ContextVar[Mapping[UUID, Context]] = ContextVar("causes", default={})  # noqa: B039 - never changed in place
"""While a batch of events is handled: the trace of each by its aggregate, so that what follows joins the right one."""

_ADD = text("""
    INSERT INTO outbox (id, aggregatetype, aggregateid, version, type, payload, traceparent)
    SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:topics AS text[]), CAST(:keys AS uuid[]), CAST(:versions AS int[]),
                         CAST(:types AS text[]), CAST(:payloads AS json[]), CAST(:traces AS text[]))
""")


async def add(session: WriteSession, *events: Event) -> None:
    """Tell what has happened, in the caller's transaction. Cannot commit.

    Everything pending is written first: a row of the outbox must come after its aggregate's own row, whose lock
    makes the order of `seq` the order of the versions. A version told twice raises IntegrityError, a state too large to
    be sent raises Invalid.
    """
    if not events:
        return
    await session.flush()
    session.info["outbox"] = True
    await session.execute(_ADD, _columns(events))


def _columns(events: Sequence[Event]) -> dict[str, list[object]]:
    return {
        "ids": [new_id() for _ in events],
        "topics": [event.topic for event in events],
        "keys": [event.id for event in events],
        "versions": [event.version for event in events],
        "types": [event.type for event in events],
        "payloads": [_payload(event) for event in events],
        "traces": [_trace(event) for event in events],
    }


def _payload(event: Event) -> str:
    payload = msgspec.json.encode(event)
    if len(payload) > LARGEST:
        raise Invalid(f"This makes {len(payload):,} bytes of state and {LARGEST:,} can be told: make it smaller.")
    return payload.decode()


def _trace(event: Event) -> str | None:
    carrier: dict[str, str] = {}
    propagate.inject(carrier, CAUSES.get().get(event.id))
    return carrier.get("traceparent")
