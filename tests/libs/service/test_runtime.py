"""How requests are served."""

import asyncio
import importlib
from collections.abc import Iterator
from pathlib import Path

from fastapi import APIRouter
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

SERVICES = sorted(path.parent.name for path in (Path(__file__).parents[3] / "services").glob("*/app.py"))


def test_nothing_that_a_request_depends_on_waits_for_a_thread() -> None:
    apis = (importlib.import_module(f"services.{service}.app").api for service in SERVICES)
    asked = {one.call for api in apis for route in _routes(api.router) for one in _all(route.dependant) if one.call}
    assert len(asked) > 50
    assert [one for one in asked if not asyncio.iscoroutinefunction(one)] == []


def _routes(router: APIRouter) -> Iterator[APIRoute]:
    for route in router.routes:
        if isinstance(route, APIRoute):
            yield route
        elif included := getattr(route, "original_router", None):
            yield from _routes(included)


def _all(of: Dependant) -> Iterator[Dependant]:
    yield of
    for one in of.dependencies:
        yield from _all(one)
