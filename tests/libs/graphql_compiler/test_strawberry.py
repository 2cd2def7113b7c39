"""What Strawberry users rely on goes on working, each field called as Strawberry would call it."""

from collections.abc import AsyncIterator, Iterator
from enum import Enum
from typing import Annotated, Any

import pytest
import strawberry
from strawberry import relay
from strawberry.extensions import FieldExtension, SchemaExtension
from strawberry.permission import BasePermission
from strawberry.types import Info

from libs.graphql_compiler import Plans, batch
from libs.graphql_compiler.strawberry import CompiledExecution, strawberry_source_of


class Compiling(CompiledExecution):
    plans = Plans(strawberry_source_of)


class Members(BasePermission):
    message = "Members only."

    def has_permission(self, source: Any, info: Info, **kwargs: Any) -> bool:  # noqa: ARG002 - Strawberry's signature
        return info.context["member"]


class Shouting(FieldExtension):
    def resolve(self, next_: Any, source: Any, info: Info, **kwargs: Any) -> Any:
        return next_(source, info, **kwargs).upper()


@strawberry.interface
class Node:
    id: strawberry.ID


async def shelves_of(books: list["Book"], info: Info, **given: Any) -> list[Any]:
    info.context["asked"].append([book.title for book in books])
    return [ValueError("lost") if book.title == "c" else f"{book.title}{given.get('side', '')}" for book in books]


@batch(shelves_of)
async def shelf(root: strawberry.Parent["Book"], info: Info) -> str | None:
    [found] = await shelves_of([root], info)
    return found


@batch(shelves_of)
async def shelf_on(root: strawberry.Parent["Book"], info: Info, side: str = "left") -> str | None:
    [found] = await shelves_of([root], info, side=side)
    return found


@strawberry.type
class Book(Node):
    title: str
    pages: int
    shelf: str | None = strawberry.field(resolver=shelf)
    shelf_on: str | None = strawberry.field(resolver=shelf_on)

    @strawberry.field
    def path(self, info: Info) -> str:
        return f"{self.title} {info.path.as_list()} {info.field_name} {info.python_name}"

    @strawberry.field(permission_classes=[Members])
    def secret(self) -> str | None:
        return "secret"

    @strawberry.field(extensions=[Shouting()])
    def loud(self, times: int = 2) -> str:
        return self.title * times

    @strawberry.field
    async def later(self) -> str:
        return f"later {self.title}"


@strawberry.input
class Wanted:
    titles: list[str] = strawberry.field(default_factory=lambda: ["a", "b"])


@strawberry.type
class Author(Node):
    name: str


@strawberry.enum
class Kind(Enum):
    SMALL = "s"
    LARGE = "l"


@strawberry.type
class Part:
    name: str
    parts: list["Part"]


def nested(depth: int) -> Part:
    return Part(name=str(depth), parts=[nested(depth - 1)] * 2 if depth else [])


@strawberry.type
class Query:
    @strawberry.field
    def books(self, wanted: Wanted | None = None) -> list[Book]:
        titles = wanted.titles if wanted else ["a", "b", "c"]
        return [Book(id=strawberry.ID(one), title=one, pages=3) for one in titles]

    @strawberry.field
    def told(
        self,
        info: Info,
        at_least: int = 1,
        kind: Kind | None = Kind.SMALL,
        own: Annotated[str, strawberry.argument(name="asIs")] = "x",
        ref: relay.GlobalID | None = None,
        maybe: strawberry.Maybe[int] = None,
    ) -> str:
        return repr((info.field_name, at_least, kind, own, ref, maybe))

    @strawberry.field
    def sized(self, at_least: int = 1, kind: Kind | None = Kind.SMALL, marks: list[int] | None = None) -> str:
        return repr((at_least, kind, marks))

    @strawberry.field
    def plainly(self, info: Info, at_least: int = 1, kind: Kind | None = Kind.SMALL) -> str:
        return repr((info.field_name, at_least, kind))

    @strawberry.field
    def part(self) -> Part:
        return nested(9)

    @strawberry.field
    def node(self, id: strawberry.ID) -> Node | None:  # noqa: A002 - Relay's name
        return Author(id=id, name="Ada") if id == "1" else Book(id=id, title="a", pages=1)

    @strawberry.field
    def either(self) -> list[Book | Author]:
        return [Book(id=strawberry.ID("b"), title="b", pages=2), Author(id=strawberry.ID("a"), name="Ada")]


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, to: int) -> AsyncIterator[int]:
        for number in range(to):
            yield number


