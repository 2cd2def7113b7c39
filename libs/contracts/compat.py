"""Does what is published today still serve who was built against the last release?

    python -m libs.contracts.compat                    compare with released/schemas.json; exit 1 and say what breaks
    python -m libs.contracts.compat --release 0.2.0    compare, then remember the present schemas as that release

Old readers meet new records, and new readers meet old ones, which compacted topics keep for ever. So within a version
an event may only gain optional fields, and everything else is a new version beside the old. That holds for a new enum
value too: msgspec, like most typed readers, refuses a record whose value it does not know. Words may change freely.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from libs.contracts._schema import NOTES, Schema, event_schemas, kind

RELEASED = Path(__file__).parent / "released" / "schemas.json"

TOPIC = "x-kafka-topic"
NESTED = {"properties", "required", "enum", "anyOf", "items"}


def breaks(old: dict[str, Schema], new: dict[str, Schema]) -> list[str]:
    """What in `new` breaks a reader or a record of `old` (JSON Schemas by event type); empty: nothing does.

    Each sentence names event and field, and says what to do.
    """
    return [sentence for name in sorted(old) for sentence in _event_breaks(name, old[name], new.get(name))]


def _event_breaks(name: str, old: Schema, new: Schema | None) -> list[str]:
    if new is None:
        return [f"{name} was removed. Keep it, and publish {successor(name)} beside it."]
    comparison = _Comparison(name, old, new)
    moved = [comparison.say("", f"moved from topic {old[TOPIC]} to {new[TOPIC]}")] if old[TOPIC] != new[TOPIC] else []
    return moved + list(comparison.values("", old, new))


def successor(name: str) -> str:
    """The next version of an event type: `filiera.orders.order_placed.v1` -> `filiera.orders.order_placed.v2`."""
    return re.sub(r"\d+$", lambda number: str(int(number[0]) + 1), name)


@dataclass(frozen=True)
class _Comparison:
    event: str
    old_root: Schema
    new_root: Schema

    def say(self, path: str, what: str) -> str:
        subject = f"field `{path}` " if path else ""
        return f"{self.event}: {subject}{what}. Leave it as it was, and publish the change as {successor(self.event)}."

    def values(self, path: str, old: Schema, new: Schema) -> Iterator[str]:
        """Compare what stands at one place of the two schemas."""
        was, now = _resolve(old, self.old_root), _resolve(new, self.new_root)
        if _rules(was) != _rules(now):
            yield self.say(path, f"was {kind(was)} and is {kind(now)}")
            return
        yield from self.enums(path, was, now)
        yield from self.fields(path, was, now)
        if "items" in was:
            yield from self.values(f"{path}[]", was["items"], now["items"])
        if isinstance(was.get("additionalProperties"), dict):
            yield from self.values(f"{path}{{}}", was["additionalProperties"], now["additionalProperties"])
        for choice_was, choice_is in zip(was.get("anyOf", []), now.get("anyOf", []), strict=True):
            yield from self.values(path, choice_was, choice_is)

    def enums(self, path: str, was: Schema, now: Schema) -> Iterator[str]:
        before, after = was.get("enum", []), now.get("enum", [])
        for value in [value for value in before if value not in after]:
            yield self.say(path, f"lost the value {value!r}, which old records hold")
        for value in [value for value in after if value not in before]:
            yield self.say(path, f"gained the value {value!r}, which old readers refuse")

    def fields(self, path: str, was: Schema, now: Schema) -> Iterator[str]:
        before, after = was.get("properties", {}), now.get("properties", {})
        for name in before:
            inner = f"{path}.{name}".lstrip(".")
            if name not in after:
                yield self.say(inner, "was removed")
                continue
            yield from self.duty(inner, name in was.get("required", []), name in now.get("required", []))
            yield from self.values(inner, before[name], after[name])
        for name in sorted((after.keys() - before.keys()) & set(now.get("required", []))):
            yield self.say(f"{path}.{name}".lstrip("."), "is new and required; with a default it would be welcome")

    def duty(self, path: str, was_required: bool, is_required: bool) -> Iterator[str]:
        if is_required and not was_required:
            yield self.say(path, "was optional and is required, but old records lack it")
        if was_required and not is_required:
            yield self.say(path, "was required and is optional, but old readers demand it")


def _resolve(schema: Schema, root: Schema) -> Schema:
    """Follow a reference into `$defs`; what stands beside it (a default) goes along."""
    if "$ref" not in schema:
        return schema
    beside = {key: value for key, value in schema.items() if key != "$ref"}
    return _resolve(root["$defs"][schema["$ref"].rsplit("/", 1)[-1]] | beside, root)


def _rules(schema: Schema) -> dict[str, Any]:
    """All that must stay as it is at one place: every keyword, but of nested schemas only how many there are."""
    nested = {key: len(schema["anyOf"]) if key == "anyOf" else "any" for key in NESTED & schema.keys() - {"required"}}
    own = {key: value for key, value in schema.items() if key not in NESTED | NOTES}
    if isinstance(own.get("additionalProperties"), dict):
        own["additionalProperties"] = "a schema"
    return own | nested


def main(arguments: list[str]) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m libs.contracts.compat", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--release", metavar="VERSION", help="remember the present schemas as this release")
    version = parser.parse_args(arguments).release
    last = last_release()
    present = event_schemas()
    found = breaks(last["events"], present)
    for sentence in found:
        print(sentence, file=sys.stderr)
    if found:
        return 1
    print(f"{len(present)} events; nothing breaks who was built against release {last['release']}.")
    if version:
        remember(version, present)
    return 0


def last_release() -> dict[str, Any]:
    """`{"release": version, "events": {type: schema}}`; with no events before the first release."""
    if not RELEASED.exists():
        return {"release": "none", "events": {}}
    last: dict[str, Any] = json.loads(RELEASED.read_text("utf-8"))
    return last


def remember(version: str, schemas: dict[str, Schema]) -> None:
    """Write `schemas` as those of release `version`."""
    RELEASED.parent.mkdir(exist_ok=True)
    RELEASED.write_text(json.dumps({"release": version, "events": schemas}, indent=2) + "\n", "utf-8")
    print(f"Release {version} remembered in {RELEASED.name}: commit it with the release.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
