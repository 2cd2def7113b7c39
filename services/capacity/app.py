"""Capacity, wired: `uvicorn services.capacity.app:api`."""

from libs.service.app import Job, service
from services.capacity.api import ROUTERS
from services.capacity.handlers.bookings import pass_deadlines
from services.capacity.handlers.displacement import displace
from services.capacity.handlers.holds import expire_holds
from services.capacity.subscriptions import SUBSCRIPTIONS

JOBS = [
    Job("expire holds", 0.5, expire_holds),
    Job("pass deadlines", 0.5, pass_deadlines),
    Job("displace bookings", 0.5, displace),
]

api = service("capacity", routers=ROUTERS, subscriptions=SUBSCRIPTIONS, jobs=JOBS)
