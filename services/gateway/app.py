"""The gateway, wired: `uvicorn services.gateway.app:api`."""

from pathlib import Path

from libs.graphql_transports.http import endpoint
from libs.read_models.lag import EVERY
from libs.service.app import Job, service
from libs.uploads import passing
from services.gateway.api.schema import schema
from services.gateway.subscriptions import SUBSCRIPTIONS, changes

_ALWAYS = (changes.announce, changes.listen, changes.answers.keep)
api = service(
    "gateway",
    routers=[endpoint(schema, changes, Path(__file__).with_name("page.html").read_text()), passing.router],
    subscriptions=SUBSCRIPTIONS,
    jobs=[*(Job(run.__name__, 0, run) for run in _ALWAYS), Job("lag", EVERY, changes.lag.share)],
)
