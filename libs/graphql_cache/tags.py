"""What an answer depends on, as names: of a thing, found or not, `<kind>:<id>`; of any list of a kind `<kind>`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any
from zlib import crc32

Tags = Iterable[str]
Depends = Callable[..., Tags]
"""From what a query of the read models is given to what its result depends on."""


def of_ids(topic: str, ids: Sequence[object], also: Mapping[str, Tags] = MappingProxyType({})) -> Tags:
    """Of these things; those that there are none of may come. `also`: of which other topics, by the topic."""
    return (*(f"{topic}:{one}" for one in ids), *also.get(topic, ()))


def of_list(listing: Any, *_given: object, **_filters: object) -> Tags:
    """Of a list: whatever appears, leaves or changes there may move its pages."""
    return (listing.topic, *listing.also)


def of_pages(asked: Any, _parents: object) -> Tags:
    """Of pages of several parents' lists, likewise."""
    return of_list(asked.listing)


def of_owners(kind: str) -> Depends:
    """Of what belongs to each of these things, of which each change names its owner."""
    return lambda _asked, owners: of_ids(kind, owners)


def changed_by(keys: Iterable[str]) -> list[str]:
    """The tags of answers that a change of these things, `<kind>:<id>`, makes old: their own, and their lists'."""
    return sorted({tag for key in keys for tag in (key, kind_of(key))})


def kind_of(tag: str) -> str:
    """The kind of a tag."""
    return tag.partition(":")[0]


def number_of(kind: str) -> int:
    """A kind as the key of a lock: two that have the same one only wait for each other."""
    return crc32(kind.encode()) & 0x7FFFFFFF
