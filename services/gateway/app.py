"""The gateway, wired: `uvicorn services.gateway.app:api`."""

from pathlib import Path

from libs.graphql_transports.http import endpoint
from libs.read_models.lag import EVERY
from libs.service.app import Job, service
from services.gateway.api.schema import schema
from services.gateway.subscriptions import SUBSCRIPTIONS, changes

api = service(
    "gateway",
    routers=[endpoint(schema, changes, Path(__file__).with_name("page.html").read_text())],
    subscriptions=SUBSCRIPTIONS,
    jobs=[Job("announce", 0, changes.announce), Job("listen", 0, changes.listen), Job("lag", EVERY, changes.lag.share)],
)
