"""Where the value of a field comes from: decided once, when the operation is compiled."""

import dis
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from inspect import iscoroutinefunction
from types import CodeType, FunctionType
from typing import Any, Literal, TypeAlias, TypeVar

from graphql import GraphQLField, GraphQLObjectType, default_field_resolver

R = TypeVar("R", bound=Callable[..., Any])
Resolver: TypeAlias = Callable[..., Any]
Takes: TypeAlias = Literal["source", "info", "nothing"]


@dataclass(frozen=True)
class Constant:
    """The same for every object: `__typename`."""

    value: str


@dataclass(frozen=True)
class Attribute:
    """An attribute of the object; its AttributeError is the field's error."""

    name: str


@dataclass(frozen=True)
class Member:
    """What graphql-core's default resolver finds: a key or an attribute, called if it can be."""

    name: str


@dataclass(frozen=True)
class Call:
    """A resolver that is called for each object: `function(source, info, **arguments)`."""

    function: Resolver
    takes: tuple[Takes, ...] = ("source", "info")
    """Its positional parameters. For an info that it ignores it gets `nothing`: making one would take longer."""
    later: bool = False
    """Whether what it returns is always to be awaited."""
    info: Callable[[Any], Any] | None = None
    """What makes the info it wants of graphql-core's."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Of its parameters by arguments, if they differ."""


@dataclass(frozen=True)
class Batch:
    """A resolver that is called once for all objects of a level: `function(sources, info, **arguments)`."""

    function: Resolver


Source: TypeAlias = Constant | Attribute | Member | Call | Batch
SourceOf: TypeAlias = Callable[[GraphQLObjectType, str, GraphQLField], Source]


def batch(many: Resolver) -> Callable[[R], R]:
    """Give a resolver a form that answers for many objects at once.

    `many(sources, info, **arguments)` returns, or is awaited for, a list with a value for each source. A value that
    is an exception is the error of that object alone; one that is raised is the error of all. `info` is the first's.
    Where operations are not compiled, the resolver itself goes on answering for one.
    """

    def marked(resolver: R) -> R:
        resolver.batch = many  # type: ignore[attr-defined]  # functions take attributes
        return resolver

    return marked


def source_of(parent: GraphQLObjectType, name: str, definition: GraphQLField) -> Source:
    """Of a field in a schema of graphql-core."""
    if name == "__typename":
        return Constant(parent.name)
    resolve = definition.resolve
    if resolve is None or resolve is default_field_resolver:
        return Member(name)
    if many := getattr(resolve, "batch", None):
        return Batch(many)
    return Call(resolve, ("source", "nothing" if ignores_info(resolve) else "info"), iscoroutinefunction(resolve))


def ignores_info(function: Any) -> bool:
    """Whether a function never looks at its second parameter: then it cannot tell what it is given there."""
    return isinstance(function, FunctionType) and _ignores_second(function.__code__)


@lru_cache(4096)
def _ignores_second(code: CodeType) -> bool:
    if code.co_argcount < 2:
        return False
    name = code.co_varnames[1]
    looks_around = {"locals", "vars", "eval", "exec", "dir", "_getframe", "currentframe"} & set(code.co_names)
    return not looks_around and all(step.argval != name for step in dis.get_instructions(code))


def member(source: Any, name: str) -> Any:
    """What graphql-core's default resolver finds in an object that is no dict."""
    return source.get(name) if isinstance(source, Mapping) else getattr(source, name, None)
