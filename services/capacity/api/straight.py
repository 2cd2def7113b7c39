"""The straight way to a command whose body is JSON: past FastAPI's dependencies, which cost as much as all else that is
done for a request before the batch that decides it."""

import inspect
import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError

from libs.service.commands import LONGEST_KEY, command

Handle = Callable[[Request], Coroutine[Any, Any, Response]]


class Straight(APIRoute):
    """A route whose function takes `body` and `command` alone. A request that is in order comes straight to it; any
    other goes FastAPI's way, which says what is wrong. Its OpenAPI is that of any route."""

    def get_route_handler(self) -> Handle:
        """What answers a request."""
        otherwise = super().get_route_handler()
        model: type[BaseModel] = inspect.get_annotations(self.endpoint, eval_str=True)["body"]

        async def handle(request: Request) -> Response:
            key, kind = (request.headers.get(name, "") for name in ("idempotency-key", "content-type"))
            if len(key) > LONGEST_KEY or kind != "application/json":
                return await otherwise(request)
            try:
                body = model.model_validate(json.loads(await request.body()))
            except (ValidationError, ValueError, RecursionError):
                return await otherwise(request)
            answer: Response = await self.endpoint(body, await command(request, key))
            return answer

        return handle
