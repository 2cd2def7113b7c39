"""How an operation runs: a document of the cache, a context of its own, its faults masked."""

import logging
import re
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from inspect import isawaitable
from typing import Any, ClassVar

import strawberry
from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    execute,
    get_operation_ast,
)
from prometheus_client import Counter, Histogram
from strawberry.execution import optimized_is_awaitable
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.types.base_scalars import DateTimeDefinition, wrap_parser
from strawberry.types.execution import ExecutionResult, PreExecutionError

from libs.graphql.charges import charge, charge_kept
from libs.graphql.opaque import Malformed
from libs.graphql.operation import Connection, Operation
from libs.graphql_cache.answers import Kept
from libs.graphql_compiler import Plans
from libs.graphql_compiler.strawberry import CompiledExecution, strawberry_source_of
from libs.graphql_limits.documents import Refusal, prepare
from libs.kit.db import transient
from libs.kit.errors import Problem

log = logging.getLogger(__name__)

OPERATIONS = Histogram("filiera_operation_seconds", "How long an operation took, by its field", ["operation"])

UNCOMPILED = Counter(
    "filiera_uncompiled", "Operations, and values of them, that graphql-core had to execute", ["reason"]
)

_NO_OPERATION = "Name an operation of the document."
_WRONG_OPERATION = (
    "Name an operation of the document, a query or a mutation; subscriptions go over a web socket, or as server-sent"
    " events: `Accept: text/event-stream`."
)
_ONLY_READS, _SEND_IT_BY_POST = "ONLY_READS", "A mutation is sent by POST."
_SUGGESTED = re.compile(r" Did you mean [^?]*\?")
_MOST_PLACES = 300
"""Compiled in some 25 ms: a document that is new must not take more. Clients ask for a tenth of that."""
_DATE_TIME = replace(DateTimeDefinition, parse_value=wrap_parser(datetime.fromisoformat, "DateTime"))
"""Strawberry's own parser takes hour 24 of the last day there is for a fault of the server's."""
_FAULT = "This is a fault of ours. Try again, or tell us the time."
_AWAY = "What this is read from is away for a moment. Ask again."


class OnlyReads(Problem):
    """A link, an image or a cache may send a GET: what it asks for must change nothing."""

    status, title, headers = 405, "Only queries are taken by GET", {"Allow": "POST"}


class _Prepared(SchemaExtension):
    """Hands over the document that `prepare` has made and validated."""

    def on_parse(self) -> Iterator[None]:
        run = self.execution_context
        run.graphql_document = prepare(run.schema._schema, run.query or "")  # noqa: SLF001 - it has no other name
        run.validation_rules = ()
        yield


class _Plans(Plans):
    def fell_back(self, reason: str) -> None:
        super().fell_back(reason)
        UNCOMPILED.labels(reason).inc()


class _Compiled(CompiledExecution):
    plans: ClassVar[Plans] = _Plans(strawberry_source_of, most_places=_MOST_PLACES)


