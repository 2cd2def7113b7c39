"""Input types made from the contracts, and the JSON that a service gets from them."""

import dataclasses
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any, get_args, get_origin
from uuid import UUID

import strawberry
from msgspec import NODEFAULT
from strawberry import ID, field

from libs.contracts.docstrings import text
from libs.graphql.opaque import Malformed, key_of
from libs.graphql.shapes import list_of, members, translated
from libs.kit.errors import FieldError, Invalid


class Inputs:
    """The input types of one schema."""

    def __init__(self, owners: Mapping[str, str], **entries: Any) -> None:
        """`owners`: by the name of ids, the type of what they name; of a `site_id` that needs not be said. `entries`:
        by the name of a mapping, the contract of two fields that gives each key with its value."""
        self._known: dict[Any, Any] = {UUID: ID}
        self._owners, self._entries = owners, entries

    def fields_of(
        self, contract: Any, names: str = "", *, plain: bool = False, optional: Collection[str] = ()
    ) -> dict[str, Any]:
        """Input fields for these fields of a contract, with its defaults. `site_id` takes the id of a Site, and so on.

        `plain` ids may also be UUIDs, as they are for whoever chooses them; what is `optional` may be left out here.
        """
        made = {}
        for one, told in members(contract, names):
            name = contract.topic.partition(".")[2] if one.name == "id" else one.name.removesuffix("_id")
            owner = self._owners.get(name, name.capitalize())
            left, listed, factory = one.name in optional, get_origin(one.type) is dict, one.default_factory
            given = list_of(self._known[self._entries[one.name]]) if listed else translated(one.type, self._known)
            takes_id = UUID in (one.type, *get_args(one.type))
            made[one.name] = field(
                description=told,
                graphql_type=given | None if left else given,
                default=None if left else _default(one.default),
                default_factory=dataclasses.MISSING if left else list if listed else _default(factory),
                metadata={"id_of": owner, "plain": plain} if takes_id else {"mapping": listed},
            )
        return made

    def whole(self, *contracts: Any) -> None:
        """From now on inputs that hold these values take all of their fields."""
        for contract in contracts:
            self.value(contract)

    def value(self, contract: Any, names: str = "", **more: Any) -> Any:
        """The input type of this value: from now on inputs that hold one take these fields of it and `more`."""
        fields = self.fields_of(contract, names) | more
        made = self._known[contract] = input_type(f"{contract.__name__}Input", text(contract), fields)
        return made


def _default(given: Any) -> Any:
    return dataclasses.MISSING if given is NODEFAULT else given


def input_type(name: str, description: str, fields: dict[str, Any]) -> Any:
    """An input type. Of a field's metadata, `id_of` names the type whose ids it takes, and `mapping` says that its JSON
    is not a list of pairs, but a mapping."""
    return strawberry.input(type(name, (), fields), description=description)


def body_of(given: Any) -> dict[str, Any]:
    """The JSON object of an input: ids of services for global ids. Raises Invalid, naming every field that is wrong."""
    problems: list[FieldError] = []
    body: dict[str, Any] = _plain(given, "", problems)
    if problems:
        raise Invalid("Correct these fields and send again.", code="INVALID_ID", errors=problems)
    return body


def names_in(given: Any) -> set[str]:
    """What services call the fields of an input, those of inputs in it too."""
    if isinstance(given, list):
        return {name for item in given for name in names_in(item)}
    if not dataclasses.is_dataclass(given):
        return set()
    values = {one.name: getattr(given, one.name) for one in dataclasses.fields(given)}
    return {*values, *names_in([*values.values()])}


def _plain(given: Any, path: str, problems: list[FieldError]) -> Any:
    if isinstance(given, list):
        return [_plain(item, f"{path}{number}.", problems) for number, item in enumerate(given)]
    if not dataclasses.is_dataclass(given):
        return given
    values = {one: getattr(given, one.name) for one in dataclasses.fields(given)}
    return {one.name: _member(one, value, path, problems) for one, value in values.items() if value is not None}


def _member(one: dataclasses.Field[Any], value: Any, path: str, problems: list[FieldError]) -> Any:
    if one.metadata.get("mapping"):
        return dict(entry.values() for entry in _plain(value, f"{path}{one.name}.", problems))
    if "id_of" in one.metadata:
        return _key(value, one.metadata, path + one.name, problems)
    return _plain(value, f"{path}{one.name}.", problems)


def _key(given: Any, names: Mapping[str, Any], path: str, problems: list[FieldError]) -> Any:
    if isinstance(given, list):
        return [_key(item, names, f"{path}.{number}", problems) for number, item in enumerate(given)]
    with suppress(ValueError):
        return str(UUID(given if names.get("plain") else ""))
    try:
        return str(key_of(given, names["id_of"]))
    except Malformed as error:
        problems.append(FieldError(path, str(error)))
        return None
