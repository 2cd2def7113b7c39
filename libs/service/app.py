"""A service, wired: its routes, its relay and consumer, its jobs, and health that means it."""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from fastapi import APIRouter, FastAPI

from libs.kit import errors, telemetry
from libs.kit.clock import SystemClock
from libs.kit.db import transient
from libs.kit.settings import read
from libs.messaging.consumer import Consumer, Subscription
from libs.messaging.relay import Relay
from libs.service import health
from libs.service.housekeeping import tidy
from libs.service.runtime import Kit, build
from libs.service.start_check import TellRefusals, check_servers
from libs.service.timing import Timed

log = logging.getLogger(__name__)

LARGEST = 8 * 1024 * 1024
"""Bytes of a request's body: twice what the gateway lets through, which answers with a sentence of its own."""
_PAUSE_AFTER_FAILURE = 1.0
_STOP_DEADLINE, _CLOSE_DEADLINE = 4.5, 1.0
"""Seconds. With the server's 4 s for requests under way a process ends within the 10 s that it is given."""


@dataclass(frozen=True)
class Job:
    """Something a service does again and again. Several processes may do it at once: it must not mind."""

    name: str
    every_seconds: float
    run: Callable[[Kit], Awaitable[object]]


def service(
    name: str, *, routers: Sequence[APIRouter], subscriptions: Sequence[Subscription] = (), jobs: Sequence[Job] = ()
) -> FastAPI:
    """The ASGI application of a service."""

    @asynccontextmanager
    async def lifespan(api: FastAPI) -> AsyncIterator[None]:
        settings = read(name)
        telemetry.set_up_logs(settings)
        await check_servers(settings)
        kit = api.state.kit = build(settings, SystemClock())
        async with _background(api, kit, subscriptions, [*jobs, Job("tidy", 60, tidy)]):
            yield
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_DEADLINE):
                await kit.close()

    collect_rarely()
    api = FastAPI(
        title=f"Filiera {name}", version="1", lifespan=lifespan, docs_url=None, redoc_url=None, max_body_size=LARGEST
    )
    for router in (*routers, health.router):  # tried in this order: what is asked for most often comes first
        api.include_router(router)
    errors.install(api)
    telemetry.set_up_traces(read(name), api)
    api.add_middleware(TellRefusals)
    api.add_middleware(Timed)
    return api


def collect_rarely() -> None:
    """Have the garbage collector look after 20,000 new objects instead of 700: a batch of commands makes thousands that
    live for milliseconds, and looking for cycles among them took a quarter of its time."""
    gc.set_threshold(20_000)


@asynccontextmanager
async def _background(
    api: FastAPI, kit: Kit, subscriptions: Sequence[Subscription], jobs: Sequence[Job]
) -> AsyncIterator[None]:
    relay = api.state.relay = Relay(kit.database, kit.settings, kit.clock)
    loops = [_keep(relay.run), *(_repeat(job, kit) for job in jobs)]
    api.state.consumer = None
    if subscriptions:
        consumer = api.state.consumer = Consumer(kit.database, kit.settings, subscriptions, kit.clock)
        consumer.lag = kit.lag
        loops.append(_keep(consumer.run))
    tasks = [asyncio.create_task(loop) for loop in loops]
    try:
        yield
    finally:
        await _stop(tasks)


async def _keep(run: Callable[[], Awaitable[None]]) -> None:
    """Run what should never end, and run it again if it does all the same, unless we are stopped."""
    while True:
        try:
            await run()
        except (Exception, asyncio.CancelledError) as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            told = {"error": type(error).__name__}
            log.exception("a background loop ended and is started again", extra=told, exc_info=not transient(error))
        await asyncio.sleep(_PAUSE_AFTER_FAILURE)


async def _repeat(job: Job, kit: Kit) -> None:
    while True:
        try:
            await job.run(kit)
        except Exception as error:
            told = {"job": job.name, "error": type(error).__name__}
            log.exception("job failed, will try again", extra=told, exc_info=not transient(error))
            await asyncio.sleep(_PAUSE_AFTER_FAILURE)
        await asyncio.sleep(job.every_seconds)


async def _stop(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=_STOP_DEADLINE)  # gather would wait for those that do not end
