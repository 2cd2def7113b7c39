"""A schema with every feature, and data for it that follows from a number: the same value for the same question,
in whatever order it is asked, so that two ways of executing can be compared.
"""

import random
from collections.abc import Iterator, Mapping
from typing import Any

from graphql import (
    GraphQLError,
    GraphQLSchema,
    Undefined,
    build_schema,
    get_nullable_type,
    is_enum_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)

from libs.graphql_compiler import batch

SDL = """
scalar Stamp
enum Colour { RED GREEN BLUE }
interface Node { id: ID! }
interface Named implements Node { id: ID! name: String peers: [Named!] }
type Person implements Named & Node {
  id: ID! name: String peers: [Named!]
  age: Int height: Float! alive: Boolean born: Stamp colour: Colour!
  nick: [String] tags: [String!]! matrix: [[Int]] strict: [[Int!]!]!
  friend: Person boss: Person! friends: [Person] team: [Person!] grid: [[Person!]] all: [[Person]!]!
  thing: Thing things: [Thing!] near: Node must: Named!
  greet(to: String! = "you", times: Int, style: Style): String
  pick(by: [Filter!], stamp: Stamp, colour: Colour = GREEN): [Person]
}
type Machine implements Named & Node {
  id: ID! name: String peers: [Named!]
  power: Float parts: [Machine!]! owner: Person maker(of: Filter!): Person!
}
type Note { text: String! about: Thing written: Stamp! }
union Thing = Person | Machine | Note
input Style { loud: Boolean! = false colour: Colour = RED inner: Style marks: [String!] = ["!"] }
input Filter { id: ID least: Int = 1 not: Filter among: [[Int!]] }
type Query {
  me: Person you: Person! node(id: ID!): Node named: [Named] thing: Thing! things: [[Thing]!]
  people(first: Int = 3, filter: Filter): [Person!] machine: Machine count: Int! note: Note!
}
type Mutation { rename(id: ID!, style: Style!): Person build: Machine! count: Int! break: Int note: Note }
"""

AWAY = "async"
"""The world in which resolvers may be asynchronous, and some answer in batches; in any other none does."""


class Known:
    """An object of the data; it finds its own fields when nobody resolves them for it."""

    def __init__(self, world: "World", kind: str, number: int) -> None:
        self.world, self.kind, self.number = world, kind, number

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self.world.member(self, name)


class Book(Mapping[str, Any]):
    """The same as a mapping."""

    def __init__(self, world: "World", kind: str, number: int) -> None:
        self.world, self.kind, self.number = world, kind, number

    def __getitem__(self, name: str) -> Any:
        return self.kind if name == "__typename" else self.world.member(self, name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


class World:
    """The data of one number, and what goes wrong in it."""

    def __init__(self, schema: GraphQLSchema, seed: int, faults: float, waits: float) -> None:
        self.schema, self.seed, self.faults, self.waits = schema, seed, faults, waits

    def member(self, source: Any, name: str) -> Any:
        """A field as the default resolver finds it: a value, or with arguments a function."""
        parent: Any = self.schema.get_type(source.kind)
        if name not in parent.fields:
            return None
        if parent.fields[name].args:
            return lambda _info, **given: self.resolve(source, parent, name, given)
        return self.resolve(source, parent, name, {})

    def resolve(self, source: Any, parent: Any, name: str, given: Mapping[str, Any]) -> Any:
        """The value of a field. Raises what is wrong with it."""
        number = getattr(source, "number", 0)
        dice = random.Random(f"{self.seed} {parent.name} {number} {name} {sorted(given.items(), key=str)!r}")
        if name == "greet" and dice.random() < 0.8:
            return repr(sorted(given.items()))
        return self._made(dice, parent.fields[name].type, True)

    def _made(self, dice: random.Random, type_: Any, may_raise: bool) -> Any:
        if dice.random() < self.waits:
            return self._later(random.Random(dice.random()), type_)  # what it draws must not depend on when
        if dice.random() < self.faults:
            return self._fault(dice, may_raise)
        if is_non_null_type(type_):
            return self._made_there(dice, get_nullable_type(type_))
        return None if dice.random() < 0.05 else self._made_there(dice, type_)

    async def _later(self, dice: random.Random, type_: Any) -> Any:
        if dice.random() < self.faults:
            return self._fault(dice, True)
        return self._made_there(dice, get_nullable_type(type_))

    def _fault(self, dice: random.Random, may_raise: bool) -> Any:
        number = dice.randrange(100)
        fault = dice.choice(
            (None, Undefined, ValueError(f"wrong {number}"), GraphQLError(f"no {number}", extensions={"code": "NO"}))
        )
        if isinstance(fault, Exception) and may_raise and dice.random() < 0.7:
            raise fault
        return fault

    def _made_there(self, dice: random.Random, type_: Any) -> Any:
        if is_list_type(type_):
            return self._list(dice, type_.of_type)
        if is_leaf_type(type_):
            return _leaf(dice, type_)
        kinds = [type_.name] if is_object_type(type_) else [one.name for one in self.schema.get_possible_types(type_)]
        kind = dice.choice(kinds if dice.random() < 0.97 else ["Person", "Machine", "Note", "Nobody"])
        return self.object(kind, dice.randrange(20), dice)

    def _list(self, dice: random.Random, item: Any) -> Any:
        if dice.random() < self.faults / 2:
            return dice.choice((5, "text", {"a": 1}))
        items = [self._made(dice, item, False) for _ in range(dice.choice((0, 1, 2, 2, 3)))]
        form = dice.random()
        if form < 0.7:
            return items
        if form < 0.8:
            return tuple(items)
        if form < 0.9 or not self.waits:
            return _giving(items, dice.random() < self.faults)
        return _giving_later(items, dice.random() < self.faults)

    def object(self, kind: str, number: int, dice: random.Random) -> Any:
        """An object, in one of its forms."""
        if kind == "Note" and dice.random() < 0.7:
            there = {"__typename": kind, "kind": kind, "text": f"note {number}", "written": number}
            return there | {
                "about": lambda info: self.resolve(Known(self, kind, number), info.parent_type, "about", {})
            }
        return (Known if dice.random() < 0.7 else Book)(self, kind, number)


def _giving(items: list[Any], breaks: bool) -> Iterator[Any]:
    yield from items
    if breaks:
        raise ValueError("the list broke off")


async def _giving_later(items: list[Any], breaks: bool) -> Any:
    for item in items:
        yield item
    if breaks:
        raise ValueError("the list broke off")


_LEAVES: dict[str, tuple[Any, ...]] = {
    "Int": (1, 2, 3, 4, -7, 3.0, True, "12", 2**31, "x", 1.5, []),
    "Float": (1.5, 2.25, -0.0, 3, True, "1.5", float("nan"), float("inf"), "x"),
    "String": ("a", "è", "", 'q"', 5, 2.5, True, [1]),
    "Boolean": (True, False, 1, 0, 2.0, "x"),
    "ID": ("id-1", 7, 2.0, "x", True, [2]),
    "Stamp": (1, 2, 3, "bad", 4),
}


def _leaf(dice: random.Random, type_: Any) -> Any:
    if is_enum_type(type_):
        return dice.choice((10, 20, 30, 10, 20, 30, "RED", [1]))
    usual = dice.random() < 0.9
    return dice.choice(_LEAVES[type_.name][:4] if usual else _LEAVES[type_.name])


def _stamp(value: Any) -> Any:
    if value == "bad":
        raise ValueError("no stamp")
    return None if value == 4 else f"T{value}"


def _kind_of(value: Any, _info: Any, *_: Any) -> Any:
    return value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)


