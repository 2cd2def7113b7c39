"""Which language a caller asks for (RFC 9110, section 12.5.4)."""

import re
from functools import lru_cache
from typing import Literal, get_args

Language = Literal["en", "it"]

_LANGUAGES: tuple[Language, ...] = get_args(Language)
_LONGEST = 500
"""Characters: browsers send a tenth of that. A longer header asks for nothing."""
_RANGE = re.compile(
    r"(?P<name>\*|[a-z]{1,8})(-[a-z0-9]{1,8})*"
    r"([ \t]*;[ \t]*q=(?P<quality>0(\.[0-9]{0,3})?|1(\.0{0,3})?))?",
    re.IGNORECASE,
)


def preferred(header: str) -> Language:
    """The language that an `Accept-Language` prefers: of those liked alike the one named first, English if none is.

    A range of a region (`it-CH`) asks for its language. What is no range, or has no such quality, is passed over.
    """
    return _preferred(header) if len(header) <= _LONGEST else "en"


@lru_cache(256)
def _preferred(header: str) -> Language:
    liked: dict[str, float] = {}
    for part in header.split(","):
        if found := _RANGE.fullmatch(part.strip(" \t")):
            name, quality = found["name"].lower(), float(found["quality"] or 1)
            liked[name] = max(quality, liked.get(name, 0.0))
    rest = liked.get("*", 0.0)
    named = [one for name in liked for one in _LANGUAGES if one == name]
    best = max([*named, *_LANGUAGES], key=lambda one: liked.get(one, rest))
    return best if liked.get(best, rest) else "en"
