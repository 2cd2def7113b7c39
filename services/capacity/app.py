"""Capacity, wired: `uvicorn services.capacity.app:api`."""

from libs.service.app import Job, service
from services.capacity.api import ROUTERS
from services.capacity.handlers.holds import expire_holds
from services.capacity.subscriptions import SUBSCRIPTIONS

api = service("capacity", routers=ROUTERS, subscriptions=SUBSCRIPTIONS, jobs=[Job("expire holds", 0.5, expire_holds)])
