"""Fields that look up what an attribute names, for many objects by one call."""

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Annotated, Any, TypeAlias

import strawberry
from strawberry import Parent, field

from libs.graphql.operation import Operation
from libs.graphql.shapes import list_of
from libs.graphql_compiler import batch

_Info: TypeAlias = strawberry.Info[Operation, None]


class Lookups:
    """The lookups of one schema: which aggregates its types are, by name, and the module that has these types."""

    def __init__(self, topics: Mapping[str, str], module: str) -> None:
        self._topics = topics
        self._module = module

    def later(self, name: str) -> Any:
        """A type of the module that may not be made yet."""
        return Annotated[name, strawberry.lazy(self._module)]

    def one(self, name: str, attribute: str, description: str) -> Any:
        """What an attribute names: null if that has not reached us, or is not to be seen."""

        async def find_all(roots: Sequence[Any], info: _Info) -> list[Any]:
            return await info.context.find_all(self._topics[name], [getattr(root, attribute) for root in roots])

        return looked_up(find_all, description, self.later(name) | None)

    def several(self, name: str, attribute: str, description: str) -> Any:
        """All that an attribute names, in its order, each likewise."""

        async def find_all(roots: Sequence[Any], info: _Info) -> list[list[Any]]:
            named = [getattr(root, attribute) for root in roots]
            found = iter(await info.context.find_all(self._topics[name], [key for keys in named for key in keys]))
            return [list(islice(found, len(keys))) for keys in named]

        return looked_up(find_all, description, list_of(self.later(name) | None))


def looked_up(find_all: Callable[..., Any], description: str, graphql_type: Any) -> Any:
    """A field whose values `find_all(roots, info)` gives for many roots at once."""

    @batch(find_all)
    async def find(root: Parent[Any], info: _Info) -> Any:
        return (await find_all([root], info))[0]

    return field(resolver=find, description=description, graphql_type=graphql_type)
