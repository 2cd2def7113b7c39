"""Traces and structured logs. What a log may carry is named here, nothing else gets in; a span carries what
OpenTelemetry takes of a request, which is no header and no body."""

import json
import logging
import sys
from datetime import UTC, datetime

from fastapi import FastAPI
from opentelemetry import context, propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from starlette.types import ASGIApp, Receive, Scope, Send

from libs.kit.settings import Settings

MAY_BE_LOGGED = frozenset(
    {"aggregate", "asks", "attempt", "channel", "cluster", "error", "events", "fence", "job", "key", "offset", "order"}
    | {"partition", "partitions", "path", "reason", "server", "topic", "type", "version"}
)
"""What `extra=` may carry: whatever else is given, by us or by a library, does not reach a log."""
_OF_TRACES = {name.encode() for name in propagate.get_global_textmap().fields}


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, service, logger, message, trace, and what `extra=` gave."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        return json.dumps(line | _trace() | _extra(record) | self._failure(record), default=str)

    def _failure(self, record: logging.LogRecord) -> dict[str, str]:
        return {"failure": self.formatException(record.exc_info)} if record.exc_info else {}


class Text(logging.Formatter):
    """For people: level, message and what `extra=` gave."""

    def format(self, record: logging.LogRecord) -> str:
        extra = " ".join(f"{name}={value}" for name, value in _extra(record).items())
        line = f"{record.levelname.lower():7} {record.getMessage()} {extra}".rstrip()
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def set_up_logs(settings: Settings) -> None:
    """Send every log of the process to standard error, in the form that `FILIERA_LOG` names.

    A process that has set up logs of its own (a test runner) keeps them.
    """
    if logging.root.handlers:
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Text() if settings.log == "text" else JsonLines(settings.service))
    logging.basicConfig(handlers=[handler], level=logging.INFO)
    for noisy in ("aiokafka", "httpx", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    for server in ("uvicorn", "uvicorn.error"):
        logging.getLogger(server).handlers.clear()
        logging.getLogger(server).propagate = True


def set_up_traces(settings: Settings, api: FastAPI) -> None:
    """Trace requests in and out and export them by OTLP; if no endpoint is given, hand on the traces of others.

    Nor is a span made of an address that is signed: whoever reads it there could use it."""
    if settings.otlp:
        provider = TracerProvider(resource=Resource.create({"service.name": settings.service}))
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{settings.otlp}/v1/traces", timeout=5)))
        trace.set_tracer_provider(provider)
        FastAPIInstrumentor.instrument_app(api, excluded_urls="health,metrics,/uploads/")
    api.add_middleware(Joining)
    if not HTTPXClientInstrumentor().is_instrumented_by_opentelemetry:
        HTTPXClientInstrumentor().instrument()


class Joining:
    """ASGI middleware: what a request leads to belongs to the trace that the request belongs to, also where no span is
    made of it: nobody would read it, or it must not be told."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = scope.get("headers", ())
        given = {
            name.decode(): value.decode("latin-1") for name, value in headers if name in _OF_TRACES and not _trace()
        }
        joined = context.attach(propagate.extract(given, context.get_current()))
        try:
            await self._app(scope, receive, send)
        finally:
            context.detach(joined)


def _trace() -> dict[str, str]:
    here = trace.get_current_span().get_span_context()
    return {"trace_id": trace.format_trace_id(here.trace_id)} if here.is_valid else {}


def _extra(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name in MAY_BE_LOGGED}
