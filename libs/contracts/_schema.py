"""JSON Schemas of the events: what msgspec says of the types, with the docstrings below the fields as descriptions."""

from enum import Enum
from typing import Any, get_args

import msgspec

from libs.contracts._base import REGISTRY, Event
from libs.contracts.docstrings import meanings, text

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
PLAIN_NAMES = {"uuid": "UUID", "date": "day", "date-time": "instant", "string": "text"}
STRUCTURE = {"type", "format", "$ref", "anyOf", "items", "properties", "required", "additionalProperties", "enum"}
NOTES = {"title", "description", "$schema", "$defs", "x-cloudevents-type", "x-kafka-topic"}


def event_schemas() -> dict[str, Schema]:
    """One self-contained JSON Schema (2020-12) per event, by CloudEvents type."""
    return {name: event_schema(cls) for name, cls in sorted(REGISTRY.items())}


def event_schema(cls: type[Event]) -> Schema:
    """The schema of one event's JSON value; every shared type is inside, under `$defs`."""
    types = described([cls], ref_template="#/$defs/{name}")
    body = types.pop(cls.__name__)
    head = {"$schema": DIALECT, "x-cloudevents-type": cls.type, "x-kafka-topic": cls.topic}
    return head | body | {"$defs": types}


def described(events: list[type[Event]], ref_template: str) -> dict[str, Schema]:
    """The schema of every type that `events` are made of, themselves included, by class name."""
    _, schemas = msgspec.json.schema_components(events, ref_template=ref_template)
    for name, cls in classes(events).items():
        _describe(schemas[name], cls)
    return schemas


def classes(events: list[type[Event]]) -> dict[str, type]:
    """Every struct and enum that `events` are made of, themselves included, by class name."""
    found: dict[str, type] = {}
    for cls in events:
        _gather(cls, found)
    return found


def _gather(hint: Any, found: dict[str, type]) -> None:
    for inner in get_args(hint):
        _gather(inner, found)
    if not isinstance(hint, type) or not issubclass(hint, msgspec.Struct | Enum) or found.get(hint.__name__) is hint:
        return
    if found.setdefault(hint.__name__, hint) is not hint:
        raise ValueError(f"two types of the contracts are named {hint.__name__}: rename one, schemas go by that name")
    if issubclass(hint, msgspec.Struct):
        for field in msgspec.structs.fields(hint):
            _gather(field.type, found)


def _describe(schema: Schema, cls: type) -> None:
    if issubclass(cls, Enum):
        schema["enum"] = [member.value for member in cls]  # msgspec sorts them; the author's order tells the life
        return
    if issubclass(cls, Event):
        schema["description"] = "\n\n".join(dict.fromkeys([text(cls), text(state(cls))]))
    for field, meaning in meanings(cls).items():
        schema["properties"][field]["description"] = meaning


def state(cls: type[Event]) -> type[Event]:
    """The struct that holds an event's fields: what the events of one aggregate share."""
    parent = cls.__mro__[1]
    return parent if issubclass(parent, Event) and parent is not Event else cls


def kind(schema: Schema) -> str:
    """A schema in a few words, for people: `list of Allocation`, `UUID or null`, `integer (minimum 0)`."""
    rules = [f"{key} {value}" for key, value in schema.items() if key not in STRUCTURE | NOTES]
    return _shape(schema) + (f" ({', '.join(rules)})" if rules else "")


def _shape(schema: Schema) -> str:
    match schema:
        case {"$ref": ref}:
            shape = ref.rsplit("/", 1)[-1]
        case {"anyOf": choices}:
            shape = " or ".join(kind(choice) for choice in choices)
        case {"enum": values}:
            shape = "one of " + ", ".join(map(str, values))
        case {"type": "array", "items": items}:
            shape = f"list of {kind(items)}"
        case {"type": "object", "additionalProperties": {} as values}:
            shape = f"map of text to {kind(values)}"
        case _:
            name = schema.get("format") or schema.get("title") or schema.get("type", "anything")
            shape = PLAIN_NAMES.get(name, name)
    return str(shape)
