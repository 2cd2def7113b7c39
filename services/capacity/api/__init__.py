"""The commands of capacity over HTTP, a module for each kind of thing that is asked for."""

from services.capacity.api import bulk, calendars, estimates, holds, resources

ROUTERS = [resources.router, calendars.router, bulk.router, estimates.router, holds.router]
