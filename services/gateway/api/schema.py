"""The schema, and how an operation runs: a document of the cache, a context of its own, its faults masked."""

import logging
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Any

import strawberry
from graphql import DocumentNode, GraphQLError, OperationDefinitionNode
from strawberry.extensions import SchemaExtension
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.execution import ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType

from services.gateway.api import types
from services.gateway.api.context import Connection, Context
from services.gateway.api.documents import Refusal, prepare
from services.gateway.api.mutation import Mutation
from services.gateway.api.query import Query
from services.gateway.api.subscription import Subscription
from services.gateway.opaque import Malformed

log = logging.getLogger(__name__)

_WRONG_OPERATION = "Name an operation of the document, a query or a mutation; subscriptions go over a web socket."
_OVER_HTTP = {OperationType.QUERY, OperationType.MUTATION}
_FAULT = "This is a fault of ours. Try again, or tell us the time."


class _Prepared(SchemaExtension):
    """Hands over the document that `prepare` has made and validated."""

    def on_parse(self) -> Iterator[None]:
        run = self.execution_context
        run.graphql_document = prepare(schema.graphql, run.query or "")
        run.validation_rules = ()
        yield


class GatewaySchema(strawberry.Schema):
    """Strawberry's schema with our way of running: the same over HTTP and over web sockets."""

    @property
    def graphql(self) -> Any:
        """graphql-core's schema."""
        return self._schema

    async def run(self, connection: Connection, query: str, variables: Any, operation: str | None) -> ExecutionResult:
        """Run a query or a mutation, for HTTP."""
        try:
            document = prepare(self.graphql, query)
        except Refusal as refusal:
            return PreExecutionError(data=None, errors=refusal.errors)
        context = Context(connection)
        try:
            stale = not _writes(document) and await context.stale()
            result = await self.execute(query, variables, context, None, operation, _OVER_HTTP)
        except (CannotGetOperationTypeError, InvalidOperationTypeError):
            return PreExecutionError(data=None, errors=[GraphQLError(_WRONG_OPERATION)])
        finally:
            await context.release()
        return _told(result, stale)

    async def stream(
        self, query: str | None, variable_values: Any = None, context_value: Any = None, *more: Any, **named: Any
    ) -> AsyncGenerator[Any, None]:
        """Run any operation, for web sockets."""
        context = Context(context_value)
        try:
            prepare(self.graphql, query or "")
            results = await super().stream(query, variable_values, context, *more, **named)
        except Refusal as refusal:
            results = _refused(refusal)
        return _each_told(context, results)

    def process_errors(self, errors: list[GraphQLError], execution_context: Any = None) -> None:  # noqa: ARG002 - Strawberry's signature
        """Log what is not the caller's doing; the caller is told of a fault of ours and no more."""
        for error in filter(_unexpected, errors):
            log.error("unexpected failure", exc_info=error.original_error, extra={"path": str(error.path)})


async def _refused(refusal: Refusal) -> AsyncGenerator[Any, None]:
    yield PreExecutionError(data=None, errors=refusal.errors)


async def _each_told(context: Context, results: AsyncGenerator[Any, None]) -> AsyncGenerator[Any, None]:
    try:
        async with aclosing(results):
            async for result in results:
                await context.release()  # a slow reader must not keep a connection of the pool
                yield _told(result)
    finally:
        await context.release()


def _writes(document: DocumentNode) -> bool:
    operations = (one for one in document.definitions if isinstance(one, OperationDefinitionNode))
    return any(one.operation.value == "mutation" for one in operations)


def _unexpected(error: GraphQLError) -> bool:
    return error.original_error is not None and not isinstance(error.original_error, GraphQLError | Malformed)


def _told(result: ExecutionResult, stale: bool = False) -> ExecutionResult:
    if result.errors:
        result.errors = [_masked(error) if _unexpected(error) else error for error in result.errors]
    result.extensions = {"stale": True} if stale else None
    return result


def _masked(error: GraphQLError) -> GraphQLError:
    return GraphQLError(_FAULT, nodes=error.nodes, path=error.path, extensions={"code": "INTERNAL"})


schema = GatewaySchema(
    Query,
    Mutation,
    Subscription,
    types=[
        types.Party,
        types.Site,
        types.Product,
        types.Resource,
        types.Bucket,
        types.Hold,
        types.Booking,
        types.Order,
    ],
    extensions=[_Prepared],
)
