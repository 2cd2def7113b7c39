"""The commands of capacity over HTTP, a module for each kind of thing that is asked for."""

from services.capacity.api import bookings, estimates, holds, promises, resources, search, waitlist

ROUTERS = [
    resources.router,
    estimates.router,
    search.router,
    promises.router,
    holds.router,
    bookings.router,
    waitlist.router,
]
