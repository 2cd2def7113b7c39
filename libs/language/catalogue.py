"""Our sentences in Italian, found by the English ones.

An English sentence stands where it is thrown, whole and readable. Its template is the key of its Italian one in
`italian/<owner>.toml`: what the sentence says at the places of the values is put into the other. So a sentence can be
told in Italian wherever it has come to as text: through Pydantic, an event, a row.
"""

import re
import tomllib
from functools import cache, lru_cache
from pathlib import Path
from string import Formatter
from typing import NamedTuple

from libs.language.negotiation import Language

FOLDER = Path(__file__).with_name("italian")
_LONGEST = 4_000
"""Characters of a sentence that is looked up; ours have a tenth of that."""
_CUT = re.compile(r"(?<=\.) ")
_MOST = 8
"""Sentences in a row."""
_AMOUNT = re.compile(r"\b(\d+) (\w+) of ")
_BEGINNING = 3
"""Characters by which templates are looked up."""


class Template(NamedTuple):
    """An English sentence with places for values, and the Italian one."""

    literals: tuple[str, ...]
    """What stands before, between and after the values."""
    names: tuple[str, ...]
    italian: str

    @property
    def weight(self) -> int:
        """How many characters of a sentence it accounts for."""
        return sum(map(len, self.literals))

    def values(self, text: str) -> list[str] | None:
        """What a sentence says at the places of the values, each as short as can be; None if it is another sentence."""
        first, *between, last = self.literals
        place, end = len(first), len(text) - len(last)
        if place > end or not (text.startswith(first) and text.endswith(last)):
            return None
        found = []
        for literal in between:
            at = text.find(literal, place, end)
            if at < 0:
                return None
            found.append(text[place:at])
            place = at + len(literal)
        return [*found, text[place:end]]


class _Value(str):
    """What an English sentence says at one place, and how the Italian one tells it.

    `{name}` as it is; `{name:said}` in Italian, being a sentence or word of ours; `{name:number}` with the separators
    of Italian; `{name:list}` with its "and" and "or"; `{name:amounts}` as "60 minutes of cutting" is;
    `{name:buyer=dall'acquirente|workshop=dal laboratorio}` by these words.
    """

    __slots__ = ()

    def __format__(self, how: str) -> str:
        if how == "said":
            return _told(self)
        if how == "number":
            return self.translate(str.maketrans(",.", ".,"))
        if how == "list":
            return self.replace(" and ", " e ").replace(" or ", " o ")
        if how == "amounts":
            return _AMOUNT.sub(lambda one: f"{one[1]} {_told(one[2])} di ", self)
        return dict(pair.split("=") for pair in how.split("|")).get(self, self) if how else self


def parts(template: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The literals of a template and the names of the values between them."""
    literals, names = [""], []
    for literal, name, _, _ in Formatter().parse(template):
        literals[-1] += literal
        if name is not None:
            names.append(name)
            literals.append("")
    return tuple(literals), tuple(names)


def told(text: str, language: Language) -> str:
    """A sentence of ours in this language. What is none of ours, such as the words of a caller, stays as it is."""
    return text if language == "en" or len(text) > _LONGEST else _told(text)


@lru_cache(1024)
def _told(text: str) -> str:
    """Of one sentence, or of several in a row: of what can be meant, what leaves least to values is."""
    best: dict[int, tuple[int, str]] = {0: (0, "")}
    for end in [*(cut.end() for cut in _CUT.finditer(text)), len(text)][-_MOST:]:
        ways = [
            (weight + found[0], f"{before} {found[1]}".lstrip())
            for start, (weight, before) in best.items()
            if (found := _one(text[start:end].removesuffix(" ")))
        ]
        if ways:
            best[end] = max(ways)
    return best.get(len(text), (0, text))[1]


def _one(text: str) -> tuple[int, str] | None:
    """One sentence, and how much of it is not taken for values."""
    if (known := _whole().get(text)) is not None:
        return len(text), known
    near = (*_templates().get(text[:_BEGINNING], ()), *_templates()[""])
    fitting = ((one, values) for one in near if (values := one.values(text)) is not None)
    one, values = max(fitting, key=lambda found: found[0].weight, default=(None, []))
    return one and (one.weight, one.italian.format(**dict(zip(one.names, map(_Value, values), strict=True))))


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """English -> Italian, by owner."""
    return {path.stem: tomllib.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.toml"))}


@cache
def _whole() -> dict[str, str]:
    """The sentences without values."""
    return {english: italian for one in catalogue().values() for english, italian in one.items() if "{" not in english}


@cache
def _templates() -> dict[str, list[Template]]:
    """Those with values by how their sentences begin; those that begin with a value, or nearly, by nothing."""
    found: dict[str, list[Template]] = {"": []}
    for english, italian in (pair for one in catalogue().values() for pair in one.items() if "{" in pair[0]):
        template = Template(*parts(english), italian)
        beginning = template.literals[0][:_BEGINNING]
        found.setdefault(beginning if len(beginning) == _BEGINNING else "", []).append(template)
    return found
