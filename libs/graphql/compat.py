"""Does a schema still serve who was built against the last release?

What breaks a client is kept, deprecated with a reason and the date it goes away (`Use x instead. Until 2027-06-30.`),
or allowed by name: by the sentence that tells of it here. A release begins with nothing allowed.
"""

import re
from collections.abc import Collection, Iterator

from graphql import GraphQLSchema, build_schema, find_breaking_changes

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


def faults(old: str, new: str, allowed: Collection[str]) -> list[str]:
    """What is wrong with the schema `new` after `old`, both in SDL, a sentence each that says what to do."""
    schema = build_schema(new)
    found = breaks(build_schema(old), schema)
    return [
        *(f"{one} Keep it, deprecated and dated, or allow this sentence." for one in found if one not in allowed),
        *(f"Allowed, but it does not happen, so strike it out: {one}" for one in allowed if one not in found),
        *(f"{where} is deprecated: end the reason with the date, `Until 2027-06-30.`" for where in undated(schema)),
    ]
