"""The commands of capacity over HTTP, a module for each kind of thing that is asked for."""

from services.capacity.api import bookings, estimates, holds, resources

ROUTERS = [resources.router, estimates.router, holds.router, bookings.router]
