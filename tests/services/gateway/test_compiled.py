"""Everything that the schema can be asked is compiled: nothing falls back to graphql-core."""

from collections.abc import Iterator
from typing import Any

import pytest
from graphql import (
    OperationDefinitionNode,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_required_argument,
    parse,
    validate,
)

from libs.graphql_compiler.program import compiled
from libs.graphql_compiler.strawberry import strawberry_source_of
from services.gateway.api.schema import schema
from tests.services.gateway import world
from tests.services.gateway.conftest import Tell

CORE = schema.graphql
ROOTS = [(kind, name) for kind in ("query", "mutation", "subscription") for name in CORE.get_type(kind.title()).fields]


def selection(type_: Any, depth: int) -> str:
    """Every field of a type that needs no argument, and of what it leads to."""
    if not is_composite_type(type_):
        return ""
    of_types = CORE.get_possible_types(type_) if is_abstract_type(type_) else []
    inner = [f"... on {one} {selection(one, depth)}" for one in of_types]
    inner += [] if is_abstract_type(type_) else list(fields(type_, depth))
    return "{ __typename " + " ".join(inner) + " }"


def fields(type_: Any, depth: int) -> Iterator[str]:
    for name, field in type_.fields.items():
        named: Any = get_named_type(field.type)
        if any(map(is_required_argument, field.args.values())) or (depth == 0 and is_composite_type(named)):
            continue
        yield f"{type_}_{name}: {name} {selection(named, depth - 1)}"


@pytest.mark.parametrize(("kind", "name"), ROOTS)
def test_every_field_is_compiled(kind: str, name: str) -> None:
    field = CORE.get_type(kind.title()).fields[name]
    required = {one: given for one, given in field.args.items() if is_required_argument(given)}
    defined = ", ".join(f"${one}: {given.type}" for one, given in required.items())
    given = ", ".join(f"{one}: ${one}" for one in required)
    head, call = (f"{kind}({defined})", f"{name}({given})") if required else (kind, name)
    document = parse(f"{head} {{ {call} {selection(get_named_type(field.type), 2)} }}")
    assert not validate(CORE, document)
    [operation] = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    assert compiled(CORE, operation, {}, strawberry_source_of).source  # or it raises Uncompiled


async def test_what_many_objects_lead_to_is_looked_up_by_one_statement(
    ask: world.Asker, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners = [world.party() for _ in range(3)]
    resources = [world.resource(owner.id) for owner in owners for _ in range(2)]
    await tell(*owners, *resources)
    asked: list[int] = []
    find = schema.operation.find_all

    async def counted(self: Any, topic: str, keys: Any) -> Any:
        asked.append(len(keys))
        return await find(self, topic, keys)

    monkeypatch.setattr(schema.operation, "find_all", counted)
    found = await ask.data("{ resources(first: 6) { edges { node { workshop { id } } } } }")
    shown = [edge["node"]["workshop"]["id"] for edge in found["resources"]["edges"]]
    assert shown == [world.gid("Party", one.party_id) for one in reversed(resources)]
    assert asked == [6]
