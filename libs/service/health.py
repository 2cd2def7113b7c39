"""Health that means it: the age of the oldest unsent event and the consumer's lag, not "the process runs"."""

import asyncio
import math
from collections.abc import Mapping
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from libs.messaging import parking, queue
from libs.messaging.consumer import Consumer
from libs.messaging.topics import reached
from libs.service.runtime import Kit, KitOf

router = APIRouter(prefix="", include_in_schema=False)

_DEADLINE = 2.0


class Report(msgspec.Struct, kw_only=True):
    """What `/health/ready` answers."""

    service: str
    ready: bool
    outbox_unsent: int = 0
    outbox_oldest_seconds: float = 0.0
    consumer_lag: int = 0
    parked: int = 0
    checks: dict[str, str]


@router.get("/health/live")
async def live() -> dict[str, str]:
    """The loop turns."""
    return {"status": "ok"}


@router.get("/health/ready")
async def ready(request: Request, kit: KitOf) -> Response:
    """Whether this process does its work: 200, or 503 with the reasons."""
    report = await _report(kit, request.app.state.consumer)
    return Response(msgspec.json.encode(report), 200 if report.ready else 503, media_type="application/json")


@router.get("/health/started")
async def started(request: Request, kit: KitOf) -> Response:
    """Whether this process has reached all that it needs at least once: 200 from then on, 503 with the reasons before.
    For whoever replaces processes: a new one that cannot reach the broker must not take an old one's place."""
    state = request.app.state
    if not getattr(state, "started", False):
        checks = {"database": await _database(kit), "broker": await reached(kit.settings, _DEADLINE)}
        checks["consumer"] = _consumer_check(state.consumer, kit.settings.stale_after_seconds)
        state.started = _good(checks)
        return _told(checks)
    return _told({})


@router.get("/health/serving")
async def serving(kit: KitOf) -> Response:
    """Whether requests can be answered here: 200, or 503 if the database does not answer. Not the broker: without it
    commands still reach the outbox, and taking every process out of service would turn its outage into ours."""
    return _told({"database": await _database(kit)})


@router.get("/metrics")
async def metrics() -> Response:
    """Prometheus metrics of this process."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def _report(kit: Kit, consumer: Consumer | None) -> Report:
    limit = kit.settings.stale_after_seconds
    queues, database = await _queues(kit)
    checks = {"database": database, "consumer": _consumer_check(consumer, limit)}
    checks["outbox"] = "ok"
    if queues.get("outbox_oldest_seconds", 0) > limit:
        checks["outbox"] = f"the oldest unsent event is older than {limit:.0f} s: is the broker up?"
    good = _good(checks)
    lag = sum(consumer.lag.values()) if consumer else 0
    return Report(service=kit.settings.service, ready=good, consumer_lag=lag, checks=checks, **queues)


def _good(checks: Mapping[str, str]) -> bool:
    return all(check == "ok" for check in checks.values())


def _told(checks: Mapping[str, str]) -> Response:
    return Response(msgspec.json.encode(checks), 200 if _good(checks) else 503, media_type="application/json")


async def _database(kit: Kit) -> str:
    """One question that costs nothing, however much waits to be sent."""
    try:
        async with asyncio.timeout(_DEADLINE), kit.database.work() as session:
            await session.execute(text("SELECT 1"))
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        return f"no answer from PostgreSQL ({type(error).__name__})"
    return "ok"


async def _queues(kit: Kit) -> tuple[dict[str, Any], str]:
    try:
        async with asyncio.timeout(_DEADLINE), kit.database.work() as session:
            unsent, oldest = await queue.waiting(session)
            parked = await parking.count(session)
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        return {}, f"no answer from PostgreSQL ({type(error).__name__})"
    return {"outbox_unsent": unsent, "outbox_oldest_seconds": oldest, "parked": parked}, "ok"


def _consumer_check(consumer: Consumer | None, limit: float) -> str:
    if consumer is None:
        return "ok"
    if not consumer.joined:
        return "has not joined its group yet: is the broker up?"
    idle = consumer.seconds_since_poll()
    return "ok" if idle < limit else f"has not polled for {math.floor(idle)} s"