def _is_person(value: Any, _info: Any) -> Any:
    return _kind_of(value, None) == "Person"


def _is_machine(value: Any, info: Any) -> Any:
    return _kind_of(value, info) == "Machine" and info.path is not None


def make(way: str) -> GraphQLSchema:
    """The schema, with resolvers that ask the context, a World, for what there is."""
    schema = build_schema(SDL)
    types: dict[str, Any] = dict(schema.type_map)
    types["Stamp"].coerce_output_value = _stamp
    for inner, value in zip((10, 20, 30), types["Colour"].values.values(), strict=True):
        value.value = inner
    types["Node"].resolve_type = _kind_of if way != AWAY else _kind_later
    types["Thing"].resolve_type = _kind_of
    types["Person"].is_type_of = _is_person
    types["Machine"].is_type_of = _is_machine if way != AWAY else _is_machine_later
    for name in ("Query", "Mutation", "Person", "Machine"):
        for number, (key, field) in enumerate(types[name].fields.items()):
            if name in ("Query", "Mutation") or number % 3:
                field.resolve = _resolver(way, key, number)
    return schema


def _resolver(way: str, name: str, number: int) -> Any:
    def plain(source: Any, info: Any, **given: Any) -> Any:
        return info.context.resolve(source, info.parent_type, name, given)

    async def later(source: Any, info: Any, **given: Any) -> Any:
        value = plain(source, info, **given)
        return await value if hasattr(value, "__await__") else value

    def many(sources: list[Any], info: Any, **given: Any) -> list[Any]:
        return [_tried(plain, source, info, given) for source in sources]

    async def many_later(sources: list[Any], info: Any, **given: Any) -> list[Any]:
        found = many(sources, info, **given)
        return [await _awaited(one) for one in found]

    if way != AWAY:
        return plain
    return (plain, later, batch(many_later)(later))[number % 4] if number % 4 < 3 else plain


def _tried(function: Any, source: Any, info: Any, given: Any) -> Any:
    try:
        return function(source, info, **given)
    except Exception as error:  # noqa: BLE001 - a failure is a value here
        return error


async def _awaited(value: Any) -> Any:
    try:
        return await value if hasattr(value, "__await__") else value
    except Exception as error:  # noqa: BLE001 - a failure is a value here
        return error


def _kind_later(value: Any, info: Any, _type: Any) -> Any:
    async def told() -> Any:
        return _kind_of(value, info)

    return told() if getattr(value, "number", 1) % 4 == 0 else _kind_of(value, info)


def _is_machine_later(value: Any, info: Any) -> Any:
    async def told() -> bool:
        return _is_machine(value, info)

    return told() if getattr(value, "number", 1) % 5 == 0 else _is_machine(value, info)
