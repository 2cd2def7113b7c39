"""`docs/events.md`: the events as a page to read."""

import json
from enum import Enum
from itertools import groupby

import msgspec

from libs.contracts._base import PARTITIONS, REGISTRY, Event, topics
from libs.contracts._examples import example, headers, value
from libs.contracts._schema import Schema, classes, described, kind, state
from libs.contracts.docstrings import text

INTRODUCTION = f"""\
# Events

*Generated from `libs/contracts/` by `python -m libs.contracts.build`; change the types, not this page.*

Services tell each other what happened by events, and by nothing else in the background. An event carries the
aggregate's **whole new state** and its `version`, so a reader that missed ten is right after the eleventh: keep the
newest version of each id and skip what is older.

- A record is a CloudEvent 1.0 in Kafka's binary mode: attributes in the headers, the state as JSON in the value.
- Topic `<service>.<aggregate>`, written by that service alone; {PARTITIONS} partitions; compacted.
- The key is the aggregate's id, so one aggregate's events keep their order; between aggregates there is none.
- At least once: the same record may come again, with the same `ce_id` and the same `version`.
- A *day* is a local day of the site, `YYYY-MM-DD`; an *instant* is RFC 3339 in UTC; a *UUID* is text.

For machines: a JSON Schema (2020-12) per event in [`libs/contracts/schemas/`](../libs/contracts/schemas), the whole as
AsyncAPI 3.0 in [`libs/contracts/asyncapi.json`](../libs/contracts/asyncapi.json).

## What may change

`python -m libs.contracts.compat` compares with the last release. Within a version an event may gain optional fields;
readers ignore fields that they do not know. All else is a new version (`.v2`) beside the old one: a field removed, of
another type, with another default, or newly required; an event removed or moved; and **an enum value removed or
added**, because typed readers refuse a record with a value they do not know.
"""


def page() -> str:
    """The page, as Markdown."""
    services = sorted({cls.topic.split(".")[0] for cls in REGISTRY.values()})
    parts = [INTRODUCTION, _contents(services), *map(_service, services), _values()]
    return "\n".join(parts).rstrip() + "\n"


def _contents(services: list[str]) -> str:
    lines = [
        f"- **{service}**: " + ", ".join(f"[{topic}](#{topic.replace('.', '')})" for topic in topics(service))
        for service in services
    ]
    return "\n".join(["## Topics", "", *lines, "- [Values](#values) that several events share", ""])


def _service(service: str) -> str:
    return "\n".join([f"## {service}", "", *map(_topic, topics(service))])


def _topic(topic: str) -> str:
    events = [cls for cls in REGISTRY.values() if cls.topic == topic]
    told = [[f"`{cls.type}`", text(cls)] for cls in events]
    states = [_state(list(of)) for _, of in groupby(events, state)]
    return "\n".join([f"### {topic}", "", _table(["event", "when"], told), *states, _record(topic)])


def _state(events: list[type[Event]]) -> str:
    schema = described(events, ref_template="{name}")[events[0].__name__]
    return "\n".join([text(state(events[0])), "", _fields(schema)])


def _fields(schema: Schema) -> str:
    required = schema.get("required", [])
    rows = [[f"`{name}`", *_field(field, name in required)] for name, field in schema["properties"].items()]
    return _table(["field", "type", "meaning"], rows)


def _field(schema: Schema, required: bool) -> list[str]:
    default = schema.get("default")
    shape = kind({key: item for key, item in schema.items() if key != "default"})
    if required:
        return [shape, schema.get("description", "")]
    otherwise = "Optional." if default in (None, [], {}) else f"Optional; `{default}` if absent."
    return [shape, f"{schema.get('description', '')} {otherwise}".lstrip()]


def _record(topic: str) -> str:
    event = example(topic)
    head = {"topic": topic, "key": str(event.id)} | headers(event)
    width = max(map(len, head))
    body = json.dumps(value(event), indent=2, ensure_ascii=False)
    lines = [f"{name:<{width}}  {text}" for name, text in head.items()]
    return "\n".join(["A record:", "", "```text", *lines, "```", "", "```json", body, "```", ""])


def _values() -> str:
    events = list(REGISTRY.values())
    schemas = described(events, ref_template="{name}")
    shared = {name: cls for name, cls in sorted(classes(events).items()) if not issubclass(cls, Event)}
    return "\n".join(["## Values", "", *(_value(name, cls, schemas[name]) for name, cls in shared.items())])


def _value(name: str, cls: type, schema: Schema) -> str:
    if issubclass(cls, msgspec.Struct):
        return "\n".join([f"### {name}", "", text(cls), "", _fields(schema)])
    assert issubclass(cls, Enum)  # noqa: S101  there is nothing else among the values
    return "\n".join([f"### {name}", "", text(cls), "", kind(schema).capitalize() + ".", ""])


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    cells = [[" ".join(cell.split()).replace("|", r"\|") for cell in line] for line in lines]
    return "\n".join([*(f"| {' | '.join(line)} |" for line in cells), ""])
