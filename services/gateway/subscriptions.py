"""What the gateway reacts to: every event of every aggregate that it shows, listed in `tables.OF_TOPIC`."""

from functools import partial

from libs.graphql.changes import Changes
from libs.messaging.consumer import batch
from services.gateway import handlers, tables

changes = Changes()
"""What this process has brought, for those who wait for it. Where nobody announces it, they look by themselves."""

SUBSCRIPTIONS = [batch(model.events, partial(handlers.project, changes=changes)) for model in tables.OF_TOPIC.values()]
