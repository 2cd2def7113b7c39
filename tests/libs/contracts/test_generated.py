"""The committed schemas, AsyncAPI document and page are what the types say; tools that we did not write read them."""

import json
from pathlib import Path
from typing import Any

import pytest

from libs.contracts import REGISTRY, build, topics
from libs.contracts._asyncapi import document, draft_7
from libs.contracts._schema import event_schema, kind

SCHEMAS = {path.stem: json.loads(path.read_text()) for path in (build.HERE / "schemas").glob("*.json")}
ASYNCAPI = json.loads((build.HERE / "asyncapi.json").read_text())
PAGE = (build.ROOT / "docs" / "events.md").read_text()


def nodes(node: Any) -> list[dict[str, Any]]:
    """Every object inside a JSON document."""
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return ([node] if isinstance(node, dict) else []) + [found for item in inner for found in nodes(item)]


def resolve(root: dict[str, Any], ref: str) -> Any:
    """What a local reference points at; KeyError: nothing."""
    found: Any = root
    for part in ref.removeprefix("#/").split("/"):
        found = found[part]
    return found


def test_the_committed_files_are_the_generated_ones() -> None:
    assert build.drift(build.generated()) == []
    assert build.main(["--check"]) == 0


def test_drift_is_told_in_a_sentence_each(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setattr(build, "HERE", tmp_path)
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "gone.json").write_text("{}")
    (tmp_path / "page.md").write_text("old")
    monkeypatch.setattr(build, "generated", lambda: {tmp_path / "page.md": "new", tmp_path / "new.json": "{}"})

    assert build.main(["--check"]) == 1
    do = "run `python -m libs.contracts.build` and commit the result."
    assert capsys.readouterr().err.splitlines() == [
        f"new.json is missing: {do}",
        f"page.md is not what libs/contracts says: {do}",
        f"schemas/gone.json belongs to no event: {do}",
    ]
    assert (tmp_path / "page.md").read_text() == "old"

    assert build.main([]) == 0
    assert build.main(["--check"]) == 0
    assert not (tmp_path / "schemas" / "gone.json").exists()


def test_every_event_has_a_schema_that_needs_no_other_file() -> None:
    assert SCHEMAS.keys() == REGISTRY.keys()
    for schema in SCHEMAS.values():
        for node in nodes(schema):
            if "$ref" in node:
                assert node["$ref"].startswith("#/$defs/")
                resolve(schema, node["$ref"])


def test_a_schema_tells_what_the_docstrings_tell() -> None:
    schema = event_schema(REGISTRY["filiera.orders.order_placed.v1"])
    assert schema["description"] == "A shop asked for pieces; capacity is to hold room.\n\nState of an order."
    assert schema["properties"]["party_id"]["description"] == "The buyer."
    assert schema["properties"]["version"]["description"].startswith("1 for a new aggregate")
    assert schema["$defs"]["OrderState"]["enum"][0] == "placed"


def test_a_channel_is_a_topic_of_twelve_partitions_keyed_by_the_aggregate() -> None:
    assert set(ASYNCAPI["channels"]) == {topic for name in ("capacity", "catalog", "orders") for topic in topics(name)}
    for topic, channel in ASYNCAPI["channels"].items():
        kafka = channel["bindings"]["kafka"]
        assert (channel["address"], kafka["topic"], kafka["partitions"]) == (topic, topic, 12)
        assert set(channel["messages"]) == {cls.type for cls in REGISTRY.values() if cls.topic == topic}
    for message in ASYNCAPI["components"]["messages"].values():
        assert message["bindings"]["kafka"]["key"] == {"type": "string", "format": "uuid"}


def test_every_reference_of_the_document_leads_somewhere_and_stands_alone() -> None:
    for node in nodes(ASYNCAPI):
        if "$ref" in node:
            assert list(node) == ["$ref"], "draft 7 ignores what stands beside a reference"
            resolve(ASYNCAPI, node["$ref"])


def test_a_reference_with_a_description_is_wrapped() -> None:
    wrapped = draft_7({"items": [{"$ref": "#/a", "description": "why"}]})
    assert wrapped == {"items": [{"allOf": [{"$ref": "#/a"}], "description": "why"}]}


def test_the_document_names_no_host_but_this_machine() -> None:
    assert ASYNCAPI["servers"]["broker"]["host"] == "{brokers}"
    assert ASYNCAPI["servers"]["broker"]["variables"]["brokers"]["default"].startswith("127.0.0.1:")


def test_the_document_bears_the_version_of_the_platform() -> None:
    assert document("7.8.9")["info"]["version"] == "7.8.9"


def test_the_page_has_every_event_and_every_field() -> None:
    for name, schema in SCHEMAS.items():
        assert f"| `{name}` |" in PAGE
        assert all(f"| `{field}` |" in PAGE for field in schema["properties"])
    assert "| |" not in PAGE.replace("  ", " ")


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "string"}, "text"),
        ({"type": "string", "format": "date-time"}, "instant"),
        ({"type": "integer", "minimum": 0}, "integer (minimum 0)"),
        ({"anyOf": [{"$ref": "#/$defs/Money"}, {"type": "null"}]}, "Money or null"),
        ({"type": "array", "items": {"type": "string", "format": "uuid"}}, "list of UUID"),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "map of text to integer"),
        ({"enum": ["a", "b"]}, "one of a, b"),
        ({}, "anything"),
    ],
)
def test_a_type_is_told_in_plain_words(schema: dict[str, Any], words: str) -> None:
    assert kind(schema) == words
