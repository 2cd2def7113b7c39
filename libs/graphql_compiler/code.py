"""From a plan to the source of a Python module: straight code, one statement a line, nothing decided twice.

Names end with the number of their place: `v7` is a value as it was resolved, `x7` what it becomes in the answer, `i7`
an index, `P7` the place, `R7` its resolver, `T7` its type.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from graphql import (
    GraphQLBoolean,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLString,
    is_abstract_type,
    is_composite_type,
    is_leaf_type,
)

from libs.graphql_compiler.plan import Place, Plan, Shape
from libs.graphql_compiler.sources import Attribute, Batch, Call, Constant, Member, ignores_info

_DEEPEST = 12
"""Blocks within blocks of one function: Python has no more than 20, and readers fewer."""

_ALREADY = {
    GraphQLString: "type({0}) is str",
    GraphQLID: "type({0}) is str",
    GraphQLBoolean: "type({0}) is bool",
    GraphQLInt: "type({0}) is int and -2147483648 <= {0} <= 2147483647",
    GraphQLFloat: "type({0}) is float and {0} - {0} == 0.0",
}
"""When a value needs no serialising. By exact type: what only looks like one goes the long way."""


class Module:
    """The module of one plan, as it is written."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.names: dict[str, Any] = {}
        """What the code refers to."""
        self.completing: dict[str, Place] = {}
        """Functions that complete the value of a place, by their name."""
        self.shaping: dict[str, tuple[Place, Shape]] = {}
        """Functions that build an object of one type."""
        self._waiting: list[Callable[[], None]] = []
        self._lines: list[str] = []

    def source(self) -> str:
        """All of it."""
        root = Function(self)
        with root.block("def root(run, o, x):"):
            root.shape(self.plan.root, "o", "x", serial=self.plan.serial)
            root.line("yield" if self.plan.serial and not self.plan.root.fields else "return x")
        self._lines += root.lines
        while self._waiting:
            self._waiting.pop(0)()
        return "\n".join(self._lines) + "\n"

    def name(self, prefix: str, place: Place, value: Any) -> str:
        """The name under which the code finds this value."""
        name = f"{prefix}{place.number}"
        self.names[name] = value
        return name

    def completion(self, place: Place) -> str:
        """The function that completes the value of a place, to be written when what is being written is done."""
        asked = place.asked
        name = f"{asked.parent.name}_{asked.name}_{place.number}"
        self.completing[name] = place
        self._waiting.append(lambda: self._write_completion(name, place))
        return name

    def building(self, place: Place, shape: Shape) -> str:
        """The function that builds an object at a place, likewise."""
        name = f"{shape.type.name}_{place.number}"
        self.shaping[name] = (place, shape)
        self._waiting.append(lambda: self._write_building(name, place, shape))
        return name

    def _write_completion(self, name: str, place: Place) -> None:
        function = Function(self, "at")
        with function.block(f"\n\ndef {name}(run, v{place.number}, at):  # {place.type}"):
            function.line(f"return {function.complete(place)}")
        self._lines += function.lines

    def _write_building(self, name: str, place: Place, shape: Shape) -> None:
        function = Function(self, "at")
        number = place.number
        with function.block(f"\n\ndef {name}(run, v{number}, at):"):
            function.object(place, shape)
            function.line(f"return x{number}")
        self._lines += function.lines


