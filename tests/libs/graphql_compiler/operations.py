"""Operations over the world's schema, valid by the way they are made."""

import random
from typing import Any

from graphql import (
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_enum_type,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    is_required_argument,
    parse_type,
    type_from_ast,
)


class Writing:
    """One document and the variables it uses."""

    def __init__(self, schema: GraphQLSchema, dice: random.Random) -> None:
        self.schema, self.dice = schema, dice
        self.variables: dict[str, str] = {}
        """Types by name."""
        self._fragments: dict[str, str] = {}
        self._left = 24
        """Selections still to be made."""

    def document(self) -> str:
        """A query or a mutation, with fragments."""
        kind = "mutation" if self.dice.random() < 0.25 else "query"
        root = self.schema.mutation_type if kind == "mutation" else self.schema.query_type
        body = self._selections(root, 0)
        defined = ", ".join(f"${name}: {type_}" for name, type_ in self.variables.items())
        head = f"{kind} It({defined})" if defined else kind
        return "\n".join([f"{head} {body}", *self._fragments.values()])

    def values(self) -> dict[str, Any]:
        """Values for its variables; some are left out, some null."""
        given = {name: self._json(self._type(text), 0) for name, text in self.variables.items()}
        return {name: value for name, value in given.items() if value is not _ABSENT}

    def _selections(self, type_: Any, depth: int) -> str:
        many = self.dice.choice((1, 2, 3, 4))
        made = [self._selection(type_, depth) for _ in range(many)]
        return "{\n" + "\n".join(one for one in made if one) + "\n__typename }"

    def _selection(self, type_: Any, depth: int) -> str:
        self._left -= 1
        kind = self.dice.random()
        if depth < 5 and self._left > 0 and kind < 0.15:
            on = self._condition(type_)
            return f"... on {on}{self._directives()} {self._selections(on, depth + 1)}"
        if depth < 5 and self._left > 0 and kind < 0.3:
            return f"...{self._fragment(type_, depth)}{self._directives()}"
        if not hasattr(type_, "fields") or kind < 0.35:
            return f"__typename{self._directives()}"
        return self._field(type_, depth)

    def _condition(self, type_: Any) -> Any:
        if is_abstract_type(type_) and self.dice.random() < 0.8:
            return self.dice.choice(self.schema.get_possible_types(type_))
        return type_

    def _fragment(self, type_: Any, depth: int) -> str:
        on = self._condition(type_)
        known = [name for name in self._fragments if name.startswith(f"{on}_") and self._fragments[name]]
        if known and self.dice.random() < 0.5:
            return self.dice.choice(known)
        name = f"{on}_{len(self._fragments)}"
        self._fragments[name] = ""
        self._fragments[name] = f"fragment {name} on {on} {self._selections(on, depth + 1)}"
        return name

    def _field(self, type_: Any, depth: int) -> str:
        names = [
            name
            for name, field in type_.fields.items()
            if (depth < 5 and self._left > 0) or not is_composite_type(get_named_type(field.type))
        ]
        name = self.dice.choice(names or ["__typename"])
        if name == "__typename":
            return name
        field = type_.fields[name]
        given = self._arguments(field)
        # One key for one field of one type with the same arguments: then what is merged can be merged.
        own = not any(name in one.fields for one in getattr(type_, "interfaces", ()))
        alias = f"{type_.name}_{name}: " if own and is_abstract_type(type_) is False and depth else ""
        if given:
            alias = f"{type_.name}_{name}_{sum(map(ord, given))}: "
        inner = self._selections(get_named_type(field.type), depth + 1) if _has_fields(field) else ""
        return f"{alias}{name}{given}{self._directives()} {inner}"

    def _arguments(self, field: Any) -> str:
        wanted = [
            f"{name}: {self._literal(argument.type, 0)}"
            for name, argument in field.args.items()
            if is_required_argument(argument) or self.dice.random() < 0.6
        ]
        return f"({', '.join(wanted)})" if wanted else ""

    def _directives(self) -> str:
        if self.dice.random() < 0.8:
            return ""
        made = ""
        for name in self.dice.choice((["skip"], ["include"], ["skip", "include"])):
            made += f" @{name}(if: {self._bool()})"
        return made

    def _bool(self) -> str:
        if self.dice.random() < 0.2:
            return self.dice.choice(("true", "false"))
        name = self.dice.choice("pqr")
        self.variables[name] = {"p": "Boolean!", "q": "Boolean! = true", "r": "Boolean = false"}[name]
        return f"${name}"

    def _literal(self, type_: Any, depth: int) -> str:
        if depth == 0 and self.dice.random() < 0.4:
            return self._variable(type_)
        if is_non_null_type(type_):
            return self._literal_there(type_.of_type, depth)
        return "null" if self.dice.random() < 0.15 else self._literal_there(type_, depth)

    def _variable(self, type_: Any) -> str:
        text = str(type_)
        if not is_non_null_type(type_) and self.dice.random() < 0.3:
            text += "!"
        elif not is_non_null_type(type_) and self.dice.random() < 0.3:
            text += f" = {self._literal_there(type_, 1)}"
        name = "v" + "".join(f"{ord(one):x}" for one in text)
        self.variables[name] = text
        return f"${name}"

    def _literal_there(self, type_: Any, depth: int) -> str:
        dice = self.dice
        if is_list_type(type_):
            if dice.random() < 0.2 and not is_list_type(type_.of_type):
                return self._literal_there(getattr(type_.of_type, "of_type", type_.of_type), depth + 1)
            return f"[{', '.join(self._literal(type_.of_type, depth + 1) for _ in range(dice.choice((0, 1, 2))))}]"
        if is_input_object_type(type_):
            chosen = [name for name in type_.fields if dice.random() < (0.5 if depth < 3 else 0)]
            return (
                "{" + ", ".join(f"{name}: {self._literal(type_.fields[name].type, depth + 1)}" for name in chosen) + "}"
            )
        if is_enum_type(type_):
            return dice.choice(("RED", "GREEN", "BLUE"))
        known = {"Int": "3 -4", "String": '"a" "è"', "Boolean": "true false", "ID": '"i" 6', "Stamp": '1 "two"'}
        return dice.choice(known[type_.name].split())

    def _json(self, type_: Any, depth: int) -> Any:
        dice = self.dice
        required = is_non_null_type(type_)
        if dice.random() < 0.03:
            return dice.choice((None, _ABSENT, "wrong", 2**40, {"a": 1}))
        if not required and dice.random() < 0.3:
            return dice.choice((None, _ABSENT)) if depth == 0 else None
        inner = type_.of_type if required else type_
        if is_list_type(inner):
            return [self._json(inner.of_type, depth + 1) for _ in range(dice.choice((0, 1, 2)))]
        if is_input_object_type(inner):
            chosen = [name for name in inner.fields if dice.random() < (0.5 if depth < 3 else 0)]
            return {name: self._json(inner.fields[name].type, depth + 1) for name in chosen}
        if is_enum_type(inner):
            return dice.choice(("RED", "GREEN", "BLUE"))
        known = {"Int": (3, 0), "String": ("a", "é"), "Boolean": (True, False), "ID": ("i", 4), "Stamp": (1, "s")}
        return dice.choice(known[inner.name])

    def _type(self, text: str) -> Any:
        return type_from_ast(self.schema, parse_type(text.partition(" =")[0]))


_ABSENT = object()


def _has_fields(field: Any) -> bool:
    return is_composite_type(get_named_type(field.type))
