"""How long each route takes, as a Prometheus histogram."""

from time import perf_counter

from prometheus_client import Histogram
from starlette.types import ASGIApp, Receive, Scope, Send

REQUESTS = Histogram("filiera_request_seconds", "How long a request took, by its route", ["method", "route"])
_UNTIMED = ("/health", "/metrics")
STAYS_OPEN = "filiera.stays_open"
"""Set in the scope of a request that is answered bit by bit, for as long as somebody listens: that is not timed."""


class Timed:
    """Middleware that observes every request to a route; labels are templates of paths, so there are few."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = perf_counter()
        try:
            await self._app(scope, receive, send)
        finally:
            if scope["type"] == "http" and (route := _route(scope)):
                REQUESTS.labels(scope["method"], route).observe(perf_counter() - began)


def _route(scope: Scope) -> str | None:
    """The template that the request came to, if one did and it takes such requests."""
    route = scope.get("route")
    if route is None or STAYS_OPEN in scope or scope["method"] not in route.methods or route.path.startswith(_UNTIMED):
        return None
    return str(route.path)
