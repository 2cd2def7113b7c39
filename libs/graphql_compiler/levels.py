"""What has to be awaited, level by level: what the objects of a level ask of one field is asked at once."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Generator, Iterable, Sequence
from typing import Any, Literal, NamedTuple

from graphql import GraphQLError
from graphql.execution import Executor

from libs.graphql_compiler.plan import At, Place


class Slot(NamedTuple):
    """A value of the answer that is not there yet."""

    place: Place
    value: Any
    """What is to be awaited; for a batch the object whose field it is."""
    container: Any
    at: At
    how: Literal["await", "batch", "complete"]
    """Whether to await and complete it, to resolve it in a batch, or to await what graphql-core completes."""


class Levels(ABC):
    """The part of a run that comes after its first, synchronous stretch."""

    def __init__(self, executor: Executor[Any]) -> None:
        self.executor = executor
        self.errors = executor.collected_errors
        self.data: dict[str, Any] | None = {}
        self.waiting: list[Slot] = []

    @abstractmethod
    def arguments(self, place: Place) -> dict[str, Any]:
        """The arguments of a field, coerced."""

    @abstractmethod
    def info(self, place: Place, at: At) -> Any:
        """What a resolver is told."""

    @abstractmethod
    def leaf(self, place: Place, value: Any) -> Any:
        """Serialise a value of a leaf type."""

    @abstractmethod
    def caught(self, error: Exception, place: Place, container: Any, at: At) -> Any:
        """What stands at a place that failed. Raises if the place cannot be null."""

    def batched(self, place: Place, source: Any, container: Any, at: At) -> None:
        """Resolve a field of this object together with that of the others of its level."""
        self.waiting.append(Slot(place, source, container, at, "batch"))

    def settle(self) -> list[Awaitable[None]]:
        """Go on with all that waits, as far as nothing must be awaited; returns what must."""
        left: list[Awaitable[None]] = []
        while self.waiting:
            slots, self.waiting = self.waiting, []
            for level in _levels(slots):
                values = self._values(level)
                if isinstance(values, list):
                    self._put(level, values)
                else:
                    left.append(self._later(level, values))
        return left

    def serially(self, fields: Generator[None, None, None]) -> list[Awaitable[None]]:
        """Each field of the root after all that comes of the one before it."""
        for _ in fields:
            if left := self.settle():
                return [self._go_on(fields, left)]
            if self.data is None:
                break
        return []

    async def _go_on(self, fields: Generator[None, None, None], left: list[Awaitable[None]]) -> None:
        await together(left)
        try:
            if self.data is not None:
                await together(self.serially(fields))
        except GraphQLError as error:
            self.nothing(error)

    def nothing(self, error: GraphQLError) -> None:
        """The whole answer is null, and nothing more is awaited for it."""
        self.data = None
        self.errors.add(error, None)
        for slot in self.waiting:
            if slot.how != "batch":
                discard(slot.value)
        self.waiting = []

    def _values(self, level: Sequence[Slot]) -> Any:
        """What the slots of a level come to: a list, or what is to be awaited for one; failures are in it as values."""
        if level[0].how != "batch":
            return _each([slot.value for slot in level])
        try:
            values = self._asked(level)
        except Exception as error:  # noqa: BLE001 - a resolver may raise anything
            return [error] * len(level)
        return _all(values, len(level)) if self.executor.is_awaitable(values) else _checked(values, len(level))

    def _asked(self, level: Sequence[Slot]) -> Any:
        place, at = level[0].place, level[0].at
        arguments = self.arguments(place) if place.asked.definition.args else {}
        return place.asked.source.function([slot.value for slot in level], self.info(place, at), **arguments)

    async def _later(self, level: Sequence[Slot], values: Awaitable[list[Any]]) -> None:
        self._put(level, await values)
        await together(self.settle())

    def _put(self, level: Sequence[Slot], values: Sequence[Any]) -> None:
        for slot, value in zip(level, values, strict=True):
            place, at = slot.place, slot.at
            if self.errors.errors and self.errors.has_nulled_position(place.path(at)):
                continue
            try:
                slot.container[place.slot(at)] = self._completed(slot, value)
            except Exception as error:  # noqa: BLE001 - a resolver may raise anything
                self._failed(error, slot)

    def _completed(self, slot: Slot, value: Any) -> Any:
        if isinstance(value, BaseException):
            raise value
        if slot.how == "complete":
            return value
        complete = slot.place.complete
        return complete(self, value, slot.at) if complete else self.leaf(slot.place, value)

    def _failed(self, error: Exception, slot: Slot) -> None:
        place, at = slot.place, slot.at
        try:
            slot.container[place.slot(at)] = self.caught(error, place, slot.container, at)
        except GraphQLError as located:
            self._null(place.nullable, at, located)

    def _null(self, place: Place | None, at: At, error: GraphQLError) -> None:
        """Put null where an error of something that is there already has to go."""
        if place is None or self.data is None:
            return self.nothing(error)
        path = place.path(at)
        if not self.errors.has_nulled_position(path):
            container: Any = self.data
            for key in path.as_list()[:-1]:
                container = container[key]
            container[path.key] = None
            self.errors.add(error, path)
        return None


async def together(left: Sequence[Awaitable[None]]) -> None:
    """Await all of these."""
    if len(left) == 1:
        await left[0]
    elif left:
        await asyncio.gather(*left)


def _levels(slots: Iterable[Slot]) -> Iterable[list[Slot]]:
    found: dict[tuple[Place, str], list[Slot]] = {}
    for slot in slots:
        found.setdefault((slot.place, slot.how), []).append(slot)
    return found.values()


async def _each(values: Sequence[Any]) -> list[Any]:
    if len(values) > 1:
        return await asyncio.gather(*values, return_exceptions=True)
    try:
        return [await values[0]]
    except Exception as error:  # noqa: BLE001 - a resolver may raise anything
        return [error]


async def _all(values: Awaitable[Any], wanted: int) -> list[Any]:
    try:
        return _checked(await values, wanted)
    except Exception as error:  # noqa: BLE001 - a resolver may raise anything
        return [error] * wanted


def _checked(values: Any, wanted: int) -> list[Any]:
    found = list(values)
    if len(found) != wanted:
        return [TypeError(f"A batch resolver answered {len(found)} values for {wanted} objects.")] * wanted
    return found


def discard(awaitable: Any) -> None:
    """Begin it no more, if it can be ended."""
    if hasattr(awaitable, "close"):
        awaitable.close()
