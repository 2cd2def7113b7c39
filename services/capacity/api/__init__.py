"""The commands of capacity over HTTP, a module for each kind of thing that is asked for."""

from services.capacity.api import bookings, holds, proposals, resources

ROUTERS = [resources.router, holds.router, proposals.router, bookings.router]