QUERIES = [
    "{ books { id title pages path loud shelf later } }",
    "query ($w: Wanted) { books(wanted: $w) { loud(times: 3) secret } }",
    "{ books(wanted: {}) { shelfOn shelf } }",
    '{ books { shelfOn(side: "right") } }',
    '{ node(id: "1") { id ... on Author { name } } other: node(id: "2") { __typename ... on Book { title } } }',
    "{ either { __typename ... on Book { title } ... on Author { name } } }",
    "{ __schema { queryType { name } } }",
    "{ told sized plainly }",
    '{ told(atLeast: 3, kind: LARGE, asIs: "y", ref: "Qm9vazox", maybe: 4) }',
    "{ sized(atLeast: 3, kind: LARGE, marks: [1]) a: sized(kind: null) plainly(atLeast: 3, kind: LARGE) }",
    "{ part { " + "name parts { " * 9 + "name" + " }" * 9 + " } }",  # deeper than blocks of Python can be nested
]


def schema(**more: Any) -> strawberry.Schema:
    return strawberry.Schema(Query, subscription=Subscription, **more)


@pytest.mark.parametrize("text", QUERIES)
@pytest.mark.parametrize("member", [True, False])
async def test_it_answers_as_strawberry_does(text: str, member: bool) -> None:
    found = []
    for more in ({"execution_context_class": Compiling}, {}):
        context = {"member": member, "asked": []}
        result = await schema(**more).execute(text, {"w": {"titles": ["x"]}} if "$w" in text else None, context)
        errors = sorted((str(one.message), str(one.path), str(one.locations)) for one in result.errors or ())
        found.append((result.data, errors))
    assert found[0] == found[1]
    assert not Compiling.plans.fallbacks


async def test_a_batch_resolver_is_called_once_for_a_level() -> None:
    context: dict[str, Any] = {"asked": []}
    result = await schema(execution_context_class=Compiling).execute("{ books { title shelf } }", None, context)
    assert context["asked"] == [["a", "b", "c"]]
    assert [one["shelf"] for one in result.data["books"]] == ["a", "b", None]
    assert [(one.message, one.path) for one in result.errors] == [("lost", ["books", 2, "shelf"])]


def test_it_also_runs_without_an_event_loop() -> None:
    result = schema(execution_context_class=Compiling).execute_sync("{ books { title pages } }")
    assert not result.errors
    assert result.data["books"][0] == {"title": "a", "pages": 3}


async def test_each_event_of_a_subscription_is_compiled() -> None:
    before = Compiling.plans.compiled
    stream = await schema(execution_context_class=Compiling).subscribe("subscription { count(to: 3) }")
    assert [one.data async for one in stream] == [{"count": 0}, {"count": 1}, {"count": 2}]
    assert Compiling.plans.compiled == before + 1


class Watching(SchemaExtension):
    def on_execute(self) -> Iterator[None]:
        yield

    def resolve(self, next_: Any, source: Any, info: Any, *args: Any, **kwargs: Any) -> Any:
        return next_(source, info, *args, **kwargs)


def test_an_extension_around_every_resolver_leaves_it_to_graphql_core() -> None:
    class Own(CompiledExecution):
        plans = Plans(strawberry_source_of)

    watched = schema(execution_context_class=Own, extensions=[Watching])
    assert watched.execute_sync("{ books { title } }").data == {"books": [{"title": one} for one in "abc"]}
    assert Own.plans.fallbacks == {"middleware": 1}
