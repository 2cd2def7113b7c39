"""Which changes of the contracts break a reader or a record of the last release."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts import compat
from libs.contracts._schema import Schema, event_schemas
from libs.contracts.compat import breaks

PRESENT = event_schemas()
ORDER = "filiera.orders.order_placed.v1"
RESOURCE = "filiera.capacity.resource_published.v1"
DO = " Leave it as it was, and publish the change as filiera.orders.order_placed.v2."

Change = Callable[[Schema], Any]


def changed(change: Change, name: str = ORDER) -> list[str]:
    """What a change of one event breaks."""
    new = deepcopy(PRESENT)
    change(new[name])
    return breaks(PRESENT, new)


def structs(schema: Schema) -> dict[str, Schema]:
    """Every struct of an event's schema by name; the event itself is ''."""
    inner = {name: part for name, part in schema["$defs"].items() if "properties" in part}
    return {"": schema} | inner


some_event = st.sampled_from(sorted(PRESENT))


def put(place: str, field: str, **rules: Any) -> Change:
    """Put other rules on a field of the event (place '') or of one of its structs."""
    return lambda schema: structs(schema)[place]["properties"][field].update(rules)


def retype(place: str, field: str, other: Schema) -> Change:
    return lambda schema: structs(schema)[place]["properties"].__setitem__(field, other)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda s: s["properties"].pop("due_day"), "field `due_day` was removed."),
        (lambda s: s["$defs"]["Money"]["properties"].pop("currency"), "field `total.currency` was removed."),
        (lambda s: s["$defs"]["Line"]["properties"].pop("sku"), "field `lines[].sku` was removed."),
        (retype("", "version", {"type": "string"}), "field `version` was integer (minimum 1) and is text."),
        (retype("Line", "sku", {"type": "integer"}), "field `lines[].sku` was text and is integer."),
        (retype("", "total", {"type": "integer"}), "field `total` was Money and is integer."),
        (retype("", "lines", {"$ref": "#/$defs/Line"}), "field `lines` was list of Line and is Line."),
        (retype("", "refusal", {"$ref": "#/$defs/Refusal"}), "field `refusal` was Refusal or null (default None)"),
        (put("", "due_day", format="date-time"), "field `due_day` was day and is instant."),
        (put("Line", "quantity", minimum=1), "field `lines[].quantity` was integer and is integer (minimum 1)."),
        (
            put("Money", "currency", default="CHF"),
            "field `total.currency` was text (pattern ^[A-Z]{3}$, default EUR) and is text",
        ),
        (lambda s: s["required"].append("refusal"), "field `refusal` was optional and is required, but old records"),
        (lambda s: s["required"].remove("total"), "field `total` was required and is optional, but old readers"),
        (lambda s: s["$defs"]["OrderState"]["enum"].remove("failed"), "field `state` lost the value 'failed', which"),
        (lambda s: s["$defs"]["OrderState"]["enum"].append("lost"), "field `state` gained the value 'lost', which"),
        (lambda s: s.update({"x-kafka-topic": "orders.line"}), "moved from topic orders.order to orders.line."),
    ],
)
def test_a_breaking_change_names_event_and_field_and_says_what_to_do(change: Change, sentence: str) -> None:
    found = changed(change)
    assert f"{ORDER}: {sentence}" in " ".join(found)
    assert all(line.startswith(ORDER) and line.endswith(DO) for line in found)


def test_a_new_field_must_be_optional() -> None:
    def add(schema: Schema) -> None:
        schema["properties"]["colour"] = {"type": "string"}
        schema["required"].append("colour")

    assert changed(add) == [f"{ORDER}: field `colour` is new and required; with a default it would be welcome.{DO}"]


def test_a_removed_event_breaks() -> None:
    new = {name: schema for name, schema in PRESENT.items() if name != ORDER}
    assert breaks(PRESENT, new) == [
        f"{ORDER} was removed. Keep it, and publish filiera.orders.order_placed.v2 beside it."
    ]


