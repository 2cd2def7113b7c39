"""GraphQL types made from the contracts: their fields, types and docstrings are the schema's, and their structs are
its objects. What is shown is named field by field, so that a new field of a contract stays inside until it is named.
"""

from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from types import UnionType
from typing import Annotated, Any, get_args, get_origin

import msgspec
import strawberry
from msgspec.structs import FieldInfo
from strawberry import ID, Parent

from libs.contracts.docstrings import meanings, text, values
from libs.graphql.opaque import global_id


@strawberry.interface(description="Anything that can be found again by its id.")
class Node:
    id: ID = strawberry.field(description="Opaque, typed, for ever.")


LookUp = Callable[[str, str, str], Any]
"""The field that looks up what an attribute names: the type's name, the attribute, a description."""


class Shapes:
    """The object types of one schema."""

    def __init__(self, look_up: LookUp, owners: Mapping[str, str], **entries: Any) -> None:
        """`owners`: by the name of an id, the type of what it names, which is shown instead. `entries`: by the name of
        a mapping, the contract of two fields that shows each key with its value."""
        self._known: dict[Any, Any] = {}
        self._look_up, self._owners, self._entries = look_up, owners, entries

    def whole(self, *contracts: Any) -> None:
        """Show all fields of these values."""
        for contract in contracts:
            self.shape(contract)

    def shape(self, contract: Any, names: str = "", *, hidden: str = "", **more: Any) -> Any:
        """The type that shows these fields of a contract and `more` that are looked up.

        `hidden` names fields that are null to some parties. An event's state becomes a Node. A `message` is a sentence,
        told in the caller's language.
        """
        fields: dict[str, Any] = {}
        for one, told in members(contract, names):
            if one.name == "message":
                fields[one.name] = strawberry.field(resolver=_said, description=f"{told} In the caller's language.")
            elif one.name in self._owners:
                owned = self._look_up(self._owners[one.name], one.name, told)
                fields[one.name.removesuffix("_id")] = owned
            elif get_origin(one.type) is dict:
                fields[one.name] = self._listed(one.name, told)
            else:
                shown = translated(one.type, self._known)
                nullable = shown | None if one.name in hidden.split() else shown
                fields[one.name] = strawberry.field(description=told, graphql_type=nullable)
        made = output(contract.__name__, contract, _told(contract), fields | more)
        self._known[contract] = made
        return made

    def _listed(self, name: str, told: str) -> Any:
        """A mapping as a list, in the order of its keys."""
        entry = self._entries[name]

        def listed(root: strawberry.Parent[Any]) -> Any:
            pairs = (zip(entry.__struct_fields__, pair, strict=True) for pair in sorted(getattr(root, name).items()))
            return [msgspec.convert(dict(pair), entry) for pair in pairs]

        return strawberry.field(resolver=listed, description=told, graphql_type=list_of(self._known[entry]))


def _said(root: Parent[Any], info: strawberry.Info[Any, None]) -> str:
    return str(info.context.connection.told(root.message))


def output(name: str, source: type, description: str, fields: dict[str, Any]) -> Any:
    """An object type whose objects are instances of `source`; a Node if they have an id."""
    if not hasattr(source, "id"):
        return strawberry.type(type(name, (), fields), description=description)

    def id_(root: Any) -> ID:
        return ID(global_id(name, root.id))

    def is_type_of(root: Any, _info: Any) -> bool:
        return isinstance(root, source)

    identity = strawberry.field(resolver=id_, description="Opaque, typed, for ever.")
    body = {"is_type_of": staticmethod(is_type_of), "id": identity} | fields
    return strawberry.type(type(name, (Node,), body), description=description)


def translated(hint: Any, known: dict[Any, Any]) -> Any:
    """The GraphQL type of a contract's annotation, in terms of the types already made."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return translated(inner[0], known)
    if origin is list:
        return list_of(translated(inner[0], known))
    if origin is UnionType:
        return translated(inner[0], known) | None
    if isinstance(hint, type) and issubclass(hint, Enum) and hint not in known:
        known[hint] = _enum(hint)
    return known.get(hint, hint)


def _enum(contract: type[Enum]) -> Any:
    made: Any = strawberry.enum(contract, description=text(contract))
    told = values(contract)
    for value in made.__strawberry_definition__.values:
        value.description = told[value.name]
    return made


def members(contract: Any, names: str) -> Iterator[tuple[FieldInfo, str]]:
    """The fields of a contract so named, in that order, or all of them; each with its docstring."""
    known, told = {one.name: one for one in msgspec.structs.fields(contract)}, meanings(contract)
    return ((known[name], told[name]) for name in names.split() or known)


def _told(contract: type) -> str:
    told = text(contract).removeprefix("State of ")
    return told[0].upper() + told[1:]


def list_of(item: Any) -> Any:
    """The list type of a type made at run time."""
    return list[item]