class Function:
    """The lines of one function."""

    def __init__(self, module: Module, at: str = "") -> None:
        self.lines: list[str] = []
        self._module = module
        self._indent = 0
        self._blocks = 0
        self._at = [f"*{at}"] if at else []

    def line(self, text: str) -> None:
        """Write a line."""
        self.lines.append("    " * self._indent + text)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Write a line and what it holds."""
        self.line(head)
        self._indent += 1
        self._blocks += head.startswith(("try", "for"))
        yield
        self._blocks -= head.startswith(("try", "for"))
        self._indent -= 1

    def shape(self, shape: Shape, source: str, target: str, *, serial: bool = False) -> None:
        """Resolve and complete what is selected of an object; `serial`: yield after each field."""
        for number in shape.conditions:
            self.line(f"k{number} = run.keeps({number})")
        for one in shape.fields:
            guards = [f"k{one.when}"] if one.when is not None else []
            guards += [f"not k{number}" for number in one.unless]
            if not guards:
                self._field(one.place, source, target)
            else:
                with self.block(f"if {' and '.join(guards)}:"):
                    self._field(one.place, source, target)
            if serial:
                self.line("yield")

    def _field(self, place: Place, source: str, target: str) -> None:
        slot = f"{target}[{place.key!r}]"
        kind = place.asked.source
        if isinstance(kind, Constant):
            self.line(f"{slot} = {kind.value!r}")
        elif isinstance(kind, Batch):
            self._module.completion(place)
            self.line(f"{slot} = run.batched({self._place(place)}, {source}, {target}, {self._indices})")
        else:
            with self.block("try:"):
                self._resolve(place, source, target, slot)
            self._caught(place, target, f"{slot} = ")

    def _resolve(self, place: Place, source: str, target: str, slot: str) -> None:
        kind, value = place.asked.source, f"v{place.number}"
        if isinstance(kind, Attribute):
            self.line(f"{value} = {source}.{kind.name}")
        elif isinstance(kind, Member):
            name = repr(kind.name)
            self.line(f"{value} = {source}.get({name}) if type({source}) is dict else member({source}, {name})")
            with self.block(f"if callable({value}):"):
                given = [self._info(place, needed=True), *self._arguments(place)]
                self.line(f"{value} = {value}({', '.join(given)})")
        elif isinstance(kind, Call):
            called = self._call(place, kind, source)
            if kind.later:
                self._module.completion(place)
                self.line(f"{slot} = run.wait({self._place(place)}, {called}, {target}, {self._indices})")
                return
            self.line(f"{value} = {called}")
        if isinstance(kind, Call | Member) and (place.item or not is_leaf_type(place.named)):
            self.line(f"{slot} = {self._module.completion(place)}(run, {value}, {self._indices})")
        else:
            self.line(f"{slot} = {self.complete(place)}")

    def _call(self, place: Place, kind: Call, source: str) -> str:
        function = self._module.name("R", place, kind.function)
        info = self._info(place, needed="info" in kind.takes)
        if kind.info and "info" in kind.takes:
            info = f"{self._module.name('I', place, kind.info)}({info})"
        given = {"source": source, "info": info, "nothing": "None"}
        return f"{function}({', '.join([*(given[one] for one in kind.takes), *self._arguments(place)])})"

    def _info(self, place: Place, *, needed: bool) -> str:
        return f"run.info({self._place(place)}, {self._indices})" if needed else "None"

    def _arguments(self, place: Place) -> list[str]:
        return [f"**run.arguments({self._place(place)})"] if place.asked.definition.args else []

    def _caught(self, place: Place, target: str, put: str, end: str = "") -> None:
        with self.block("except Exception as error:"):
            self.line(f"{put}run.caught(error, {self._place(place)}, {target}, {self._indices}){end}")

    def complete(self, place: Place) -> str:
        """Write how `v<number>` becomes a value of the answer; returns the expression that is it."""
        if place.item:
            return self._list(place, place.item)
        if is_composite_type(place.named):
            return self._composite(place)
        return self._leaf(place)

    def _leaf(self, place: Place) -> str:
        value, known = f"v{place.number}", _ALREADY.get(place.named)  # type: ignore[call-overload]  # any type may ask
        long = f"run.leaf({self._place(place)}, {value})"
        if known is None:
            return long
        null = "" if place.required else f"{value} is None or "
        return f"{value} if {null}{known.format(value)} else {long}"

    def _list(self, place: Place, item: Place) -> str:
        value, result = f"v{place.number}", f"x{place.number}"
        there = f"type({value}) is list or ({value} := run.items({self._place(place)}, {value})) is not None"
        self.line(f"{result} = None")
        with self.block(f"if {there}:"):
            self.line(f"{result} = []")
            with self.block(f"for i{item.number}, v{item.number} in enumerate({value}):"):
                self._at.append(f"i{item.number}")
                with self.block("try:"):
                    self.line(f"{result}.append({self.complete(item)})")
                self._caught(item, result, f"{result}.append(", ")")
                self._at.pop()
        return result

    def _composite(self, place: Place) -> str:
        value, result, here = f"v{place.number}", f"x{place.number}", self._place(place)
        self.line(f"{result} = None")
        with self.block(f"if type({value}) in PLAIN or ({value} := run.plain({here}, {value})) is not None:"):
            if is_abstract_type(place.named):
                for shape in place.shapes.values():
                    self._module.building(place, shape)
                self.line(f"{result} = run.kind({here}, {value}, {self._indices})(run, {value}, {self._indices})")
            elif self._blocks >= _DEEPEST:
                [shape] = place.shapes.values()
                self.line(f"{result} = {self._module.building(place, shape)}(run, {value}, {self._indices})")
            else:
                self.object(place, *place.shapes.values())
        return result

    def object(self, place: Place, shape: Shape) -> None:
        """Write how the object `v<number>` becomes the dict `x<number>`."""
        value, result = f"v{place.number}", f"x{place.number}"
        if predicate := shape.type.is_type_of:
            name = self._module.name(f"{shape.type.name}_is_type_of_", place, predicate)
            info = self._info(place.field, needed=not ignores_info(predicate))
            with self.block(f"if (is_it := {name}({value}, {info})) is not True:"):
                name = self._module.name(f"{shape.type.name}_", place, shape.type)
                self.line(f"run.belongs({self._place(place)}, {name}, {value}, is_it)")
        self.line(f"{result} = {{}}")
        self.shape(shape, value, result)

    def _place(self, place: Place) -> str:
        return self._module.name("P", place, place)

    @property
    def _indices(self) -> str:
        if self._at == ["*at"]:
            return "at"
        return f"({', '.join(self._at)}{',' if len(self._at) == 1 else ''})"