class Schema(strawberry.Schema):
    """Strawberry's schema with our way of running: the same over HTTP and over web sockets."""

    def __init__(
        self, operation: type[Operation], query: Any, mutation: Any, subscription: Any, types: Iterable[Any]
    ) -> None:
        """`operation` is made for each operation and is what resolvers get as `info.context`."""
        super().__init__(
            query,
            mutation,
            subscription,
            types=types,
            extensions=[_Prepared],
            execution_context_class=_Compiled,
            config=StrawberryConfig(scalar_map={datetime: _DATE_TIME}),
        )
        self.operation = operation
        self._sha256 = sha256(self.as_str().encode()).hexdigest()  # answers of another schema are not looked at

    @property
    def graphql(self) -> Any:
        """graphql-core's schema."""
        return self._schema

    @property
    def plans(self) -> Plans:
        """Its compiled operations, and the count of what was not compiled."""
        return _Compiled.plans

    async def run(
        self, connection: Connection, query: str, variables: Any, operation: str | None, *, writes: bool
    ) -> ExecutionResult:
        """Run a query or, if it may write, a mutation, for HTTP. Raises Refusal, OnlyReads."""
        told = connection.services.language, connection.allowed.rules.introspection
        asked = self._sha256, *told, query, variables, operation, writes
        reading = await connection.changes.answers.look(*asked) if connection.is_anybody else None
        if isinstance(reading, Kept):
            await charge_kept(connection, query, reading.points)
            return ExecutionResult(data=reading.data, errors=None)
        points = await charge(connection, self.graphql, query, variables, operation)
        document = prepare(self.graphql, query)
        if not writes and _writes(document):
            raise OnlyReads(_SEND_IT_BY_POST, code=_ONLY_READS)
        chosen = get_operation_ast(document, operation)
        context = self.operation(connection)
        context.reading = reading if _reads(chosen) else None
        try:
            stale = _reads(chosen) and await context.stale()
            with OPERATIONS.labels(_named(chosen)).time():
                result = await self._execute(document, chosen, variables, context)
        finally:
            await context.release()
        if context.reading and not result.errors:
            result.data = await connection.changes.answers.store(context.reading, points, result.data)
        return _told(result, connection, stale)

    async def _execute(
        self, document: DocumentNode, chosen: OperationDefinitionNode | None, variables: Any, context: Operation
    ) -> ExecutionResult:
        """What Strawberry's `execute` comes to here, without the care for extensions that there are none of."""
        if chosen is None or chosen.operation is OperationType.SUBSCRIPTION:
            return PreExecutionError(data=None, errors=[GraphQLError(_WRONG_OPERATION)])
        result: Any = execute(
            self.graphql,
            document,
            context_value=context,
            variable_values=variables,
            operation_name=chosen.name.value if chosen.name else None,
            executor_class=_Compiled,
            is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]  # it says bool where a TypeGuard is meant
        )
        if isawaitable(result):
            result = await result
        self.process_errors(result.errors or [])
        return ExecutionResult(data=result.data, errors=result.errors)

    async def stream(
        self, query: str | None, variable_values: Any = None, context_value: Any = None, *more: Any, **named: Any
    ) -> AsyncGenerator[Any, None]:
        """Run any operation, for web sockets and server-sent events."""
        context = self.operation(replace(context_value))  # several share the web socket's
        return self._told_one_by_one(context, query or "", variable_values, *more, **named)

    async def _told_one_by_one(
        self, context: Operation, query: str, variables: Any, *more: Any, writes: bool = True, **named: Any
    ) -> AsyncGenerator[Any, None]:
        connection, due, operation = context.connection, 0, named.get("operation_name")
        context.asked = query, variables, operation
        try:
            cost = await charge(connection, self.graphql, query, variables, operation)
            chosen = get_operation_ast(document := prepare(self.graphql, query), operation)
            if chosen is None:
                raise Refusal(GraphQLError(_NO_OPERATION))
            if not writes and _writes(document):
                raise Refusal(GraphQLError(_SEND_IT_BY_POST, extensions={"code": _ONLY_READS}))
            stale = _reads(chosen) and await context.stale()
            results: Any = await super().stream(query, variables, context, *more, **named)
            async with aclosing(results):
                async for result in results:
                    await context.release()  # a slow reader must not keep a connection of the pool
                    await connection.pay(due)
                    told = _told(result, connection, stale)
                    event = {"eventId": context.event_id} if context.event_id and not told.errors else {}
                    told.extensions = (told.extensions or {}) | connection.spent | event
                    connection.cost, due = 0, cost
                    yield told
        except Refusal as refusal:
            yield PreExecutionError(None, connection.told_of(refusal.errors), connection.spent)
        finally:
            await context.release()

    def process_errors(self, errors: list[GraphQLError], execution_context: Any = None) -> None:  # noqa: ARG002 - Strawberry's signature
        """Log what is not the caller's doing; the caller is told of a fault of ours and no more."""
        for error in filter(_unexpected, errors):
            original = error.original_error
            told = {"path": str(error.path), "error": type(original).__name__}
            log.error("unexpected failure", exc_info=None if _is_away(original) else original, extra=told)


def body_of(result: ExecutionResult) -> dict[str, Any]:
    """An answer as clients get it: without `data` if nothing was executed."""
    errors = [error.formatted for error in result.errors or ()]
    never_ran = isinstance(result, PreExecutionError)
    failed = never_ran or (result.data is None and all(error.path is None for error in result.errors or ()))
    body: dict[str, Any] = {"errors": errors} if errors else {}
    body |= {} if failed else {"data": result.data}
    return body | ({"extensions": result.extensions} if result.extensions else {})


def _writes(document: DocumentNode) -> bool:
    operations = (one for one in document.definitions if isinstance(one, OperationDefinitionNode))
    return any(one.operation is OperationType.MUTATION for one in operations)


def _reads(chosen: OperationDefinitionNode | None) -> bool:
    return chosen is not None and chosen.operation is OperationType.QUERY


def _named(chosen: OperationDefinitionNode | None) -> str:
    """The field that an operation asks for: a name of the schema, so there are few."""
    selected = chosen.selection_set.selections if chosen else ()
    names = {one.name.value for one in selected if isinstance(one, FieldNode)}
    return names.pop() if len(names) == 1 else "several"


def _unexpected(error: GraphQLError) -> bool:
    return error.original_error is not None and not isinstance(error.original_error, GraphQLError | Malformed)


def _told(result: ExecutionResult, connection: Connection, stale: bool = False) -> ExecutionResult:
    if result.errors:
        told = [_masked(error) if _unexpected(error) else _plain(error) for error in result.errors]
        result.errors = connection.told_of(told)
    result.extensions = {"stale": True} if stale else None
    return result


def _plain(error: GraphQLError) -> GraphQLError:
    """Without what else there is to ask for: that is for those who may read the schema."""
    error.message = _SUGGESTED.sub("", error.message)
    return error


def _masked(error: GraphQLError) -> GraphQLError:
    told, code = (_AWAY, "UNAVAILABLE") if _is_away(error.original_error) else (_FAULT, "INTERNAL")
    return GraphQLError(told, nodes=error.nodes, path=error.path, extensions={"code": code})


def _is_away(original: Exception | None) -> bool:
    """Whether it is the database that is away, or too busy, which mends itself."""
    return original is not None and transient(original)
