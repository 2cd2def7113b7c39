"""The schema: the roots, and every type that is found by its id."""

from libs.graphql.schema import Schema
from services.gateway.api import types
from services.gateway.api.context import Context
from services.gateway.api.mutation import Mutation
from services.gateway.api.query import Query
from services.gateway.api.subscription import Subscription

schema = Schema(
    Context,
    Query,
    Mutation,
    Subscription,
    types=[types.Bucket, *(getattr(types, name) for name in types.TOPICS)],
)
