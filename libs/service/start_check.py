"""Before a service starts: do its servers take it? One that refuses ends the start, one that is away is waited for."""

import asyncio
import logging
import sys
from collections.abc import Awaitable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.kit import cache, db
from libs.kit.refusal import RefusedError
from libs.kit.settings import Settings
from libs.messaging import connection

log = logging.getLogger(__name__)

_DEADLINE = 3.0


async def check_servers(settings: Settings) -> None:
    """Raise RefusedError if Kafka, PostgreSQL or Valkey answers and refuses us. Takes 3 s at most per question."""
    asked = {
        "Kafka": connection.check(settings, _DEADLINE),
        "PostgreSQL": db.check(settings.url, _DEADLINE, "FILIERA_POSTGRES_PASSWORD"),
        "Valkey": cache.check(settings.redis, settings.redis_password, _DEADLINE),
    }
    answers = await asyncio.gather(*(_within(question) for question in asked.values()), return_exceptions=True)
    for name, answer in zip(asked, answers, strict=True):
        if isinstance(answer, RefusedError):
            raise answer
        if isinstance(answer, BaseException):
            log.warning("away at the start, is waited for", extra={"server": name, "error": type(answer).__name__})


async def _within(question: Awaitable[None]) -> None:
    async with asyncio.timeout(2 * _DEADLINE):
        await question


class TellRefusals:
    """ASGI middleware: a start that was refused, or has settings of no use, is told by its one sentence, where
    Starlette would send a traceback."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on but the message of such a start."""

        async def tell(message: Message) -> None:
            error: Any = sys.exc_info()[1]
            if message["type"] == "lifespan.startup.failed" and isinstance(error, RefusedError | SystemExit):
                message = {**message, "message": str(error)}
            await send(message)

        await self._app(scope, receive, tell if scope["type"] == "lifespan" else send)
