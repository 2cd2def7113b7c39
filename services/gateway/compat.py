"""Does the schema still serve who was built against the last release?

    python -m services.gateway.compat              compare with released/schema.graphql; exit 1 and say what breaks
    python -m services.gateway.compat --release    compare, then remember the present schema as the released one

What breaks a client is kept, deprecated with a reason and the date it goes away (`Use x instead. Until 2027-06-30.`),
or allowed by name: the sentence that is printed here is a line of released/allowed.txt. A release empties that file.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from graphql import GraphQLSchema, build_schema, find_breaking_changes

from services.gateway.sdl import generated

RELEASED = Path(__file__).parent / "released" / "schema.graphql"
ALLOWED = RELEASED.with_name("allowed.txt")
_DATED = re.compile(r"\. Until \d{4}-\d{2}-\d{2}\.$")


def breaks(old: GraphQLSchema, new: GraphQLSchema) -> list[str]:
    """What in `new` breaks a client of `old`, a sentence each."""
    return sorted(change.description for change in find_breaking_changes(old, new))


def undated(schema: GraphQLSchema) -> list[str]:
    """What is deprecated without saying until when: coordinates of fields, arguments and values."""
    return [where for where, reason in _deprecated(schema) if not _DATED.search(reason)]


def _deprecated(schema: GraphQLSchema) -> Iterator[tuple[str, str]]:
    for name, kind in schema.type_map.items():
        members = {**getattr(kind, "fields", {}), **getattr(kind, "values", {})}
        parts = {f"{name}.{member}": part for member, part in members.items()}
        for where, part in list(parts.items()):
            parts |= {f"{where}({argument}:)": given for argument, given in getattr(part, "args", {}).items()}
        yield from ((where, part.deprecation_reason) for where, part in parts.items() if part.deprecation_reason)


def faults(old: str, new: str, allowed: list[str]) -> list[str]:
    """What is wrong with the schema `new` after `old`, a sentence each that says what to do."""
    schema = build_schema(new)
    found = breaks(build_schema(old), schema)
    return [
        *(
            f"{one} Keep it, deprecated and dated, or write this sentence in {ALLOWED.name}."
            for one in found
            if one not in allowed
        ),
        *(f"{ALLOWED.name} allows what does not happen, strike it out: {one}" for one in allowed if one not in found),
        *(f"{where} is deprecated: end the reason with the date, `Until 2027-06-30.`" for where in undated(schema)),
    ]


def main() -> int:
    """Run from the command line."""
    allowed = ALLOWED.read_text().splitlines()
    if found := faults(RELEASED.read_text(), generated(), allowed):
        print(*found, sep="\n", file=sys.stderr)
        return 1
    print(f"Nothing breaks who was built against the last release; allowed by name: {len(allowed)}.")
    if "--release" in sys.argv[1:]:
        RELEASED.write_text(generated())
        ALLOWED.write_text("")
    return 0


if __name__ == "__main__":
    sys.exit(main())
