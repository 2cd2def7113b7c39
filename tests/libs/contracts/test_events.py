"""What every event promises to who reads and writes it."""

import inspect
import json
import re
from datetime import UTC, datetime
from typing import Annotated, Any, get_args, get_origin
from uuid import UUID

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.contracts import REGISTRY, Event, event, topics
from libs.contracts._examples import EXAMPLES, example
from libs.contracts._schema import classes, state
from libs.contracts.docstrings import meanings

EVENTS = [pytest.param(cls, id=name) for name, cls in REGISTRY.items()]
SERVICES = {"capacity", "catalog", "orders"}

st.register_type_strategy(datetime, st.datetimes(timezones=st.just(UTC)))
st.register_type_strategy(int, st.integers(-(2**63), 2**63 - 1))
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))


def any_value(struct: type) -> st.SearchStrategy[Any]:
    """Any value of a struct, every field given."""
    return st.builds(struct, **{field.name: within_bounds(field.type) for field in msgspec.structs.fields(struct)})


def within_bounds(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of a field's type that its bounds (msgspec.Meta) allow."""
    if get_origin(kind) is not Annotated:
        return st.from_type(kind)
    plain_kind, meta = get_args(kind)
    if meta.pattern:
        return st.from_regex(meta.pattern, fullmatch=True).map(str.strip)
    if meta.ge is not None:
        return st.integers(meta.ge, 2**63 - 1)
    if meta.min_length is not None:
        return st.lists(st.from_type(get_args(plain_kind)[0]), min_size=meta.min_length, max_size=meta.max_length)
    return st.from_type(plain_kind)


for shared in classes(list(REGISTRY.values())).values():
    if issubclass(shared, msgspec.Struct) and not issubclass(shared, Event):
        st.register_type_strategy(shared, any_value)


def plain(cls: type[Event]) -> dict[str, Any]:
    """The JSON value of a typical event of `cls`."""
    value: dict[str, Any] = msgspec.to_builtins(example(cls.topic))
    return value


def decode(cls: type[Event], value: dict[str, Any]) -> Event:
    return msgspec.json.decode(json.dumps(value), type=cls)


@pytest.mark.parametrize("cls", EVENTS)
# Large events take long to be made up where the machine is busy.
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_an_event_comes_back_from_json_as_it_was(cls: type[Event], data: st.DataObject) -> None:
    told = data.draw(any_value(cls))
    assert msgspec.json.decode(msgspec.json.encode(told), type=cls) == told


@pytest.mark.parametrize("cls", EVENTS)
def test_a_field_from_the_future_is_ignored(cls: type[Event]) -> None:
    value = plain(cls)
    assert decode(cls, value | {"since_next_year": [1, {"a": None}]}) == decode(cls, value)


@pytest.mark.parametrize("cls", EVENTS)
def test_a_record_from_before_an_optional_field_is_read(cls: type[Event]) -> None:
    required = {field.name for field in msgspec.structs.fields(cls) if field.required}
    old = {name: item for name, item in plain(cls).items() if name in required}
    assert msgspec.to_builtins(decode(cls, old)).keys() == set(cls.__struct_fields__)


@pytest.mark.parametrize("cls", EVENTS)
def test_no_required_field_may_lack(cls: type[Event]) -> None:
    for field in msgspec.structs.fields(cls):
        lacking = {name: item for name, item in plain(cls).items() if name != field.name}
        if field.required:
            with pytest.raises(msgspec.ValidationError, match=field.name):
                decode(cls, lacking)


@pytest.mark.parametrize("cls", EVENTS)
def test_a_bad_value_is_refused_with_its_place(cls: type[Event]) -> None:
    for field in msgspec.structs.fields(cls):
        with pytest.raises(msgspec.ValidationError, match=re.escape(f"$.{field.name}")):
            decode(cls, plain(cls) | {field.name: True})


def test_an_unknown_state_is_refused() -> None:
    cls = REGISTRY["filiera.orders.order_placed.v1"]
    with pytest.raises(msgspec.ValidationError, match="state"):
        decode(cls, plain(cls) | {"state": "daydreaming"})


@pytest.mark.parametrize("cls", EVENTS)
def test_an_event_cannot_be_changed(cls: type[Event]) -> None:
    told = decode(cls, plain(cls))
    with pytest.raises(AttributeError):
        told.version = 2  # type: ignore[misc]  # it is what must fail


@pytest.mark.parametrize("cls", EVENTS)
def test_an_event_is_named_after_what_happened_to_an_aggregate_of_its_service(cls: type[Event]) -> None:
    assert re.fullmatch(r"filiera\.[a-z]+\.[a-z_]+(ed|withdrawn)\.v[1-9]\d*", cls.type)
    assert re.fullmatch(r"[a-z]+\.[a-z]+", cls.topic)
    service = cls.type.split(".")[1]
    assert cls.topic.split(".")[0] == service
    assert service in SERVICES
    assert re.fullmatch(rf"libs\.contracts\.{service}(_[a-z]+)?", cls.__module__)
    assert REGISTRY[cls.type] is cls


@pytest.mark.parametrize("cls", EVENTS)
def test_an_event_carries_id_and_version_and_says_when_it_happens(cls: type[Event]) -> None:
    assert cls.__struct_fields__[:2] == ("id", "version")
    assert inspect.getdoc(cls) != inspect.getdoc(state(cls))
    assert cls.__doc__
    assert meanings(cls).keys() == set(cls.__struct_fields__)


def test_events_of_one_topic_share_one_state() -> None:
    for topic in {cls.topic for cls in REGISTRY.values()}:
        states = {(state(cls), cls.type.rsplit(".", 1)[1]) for cls in REGISTRY.values() if cls.topic == topic}
        assert len(states) == len({version for _, version in states}), topic


def test_every_topic_has_one_owner_and_one_example() -> None:
    owned = [topic for service in SERVICES for topic in topics(service)]
    assert sorted(owned) == sorted({cls.topic for cls in REGISTRY.values()})
    assert sorted(event.topic for event in EXAMPLES) == sorted(owned)


def test_two_events_cannot_have_one_name() -> None:
    class Again(Event, frozen=True, kw_only=True):
        """A second event that wants the first one's name."""

    with pytest.raises(ValueError, match=r"two events are named filiera\.orders\.order_placed\.v1"):
        event("orders", "order", "order_placed")(Again)
    assert REGISTRY["filiera.orders.order_placed.v1"] is not Again


def test_two_types_cannot_have_one_name() -> None:
    class Money(msgspec.Struct):
        """Not the Money that everybody means."""

    class Gift(Event, frozen=True, kw_only=True):
        """An event of both."""

        amount: Money

    with pytest.raises(ValueError, match="two types of the contracts are named Money"):
        classes([REGISTRY["filiera.orders.order_placed.v1"], Gift])


def test_ids_travel_as_text() -> None:
    value = json.loads(msgspec.json.encode(EXAMPLES[0]))
    assert str(UUID(value["id"])) == value["id"]
