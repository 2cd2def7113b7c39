"""Capacity, wired: `uvicorn services.capacity.app:api`."""

from libs.service.app import Job, service
from services.capacity.api import ROUTERS
from services.capacity.handlers.bookings import pass_deadlines
from services.capacity.handlers.calendars import roll_calendars
from services.capacity.handlers.displacement import displace
from services.capacity.handlers.holds import expire_holds
from services.capacity.handlers.pools import end_pools
from services.capacity.handlers.waitlist import look_again, serve_waitlist
from services.capacity.search import feed
from services.capacity.subscriptions import SUBSCRIPTIONS

JOBS = [
    Job("expire holds", 0.5, expire_holds),
    Job("pass deadlines", 0.5, pass_deadlines),
    Job("displace bookings", 0.5, displace),
    Job("roll calendars", 300, roll_calendars),
    Job("serve the waitlist", 0.5, serve_waitlist),
    Job("look again for who waits", 900, look_again),
    Job("end pools", 1, end_pools),
    Job("hear of the ledger for search", feed.LOOK, feed.look),
    Job("keep the rows of search", 1.0, feed.keep),
]

api = service("capacity", routers=ROUTERS, subscriptions=SUBSCRIPTIONS, jobs=JOBS)
