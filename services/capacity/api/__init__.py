"""The commands of capacity over HTTP, a module for each kind of thing that is asked for."""

from services.capacity.api import (
    bookings,
    bulk,
    calendars,
    estimates,
    holds,
    pools,
    promises,
    proposals,
    quotes,
    resources,
    search,
    together,
    uploads,
    waitlist,
)

ROUTERS = [
    holds.hot,
    resources.router,
    calendars.router,
    bulk.router,
    uploads.router,
    estimates.router,
    search.router,
    promises.router,
    together.router,
    quotes.router,
    holds.router,
    proposals.router,
    bookings.router,
    waitlist.router,
    pools.router,
]
