"""The AsyncAPI 3.0.0 document: which topics there are, who writes them, and what a record looks like."""

from itertools import groupby
from typing import Any

from libs.contracts._base import PARTITIONS, REGISTRY, TOPIC_CONFIG, Event, source
from libs.contracts._examples import example, headers, value
from libs.contracts._schema import Schema, described
from libs.contracts.docstrings import text

BINDING = "0.5.0"

HEADERS: Schema = {
    "type": "object",
    "title": "CloudEventHeaders",
    "description": "CloudEvents 1.0 attributes, Kafka binding in binary mode, and the W3C trace context.",
    "required": ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_subject", "content-type"],
    "properties": {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": {"type": "string", "format": "uuid", "description": "Of the event; a record sent twice has the same."},
        "ce_source": {"type": "string", "format": "uri-reference", "description": "The service that published it."},
        "ce_type": {"type": "string", "description": "`filiera.<service>.<thing>_<past_tense>.v<N>`."},
        "ce_time": {"type": "string", "format": "date-time", "description": "When it happened, UTC."},
        "ce_subject": {"type": "string", "format": "uuid", "description": "The aggregate's id, also the record's key."},
        "traceparent": {
            "type": "string",
            "pattern": "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
            "description": "W3C trace context of the command that caused it; absent when nothing was traced.",
        },
        "content-type": {"type": "string", "const": "application/json"},
    },
}


def document(version: str) -> dict[str, Any]:
    """The whole document, for release `version` of the platform."""
    events = [REGISTRY[name] for name in sorted(REGISTRY)]
    by_topic = {topic: list(of) for topic, of in groupby(sorted(events, key=_topic_first), lambda cls: cls.topic)}
    schemas = described(events, ref_template="#/components/schemas/{name}")
    return {
        "asyncapi": "3.0.0",
        "id": "urn:filiera:events",
        "info": _info(version),
        "defaultContentType": "application/json",
        "servers": {"broker": _server()},
        "channels": {topic: _channel(topic, of) for topic, of in by_topic.items()},
        "operations": {f"{topic}.publish": _publish(topic, of) for topic, of in by_topic.items()},
        "components": {
            "messages": {cls.type: _message(cls, first=cls is example(cls.topic).__class__) for cls in events},
            "schemas": {"CloudEventHeaders": HEADERS} | {name: draft_7(schemas[name]) for name in sorted(schemas)},
        },
    }


def draft_7(node: Any) -> Any:
    """AsyncAPI's schemas are JSON Schema draft 7, which ignores what stands beside a `$ref`: wrap the reference."""
    if isinstance(node, list):
        return [draft_7(item) for item in node]
    if not isinstance(node, dict):
        return node
    inner = {key: draft_7(item) for key, item in node.items()}
    if "$ref" in inner and len(inner) > 1:
        return {"allOf": [{"$ref": inner.pop("$ref")}]} | inner
    return inner


def _topic_first(cls: type[Event]) -> tuple[str, str]:
    return cls.topic, cls.type


def _info(version: str) -> dict[str, Any]:
    return {
        "title": "Filiera events",
        "version": version,
        "description": (
            "Every event that crosses a service border. An event says what happened and carries the aggregate's whole "
            "new state and version, so the last one of a key is enough. Topics are compacted; delivery is at least "
            "once and in order per key: skip a version already seen."
        ),
        "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        "tags": [{"name": service} for service in sorted({cls.topic.split(".")[0] for cls in REGISTRY.values()})],
    }


def _server() -> dict[str, Any]:
    return {
        "host": "{brokers}",
        "protocol": "kafka",
        "description": "The installation's Kafka, or what `./filiera up` starts.",
        "variables": {
            "brokers": {"default": "127.0.0.1:8009", "description": "Bootstrap servers, the setting `FILIERA_KAFKA`."}
        },
    }


def _channel(topic: str, events: list[type[Event]]) -> dict[str, Any]:
    service, aggregate = topic.split(".")
    return {
        "address": topic,
        "title": topic,
        "description": f"The life of every {aggregate}, written by {service} alone; the key is the {aggregate}'s id.",
        "servers": [{"$ref": "#/servers/broker"}],
        "messages": {cls.type: {"$ref": f"#/components/messages/{cls.type}"} for cls in events},
        "tags": [{"name": service}],
        "bindings": {
            "kafka": {
                "topic": topic,
                "partitions": PARTITIONS,
                "topicConfiguration": {"cleanup.policy": [TOPIC_CONFIG["cleanup.policy"]]},
                "bindingVersion": BINDING,
            }
        },
    }


def _publish(topic: str, events: list[type[Event]]) -> dict[str, Any]:
    service, aggregate = topic.split(".")
    return {
        "action": "send",
        "summary": f"{service} publishes each change of a {aggregate}.",
        "channel": {"$ref": f"#/channels/{topic}"},
        "messages": [{"$ref": f"#/channels/{topic}/messages/{cls.type}"} for cls in events],
        "tags": [{"name": service}],
    }


def _message(cls: type[Event], first: bool) -> dict[str, Any]:
    message: dict[str, Any] = {
        "name": cls.type,
        "title": cls.__name__,
        "summary": text(cls),
        "contentType": "application/json",
        "headers": _headers(cls),
        "payload": {"$ref": f"#/components/schemas/{cls.__name__}"},
        "bindings": {"kafka": {"key": {"type": "string", "format": "uuid"}, "bindingVersion": BINDING}},
    }
    if first:
        event = example(cls.topic)
        message["examples"] = [{"name": cls.__name__, "headers": headers(event), "payload": value(event)}]
    return message


def _headers(cls: type[Event]) -> Schema:
    fixed: Schema = {"ce_type": {"const": cls.type}, "ce_source": {"const": source(cls.topic)}}
    return {
        "type": "object",
        "allOf": [{"$ref": "#/components/schemas/CloudEventHeaders"}, {"type": "object", "properties": fixed}],
    }
