"""Capacity, wired: `uvicorn services.capacity.app:api`."""

from libs.service.app import Job, service
from services.capacity.api import ROUTERS
from services.capacity.handlers.calendars import roll_calendars
from services.capacity.handlers.holds import expire_holds
from services.capacity.handlers.waitlist import serve_waitlist
from services.capacity.search import feed
from services.capacity.subscriptions import SUBSCRIPTIONS

JOBS = [
    Job("expire holds", 0.5, expire_holds),
    Job("roll calendars", 300, roll_calendars),
    Job("serve the waitlist", 0.5, serve_waitlist),
    Job("hear of the ledger for search", feed.LOOK, feed.look),
    Job("keep the rows of search", 1.0, feed.keep),
]

api = service("capacity", routers=ROUTERS, subscriptions=SUBSCRIPTIONS, jobs=JOBS)
