"""A plan compiled: the functions of its module, bound to its places."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import FragmentDefinitionNode, GraphQLSchema, OperationDefinitionNode

from libs.graphql_compiler.code import Module
from libs.graphql_compiler.plan import Plan
from libs.graphql_compiler.planner import MOST_PLACES, Planner
from libs.graphql_compiler.sources import SourceOf, member


@dataclass(frozen=True)
class Program:
    """What runs an operation."""

    plan: Plan
    source: str
    """The module, for people."""
    root: Callable[..., Any]
    plain: set[type]
    """Classes whose objects have been seen to be neither awaitable nor an exception: they need no second look."""


def compiled(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    source_of: SourceOf,
    most_places: int = MOST_PLACES,
) -> Program:
    """Compile an operation. Raises Uncompiled."""
    plan = Planner(schema, operation, fragments, source_of, most_places).plan()
    module = Module(plan)
    source = module.source()
    plain: set[type] = set()
    names = module.names | {"PLAIN": plain, "member": member}
    exec(compile(source, f"<compiled {plan.name}>", "exec"), names)  # noqa: S102 - all of it was written by code.py
    for name, place in module.completing.items():
        place.complete = names[name]
    for name, (place, shape) in module.shaping.items():
        place.functions[shape.type.name] = names[name]
    return Program(plan, source, names["root"], plain)
