"""One trace from the request through outbox and Kafka to what the consumer tells in turn."""

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy import text

from libs.kit.clock import SystemClock
from libs.kit.db import Database, WriteSession
from libs.kit.ids import new_id
from libs.kit.settings import Settings
from libs.kit.testing import eventually
from libs.messaging import outbox
from libs.messaging.consumer import Consumer, each
from libs.messaging.relay import Relay
from tests.libs.messaging import probe
from tests.libs.messaging.conftest import Spawn


class Answered(probe.ThingChanged, frozen=True, kw_only=True):
    """What the consumer tells when a thing has changed."""

    type = "filiera.probe.answered.v1"
    topic = "probe.answer"


async def _answer(session: WriteSession, event: probe.ThingChanged) -> None:
    await outbox.add(session, Answered(id=new_id(), version=1))


async def _traces(database: Database) -> list[str]:
    async with database.work() as session:
        rows = await session.execute(text("SELECT traceparent FROM outbox ORDER BY seq"))
        return [row.traceparent for row in rows]


async def _answered(database: Database) -> bool:
    return len(await _traces(database)) == 2


async def test_a_consumers_span_is_a_child_of_the_request_that_told_the_event(
    kit_database: Database, settings: Settings, spawn: Spawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    spawn(Relay(kit_database, settings, SystemClock()).run())
    spawn(Consumer(kit_database, settings, [each(probe.ThingChanged, _answer)], SystemClock()).run())
    with trace.get_tracer("test").start_as_current_span("POST /things") as request:
        await probe.change(kit_database, await probe.make(kit_database, 1))
    await eventually(lambda: _answered(kit_database))
    spans = {span.name: span for span in exporter.get_finished_spans()}
    handled = spans["process filiera.probe.thing_changed.v1"]
    assert handled.kind is trace.SpanKind.CONSUMER
    assert handled.parent is not None
    assert handled.parent.span_id == request.get_span_context().span_id
    assert handled.attributes is not None
    assert handled.attributes["messaging.destination.name"] == "probe.thing"
    _, caused = await _traces(kit_database)
    assert caused.split("-")[1] == trace.format_trace_id(request.get_span_context().trace_id)
    assert caused.split("-")[2] == trace.format_span_id(handled.context.span_id)


async def test_the_chain_holds_where_this_process_records_nothing(
    kit_database: Database, settings: Settings, spawn: Spawn
) -> None:
    spawn(Relay(kit_database, settings, SystemClock()).run())
    spawn(Consumer(kit_database, settings, [each(probe.ThingChanged, _answer)], SystemClock()).run())
    context = trace.SpanContext(0x11, 0x22, is_remote=True, trace_flags=trace.TraceFlags(1))
    with trace.use_span(trace.NonRecordingSpan(context)):
        await probe.change(kit_database, await probe.make(kit_database, 1))
    await eventually(lambda: _answered(kit_database))
    assert {one.split("-")[1] for one in await _traces(kit_database)} == {trace.format_trace_id(0x11)}
