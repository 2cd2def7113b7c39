"""The gateway, wired: `uvicorn services.gateway.app:api`."""

from libs.kit.app import Job, service
from services.gateway.api import router
from services.gateway.changes import Changes
from services.gateway.subscriptions import subscriptions

changes = Changes()
api = service(
    "gateway",
    routers=[router],
    subscriptions=subscriptions(changes),
    jobs=[Job("announce", 0, changes.announce), Job("listen", 0, changes.listen)],
)
api.state.changes = changes
