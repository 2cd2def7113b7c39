"""The commands of capacity over HTTP, a module for each kind of thing that is asked for."""

from services.capacity.api import bookings, calendars, estimates, holds, resources, search, waitlist

ROUTERS = [
    resources.router,
    calendars.router,
    estimates.router,
    search.router,
    holds.router,
    bookings.router,
    waitlist.router,
]
