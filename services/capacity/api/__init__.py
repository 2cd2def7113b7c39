"""The commands of capacity over HTTP, a module for each kind of thing that is asked for."""

from services.capacity.api import holds, pools, resources, waitlist

ROUTERS = [resources.router, holds.router, waitlist.router, pools.router]
