"""The hook into Strawberry: `Schema(..., execution_context_class=CompiledExecution)`.

Strawberry wraps every resolver in a function that makes an `Info`, converts arguments and runs field extensions
(permission classes are field extensions). Where a field has none of these, its wrapper is left out.
"""

from collections.abc import Mapping
from inspect import Parameter, iscoroutinefunction, signature
from typing import Any, ClassVar

from graphql import GraphQLField, GraphQLObjectType
from strawberry.relay import GlobalID
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types.arguments import StrawberryArgument, convert_arguments
from strawberry.types.base import StrawberryContainer, StrawberryMaybe, StrawberryOptional, has_object_definition
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver
from strawberry.types.lazy_type import LazyType

from libs.graphql_compiler.executor import Compiled
from libs.graphql_compiler.plans import Plans
from libs.graphql_compiler.sources import Attribute, Batch, Call, Source, Takes, source_of

_WRAPPERS = "strawberry.schema.schema_converter"


def strawberry_source_of(parent: GraphQLObjectType, name: str, field: GraphQLField) -> Source:
    """Of a field in a schema of Strawberry."""
    own = field.extensions.get("strawberry-definition")
    bare = _bare(own, field) if isinstance(own, StrawberryField) else None
    return bare or source_of(parent, name, field)


def _bare(own: StrawberryField, field: GraphQLField) -> Source | None:
    wrapper = field.resolve
    if getattr(wrapper, "__module__", "") != _WRAPPERS or own.extensions or own.is_subscription or _handles(wrapper):
        return None
    if own.base_resolver is None:
        return Attribute(own.python_name) if own.default_resolver is getattr else None
    if many := getattr(own.base_resolver.wrapped_func, "batch", None):
        return _batch(own, many)
    names = {name: one.python_name for name, one in zip(field.args, own.arguments, strict=True)}
    return _call(own, own.base_resolver, names) if all(map(_needs_no_converting, own.arguments)) else None


def _needs_no_converting(argument: StrawberryArgument) -> bool:
    """Whether Strawberry gives a resolver this argument as graphql-core has coerced it: scalars and enums."""
    type_: Any = argument.type
    if isinstance(type_, StrawberryOptional) and not isinstance(type_, StrawberryMaybe):
        type_ = type_.of_type
    inside = isinstance(type_, StrawberryContainer | LazyType) or has_object_definition(type_)
    return not inside and type_ is not GlobalID


def _handles(wrapper: Any) -> bool:
    """Whether Strawberry's exception handlers apply to a field: only its wrapper knows."""
    cells = dict(zip(wrapper.__code__.co_freevars, wrapper.__closure__ or (), strict=True))
    return "field_exception_handlers" in cells and bool(cells["field_exception_handlers"].cell_contents)


def _call(own: StrawberryField, resolver: StrawberryResolver[Any], names: Mapping[str, str]) -> Call | None:
    """The resolver itself: it asks for its object and the info by name or annotation, and they come first."""
    sources = (resolver.self_parameter, resolver.parent_parameter, resolver.root_parameter)
    known: dict[str, Takes] = {one.name: "source" for one in sources if one}
    if resolver.info_parameter:
        known[resolver.info_parameter.name] = "info"
    function: Any = resolver.wrapped_func
    parameters = list(signature(function).parameters.values())
    first = parameters[: len(known)]
    if any(one.name not in known or one.kind is not Parameter.POSITIONAL_OR_KEYWORD for one in first):
        return None
    takes = tuple(known[one.name] for one in first)
    return Call(function, takes, iscoroutinefunction(function), lambda info: _info(own, info), names)


def _batch(own: StrawberryField, many: Any) -> Batch:
    def function(sources: list[Any], raw: Any, **arguments: Any) -> Any:
        info = _info(own, raw)
        if arguments:
            registry = info.schema.schema_converter.scalar_registry
            arguments = convert_arguments(
                arguments, own.arguments, scalar_registry=registry, config=info.schema.config, info=info
            )
        return many(sources, info, **arguments)

    return Batch(function)


def _info(own: StrawberryField, raw: Any) -> Any:
    return raw.schema._strawberry_schema.config.info_class(_raw_info=raw, _field=own)  # noqa: SLF001 - as Info does it


class CompiledExecution(Compiled, StrawberryGraphQLCoreExecutionContext):
    """What Strawberry makes for each operation."""

    plans: ClassVar[Plans] = Plans(strawberry_source_of)
