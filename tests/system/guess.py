"""Valid input for any route or field, made from its schema, with a given id wherever an id is asked for.

This is what lets a new route or field be walked without being told.
"""

import json
from typing import Any

Json = dict[str, Any]

_TEXTS = {"date": "2027-03-01", "date-time": "2027-03-01T08:00:00Z", "time": "08:00:00"}
_LONG = {"weekly": 7, "lots": 2}
"""Lists that have so many items at least."""
_EITHER = {"PromiseInput": "routing", "HoldPromiseInput": "routing", "LotInput": "routing"}
_EITHER |= {"JoinWaitlistInput": "resourceId", "ChangeWorkInput": "name"}
"""Of what may be left out, but not all of it, this is given."""
_NAMED = {"time_zone": "Europe/Rome", "timeZone": "Europe/Rome", "currency": "EUR", "process": "cutting"}


def body(schema: Json, root: Json, identity: str, name: str = "") -> Any:
    """The smallest valid value of a JSON Schema; `identity` for every UUID."""
    if "$ref" in schema:
        return body(root["components"]["schemas"][schema["$ref"].rpartition("/")[2]], root, identity, name)
    if options := schema.get("anyOf") or schema.get("allOf"):
        return body(options[0], root, identity, name)
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "object":
        wanted = schema.get("required") or list(schema.get("properties", {}))[: schema.get("minProperties", 0)]
        return {key: body(schema["properties"][key], root, identity, key) for key in wanted}
    if schema.get("type") == "array":
        return [body(schema["items"], root, identity, name)] * _LONG.get(name, 1)
    return _scalar(schema, identity, name)


def _scalar(schema: Json, identity: str, name: str) -> Any:
    if schema.get("type") in ("integer", "number"):
        return max(1, schema.get("minimum", 1))
    if schema.get("type") == "boolean":
        return False
    if schema.get("format") == "uuid":
        return identity
    return _NAMED.get(name) or _TEXTS.get(schema.get("format", "")) or "x" * max(4, schema.get("minLength", 1))


def argument(kind: Json, types: dict[str, Json], identity: str, name: str = "") -> Any:
    """The smallest valid value of a GraphQL input type (as introspected); `identity` for every ID."""
    if kind["kind"] == "NON_NULL":
        return argument(kind["ofType"], types, identity, name)
    if kind["kind"] == "LIST":
        return [argument(kind["ofType"], types, identity, name)] * _LONG.get(name, 1)
    if kind["kind"] == "ENUM":
        return types[kind["name"]]["enumValues"][0]["name"]
    if kind["kind"] == "INPUT_OBJECT":
        either = _EITHER.get(kind["name"])
        fields = [one for one in types[kind["name"]]["inputFields"] if _required(one) or one["name"] == either]
        return {one["name"]: argument(one["type"], types, identity, one["name"]) for one in fields}
    plain = {"ID": identity, "UUID": identity, "Int": 1, "Float": 1.0, "Boolean": False, "Date": _TEXTS["date"]}
    return plain.get(kind["name"]) or _NAMED.get(name, "xxxx")


def _required(field: Json) -> bool:
    return field["type"]["kind"] == "NON_NULL" and field["defaultValue"] is None


def everything(kind: Json, types: dict[str, Json], most: int = 300) -> list[str]:
    """As many levels of a type as operations may ask for, in as many of them as that takes; of an interface each member
    for itself, since fields of one name may differ between them."""
    known = _named(kind, types)
    if members := known.get("possibleTypes") or []:
        parts = [f"... on {one['name']} {text}" for one in members for text in everything(one, types)]
        return _packed(parts, most) if known["kind"] == "UNION" else list(map(_selected, ([part] for part in parts)))
    levels = (_packed(_parts(known, types, depth), most) for depth in (4, 3, 2, 1))
    return next(texts for texts in levels if all(len(text.split()) < most for text in texts))


def _packed(parts: list[str], most: int) -> list[str]:
    """Selections of so many words that have all these parts between them."""
    packed: list[list[str]] = [[]]
    for part in parts:
        if len(_selected([*packed[-1], part]).split()) >= most and packed[-1]:
            packed.append([])
        packed[-1].append(part)
    return list(map(_selected, packed))


def selection(kind: Json, types: dict[str, Json], depth: int) -> str:
    """Every field, so many levels down; the members of unions and interfaces too."""
    known = _named(kind, types)
    if known["kind"] in ("SCALAR", "ENUM"):
        return ""
    members = known.get("possibleTypes") or ()
    inside = [f"... on {member['name']} {selection(member, types, depth)}" for member in members]
    return _selected(_parts(known, types, depth) + inside)


def _named(kind: Json, types: dict[str, Json]) -> Json:
    while kind.get("ofType"):
        kind = kind["ofType"]
    return types[kind["name"]]


def _parts(known: Json, types: dict[str, Json], depth: int) -> list[str]:
    asked = (_field(field, types, depth) for field in known.get("fields") or ())
    return list(dict.fromkeys(filter(None, asked)))


def _selected(parts: list[str]) -> str:
    return "{ __typename " + " ".join(parts) + " }"


def _field(field: Json, types: dict[str, Json], depth: int) -> str:
    wanted = [one for one in field["args"] if _required(one) or one["name"] == "first"]
    given = ", ".join(f"{one['name']}: {_literal(one, types)}" for one in wanted)
    asked = f"{field['name']}({given})" if given else str(field["name"])
    if _named(field["type"], types)["kind"] in ("SCALAR", "ENUM"):
        return asked
    return f"{asked} {selection(field['type'], types, depth - 1)}" if depth else ""


def _literal(one: Json, types: dict[str, Json]) -> str:
    """A small page, or a value of a field's argument."""
    return "2" if one["name"] == "first" else json.dumps(argument(one["type"], types, "", one["name"]))
