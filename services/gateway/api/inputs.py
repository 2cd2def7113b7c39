"""Input types made from the contracts, and the JSON that a service gets from them."""

import dataclasses
from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from typing import Any
from uuid import UUID

import strawberry
from msgspec import NODEFAULT
from strawberry import ID, field

from libs.contracts import orders, values
from libs.kit.errors import FieldError
from services.gateway.api.shapes import members, translated
from services.gateway.commands import Refused
from services.gateway.opaque import Malformed, key_of

_INPUTS: dict[Any, Any] = {UUID: ID}


def fields_of(contract: Any, names: str, *, plain: bool = False) -> dict[str, Any]:
    """Input fields for these fields of a contract, with its defaults. `site_id` takes the id of a Site, and so on.

    `plain` ids may also be UUIDs, as they are for whoever chooses them.
    """
    made = {}
    for one, told in members(contract, names):
        owner = contract.topic.partition(".")[2] if one.name == "id" else one.name.removesuffix("_id")
        made[one.name] = field(
            description=told,
            graphql_type=translated(one.type, _INPUTS),
            default=dataclasses.MISSING if one.default is NODEFAULT else one.default,
            metadata={"id_of": owner.capitalize(), "plain": plain} if one.type is UUID else {},
        )
    return made


def input_type(name: str, description: str, fields: dict[str, Any]) -> Any:
    """An input type."""
    return strawberry.input(type(name, (), fields), description=description)


def body_of(given: Any) -> dict[str, Any]:
    """The JSON object of an input: ids of services for global ids. Raises Refused, naming every field that is wrong."""
    problems: list[FieldError] = []
    body: dict[str, Any] = _plain(given, "", problems)
    if problems:
        raise Refused(422, "INVALID_ID", "Correct the fields named in `fields` and send again.", problems)
    return body


def _plain(given: Any, path: str, problems: list[FieldError]) -> Any:
    if isinstance(given, list):
        return [_plain(item, f"{path}{number}.", problems) for number, item in enumerate(given)]
    if not dataclasses.is_dataclass(given):
        return given
    values_ = {one: getattr(given, one.name) for one in dataclasses.fields(given)}
    return {one.name: _member(one, value, path, problems) for one, value in values_.items() if value is not None}


def _member(one: dataclasses.Field[Any], value: Any, path: str, problems: list[FieldError]) -> Any:
    if "by_day" in one.metadata:
        return {item.day.isoformat(): item.quantity for item in value}
    if "id_of" in one.metadata:
        return _key(value, one.metadata, path + one.name, problems)
    return _plain(value, f"{path}{one.name}.", problems)


def _key(given: str, names: Mapping[str, Any], path: str, problems: list[FieldError]) -> str | None:
    with suppress(ValueError):
        return str(UUID(given if names.get("plain") else ""))
    try:
        return str(key_of(given, names["id_of"]))
    except Malformed as error:
        problems.append(FieldError(path, str(error)))
        return None


def _value(contract: Any, names: str = "", **more: Any) -> Any:
    name = f"{contract.__name__}Input"
    _INPUTS[contract] = input_type(name, f"As in `{contract.__name__}`.", fields_of(contract, names) | more)
    return _INPUTS[contract]


@strawberry.input(description="As in `DayQuantity`.")
class DayQuantityInput:
    day: date = field(description="A local day of the resource's site.")
    quantity: int = field(description="In the resource's unit; 0 closes.")


_value(values.Money)
_value(values.Variant)
_value(values.Operation)
_value(values.Terms)
_value(values.Allocation, "resource_id day quantity")
_value(orders.Line, "product_id sku quantity")
_value(
    values.Calendar,
    "weekly starts_on ends_on",
    exceptions=field(
        description="Public holidays, closures, overtime.",
        graphql_type=list[DayQuantityInput],
        default_factory=list,
        metadata={"by_day": True},
    ),
)