def test_values_inside_a_map_count() -> None:
    def retyped(schema: Schema) -> None:
        schema["$defs"]["Calendar"]["properties"]["exceptions"]["additionalProperties"] = {"type": "string"}

    assert "field `calendar.exceptions{}` was integer and is text" in changed(retyped, RESOURCE)[0]


def test_every_path_to_a_shared_value_is_named() -> None:
    found = changed(lambda schema: schema["$defs"]["Money"]["properties"].pop("amount"))
    assert [line.split("`")[1] for line in found] == ["lines[].price.amount", "total.amount"]


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.update(title="Other", description="Other words."),
        put("Line", "sku", description="Other words."),
        lambda s: s["$defs"]["OrderState"]["enum"].reverse(),
        lambda s: s["required"].reverse(),
        lambda s: (
            s["properties"]["lines"].update(items={"$ref": "#/$defs/Item"})
            or s["$defs"].update(Item=s["$defs"].pop("Line"))
        ),
    ],
    ids=["words", "field's words", "enum order", "required order", "a class renamed"],
)
def test_what_readers_cannot_see_may_change(change: Change) -> None:
    assert changed(change) == []


def test_a_new_event_and_a_new_version_are_welcome() -> None:
    assert breaks(PRESENT, PRESENT | {"filiera.orders.order_placed.v2": {}, "filiera.orders.order_split.v1": {}}) == []


def test_nothing_breaks_what_did_not_change() -> None:
    assert breaks(PRESENT, deepcopy(PRESENT)) == []


@given(data=st.data())
def test_an_optional_field_is_welcome_anywhere(data: st.DataObject) -> None:
    def add(schema: Schema) -> None:
        struct = structs(schema)[data.draw(st.sampled_from(sorted(structs(schema))))]
        struct["properties"]["since_next_year"] = {"type": "integer", "default": 0}

    assert changed(add, data.draw(some_event)) == []


@given(data=st.data())
def test_no_field_can_be_removed_unnoticed(data: st.DataObject) -> None:
    name = data.draw(some_event)
    place = data.draw(st.sampled_from(sorted(structs(PRESENT[name]))))
    field = data.draw(st.sampled_from(sorted(structs(PRESENT[name])[place]["properties"])))

    found = changed(lambda schema: structs(schema)[place]["properties"].pop(field), name)
    assert found
    assert all(line.startswith(name) and f"{field}` was removed" in line for line in found)


@given(data=st.data())
def test_what_is_added_now_cannot_be_taken_back_later(data: st.DataObject) -> None:
    name = data.draw(some_event)
    wider = deepcopy(PRESENT)
    wider[name]["properties"]["since_next_year"] = {"type": "integer", "default": 0}
    assert breaks(PRESENT, wider) == []
    assert len(breaks(wider, PRESENT)) == 1


def test_a_version_after_the_ninth_is_counted_on() -> None:
    assert compat.successor("filiera.orders.order_placed.v9") == "filiera.orders.order_placed.v10"


def test_todays_contracts_serve_who_was_built_against_the_last_release(capsys: pytest.CaptureFixture[str]) -> None:
    assert compat.main([]) == 0, capsys.readouterr().err
    assert "nothing breaks" in capsys.readouterr().out


def test_a_release_is_remembered_only_if_it_breaks_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "released" / "schemas.json"
    monkeypatch.setattr(compat, "RELEASED", file)

    assert compat.main(["--release", "1.0.0"]) == 0
    assert json.loads(file.read_text()) == {"release": "1.0.0", "events": PRESENT}

    fewer = {name: schema for name, schema in PRESENT.items() if name != ORDER}
    monkeypatch.setattr(compat, "event_schemas", lambda: fewer)
    assert compat.main(["--release", "1.1.0"]) == 1
    assert f"{ORDER} was removed" in capsys.readouterr().err
    assert json.loads(file.read_text())["release"] == "1.0.0"
