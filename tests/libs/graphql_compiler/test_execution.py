"""What execution does, case by case: the facts that graphql-core's own suite holds about lists, null, directives,
abstract types, variables and mutations (tests/execution of graphql-core 3.3), told here as data.

Each case is run compiled and by graphql-core: both must give what is written here.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from graphql import GraphQLError, build_schema, parse, validate

from libs.graphql_compiler import CompiledExecutor, Plans
from tests.libs.graphql_compiler.agreement import run, told


class Compiling(CompiledExecutor):
    plans = Plans()


async def outcome(schema: Any, text: str, **more: Any) -> tuple[Any, list[Any]]:
    """`data` and errors as (message, path), the same compiled and by graphql-core."""
    found = []
    for executor in (Compiling, None):
        asked = {name: make() if name == "root_value" and callable(make) else make for name, make in more.items()}
        found.append(await run(schema, parse(text), **asked, executor_class=executor))
    ours, theirs = found
    assert ours.data == theirs.data
    assert [told(one) for one in ours.errors or ()] == [told(one) for one in theirs.errors or ()]
    return ours.data, [(one.message, one.path) for one in ours.errors or ()]


async def soon(value: Any) -> Any:
    if isinstance(value, Exception):
        raise value
    return value


def one_by_one(items: list[Any]) -> Iterator[Any]:
    yield from items


async def one_by_one_later(items: list[Any]) -> AsyncIterator[Any]:
    for item in items:
        yield item


BAD = GraphQLError("bad")
NO_NULL = "Cannot return null for non-nullable field Query.list."
LISTS = {
    # items: for [Int], [Int]!, [Int!], [Int!]!: what becomes of the list, and the path of the error, if any.
    "values": ([1, 2], [[1, 2]] * 4, [None] * 4),
    "a null": ([1, None, 2], [[1, None, 2], [1, None, 2], None, ...], [None, None, 1, 1]),
    "an error": ([1, BAD, 2], [[1, None, 2], [1, None, 2], None, ...], [1, 1, 1, 1]),
    "no list": (None, [None, ..., None, ...], [None, "list", None, "list"]),
}
"""`...`: the whole answer is null."""


@pytest.mark.parametrize("form", [list, tuple, one_by_one, one_by_one_later, lambda x: soon(list(x))])
@pytest.mark.parametrize("type_", range(4))
@pytest.mark.parametrize("case", LISTS)
async def test_lists(case: str, type_: int, form: Any) -> None:
    items, wanted, where = LISTS[case]
    schema = build_schema(f"type Query {{ list: {('[Int]', '[Int]!', '[Int!]', '[Int!]!')[type_]} }}")
    data, errors = await outcome(
        schema, "{ list }", root_value=lambda: {"list": None if items is None else form(items)}
    )
    assert data == (None if wanted[type_] is ... else {"list": wanted[type_]})
    place = where[type_]
    path = None if place is None else ["list"] if place == "list" else ["list", place]
    message = "bad" if case == "an error" else NO_NULL
    assert errors == ([] if path is None else [(message, path)])


@pytest.mark.parametrize("type_", ["[Int]", "[Int!]"])
async def test_items_may_be_awaited_one_by_one(type_: str) -> None:
    schema = build_schema(f"type Query {{ list: {type_} }}")
    given = lambda: {"list": [soon(1), 2, soon(BAD)]}  # noqa: E731 - coroutines are awaited once
    data, errors = await outcome(schema, "{ list }", root_value=given)
    assert data == {"list": [1, 2, None] if type_ == "[Int]" else None}
    assert errors == [("bad", ["list", 2])]


@pytest.mark.parametrize("value", ["text", 5, {"a": 1}, object()])
async def test_what_is_no_list(value: Any) -> None:
    data, errors = await outcome(build_schema("type Query { list: [Int] }"), "{ list }", root_value={"list": value})
    assert data == {"list": None}
    assert errors == [("Expected Iterable, but did not find one for field 'Query.list'.", ["list"])]


TREE = "type T { may: String must: String! next: T nextMust: T! } type Query { next: T nextMust: T! may: String }"
NULLS = [
    ("{ may }", {"may": None}, {"may": None}, []),
    ("{ next { may must } }", {"next": {"may": BAD, "must": "m"}}, {"next": {"may": None, "must": "m"}}, ["next.may"]),
    ("{ next { may must } }", {"next": {"may": "m", "must": BAD}}, {"next": None}, ["next.must"]),
    ("{ next { must } }", {"next": {"must": None}}, {"next": None}, ["next.must"]),
    ("{ nextMust { must } }", {"nextMust": {"must": None}}, None, ["nextMust.must"]),
    ("{ may nextMust { may } }", {"may": "m"}, None, ["nextMust"]),
    (
        "{ may next { next { nextMust { nextMust { must } } } } }",
        {"may": "m", "next": {"next": {"nextMust": {"nextMust": {"must": BAD}}}}},
        {"may": "m", "next": {"next": None}},
        ["next.next.nextMust.nextMust.must"],
    ),
    (
        "{ a: next { must } b: next { must } c: may }",
        {"next": {"must": None}, "may": "m"},
        {"a": None, "b": None, "c": "m"},
        ["a.must", "b.must"],
    ),
    ("{ next { next { may } may } }", {"next": {"next": BAD, "may": BAD}}, ..., ["next.next", "next.may"]),
]


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize("number", range(len(NULLS)))
async def test_null_goes_up_to_what_may_be_null(number: int, later: bool) -> None:
    text, root, wanted, paths = NULLS[number]

    def deferred(value: Any) -> Any:
        made = {key: deferred(one) for key, one in value.items()} if isinstance(value, dict) else value
        return (lambda _info: soon(made)) if later else made

    data, errors = await outcome(build_schema(TREE), text, root_value={key: deferred(one) for key, one in root.items()})
    assert data == ({"next": {"next": None, "may": None}} if wanted is ... else wanted)
    assert [".".join(path) for _, path in errors] == paths


FLAGS = "query ($yes: Boolean = true, $no: Boolean = false) "
DIRECTIVES = [
    ("{ a b @include(if: true) }", "a b"),
    ("{ a b @include(if: false) }", "a"),
    ("{ a b @skip(if: false) }", "a b"),
    ("{ a b @skip(if: true) }", "a"),
    ("{ a b @include(if: $no) }", "a"),
    ("{ a b @skip(if: $no) @include(if: $yes) }", "a b"),
    ("{ a b @skip(if: $yes) @include(if: $yes) }", "a"),
    ("{ a b @skip(if: $no) @include(if: $no) }", "a"),
    ("{ a ...F @include(if: $no) } fragment F on Query { b }", "a"),
    ("{ a ...F @skip(if: $no) } fragment F on Query { b }", "a b"),
    ("{ a ... on Query @include(if: $no) { b } }", "a"),
    ("{ a ... @skip(if: $yes) { b } }", "a"),
    ("{ a ... @skip(if: $no) { b } }", "a b"),
    ("{ a @include(if: $no) b a }", "b a"),
    ("{ a @include(if: $yes) b a }", "a b"),
    ("{ ...F @include(if: $no) a ...F } fragment F on Query { b }", "a b"),
    ("{ ...F @include(if: $yes) a ...F } fragment F on Query { b }", "b a"),
    ("{ ... @include(if: $no) { a } ... @include(if: $yes) { b } }", "b"),
]


@pytest.mark.parametrize(("text", "keys"), DIRECTIVES)
async def test_directives_decide_at_each_run(text: str, keys: str) -> None:
    flags = FLAGS if "$" in text else ""
    data, errors = await outcome(
        build_schema("type Query { a: String b: String }"), flags + text, root_value={"a": "a"}
    )
    assert (list(data), errors) == (keys.split(), [])


async def test_one_plan_serves_every_value_of_its_variables() -> None:
    class Own(CompiledExecutor):
        plans = Plans()

    schema = build_schema("type Query { say(what: String): String b: String }")
    document = parse("query ($what: String, $b: Boolean!) { say(what: $what) b @include(if: $b) }")
    for what, b in (("a", True), ("b", False), (None, True)):
        root = {"say": lambda _info, what=None: what, "b": "b"}
        found = await run(schema, document, root_value=root, variable_values={"what": what, "b": b}, executor_class=Own)
        assert found.data == {"say": what} | ({"b": "b"} if b else {})
    assert Own.plans.compiled == 1


ANIMALS = """
interface Named { name: String }
type Dog implements Named { name: String barks: Boolean }
type Cat implements Named { name: String meows: Boolean }
type Note { text: String }
union Thing = Dog | Cat | Note
type Query { named: [Named] things: [Thing] }
"""
DOG, CAT = {"__typename": "Dog", "name": "Odie", "barks": True}, {"__typename": "Cat", "name": "Tom", "meows": False}
ABSTRACT = [
    (
        "{ things { __typename ... on Dog { name barks } ... on Named { name } } }",
        [{"__typename": "Dog", "name": "Odie", "barks": True}, {"__typename": "Cat", "name": "Tom"}],
        [],
    ),
    ("{ named: things { ...N } } fragment N on Named { n: name }", [{"n": "Odie"}, {"n": "Tom"}], []),
]


@pytest.mark.parametrize(("text", "wanted", "wrong"), ABSTRACT)
async def test_abstract_types(text: str, wanted: Any, wrong: Any) -> None:
    data, errors = await outcome(build_schema(ANIMALS), text, root_value={"things": [DOG, CAT]})
    assert (next(iter(data.values())), errors) == (wanted, wrong)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({}, "Abstract type 'Named' must resolve to an Object type at runtime for field 'Query.named'. Either the"),
        ({"__typename": "Mouse"}, "Abstract type 'Named' was resolved to a type 'Mouse' that does not exist inside"),
        ({"__typename": "Named"}, "Abstract type 'Named' was resolved to a non-object type 'Named'."),
        ({"__typename": "Note"}, "Runtime Object type 'Note' is not a possible type for 'Named'."),
    ],
)
async def test_a_type_that_cannot_be(value: Any, said: str) -> None:
    data, [(message, path)] = await outcome(
        build_schema(ANIMALS), "{ named { name } }", root_value={"named": [value, CAT]}
    )
    assert data == {"named": [None, {"name": "Tom"}]}
    assert message.startswith(said)
    assert path == ["named", 0]


ECHO = """
enum Colour { RED GREEN }
input In { a: String b: [String] c: String! d: In e: Colour = RED }
type Query {
  string(it: String): String must(it: String!): String default(it: String = "Hello"): String list(it: [String]): String
  lists(it: [[Int!]]): String input(it: In): String colour(it: Colour): String
}
"""
VARIABLES = [
    ('{ string(it: "a") }', {}, "'a'"),
    ("{ string(it: null) }", {}, "None"),
    ("{ string }", {}, "nothing"),
    ("query ($v: String) { string(it: $v) }", {}, "nothing"),
    ("query ($v: String) { string(it: $v) }", {"v": None}, "None"),
    ('query ($v: String = "d") { string(it: $v) }', {}, "'d'"),
    ('query ($v: String = "d") { string(it: $v) }', {"v": None}, "None"),
    ("{ default }", {}, "'Hello'"),
    ("query ($v: String) { default(it: $v) }", {}, "'Hello'"),
    ("query ($v: String) { default(it: $v) }", {"v": None}, "None"),
    ('{ list(it: "a") }', {}, "['a']"),
    ("query ($v: [String]) { list(it: $v) }", {"v": "a"}, "['a']"),
    ('query ($v: String) { list(it: ["a", $v, null]) }', {"v": "b"}, "['a', 'b', None]"),
    ("{ lists(it: 1) }", {}, "[[1]]"),
    ('{ input(it: {c: "c"}) }', {}, "{'c': 'c', 'e': 'RED'}"),
    ('query ($v: String) { input(it: {c: "c", a: $v}) }', {}, "{'c': 'c', 'e': 'RED'}"),
    ("query ($v: In) { input(it: $v) }", {"v": {"c": "c", "d": {"c": "x", "e": "GREEN"}}}, ...),
    ("{ colour(it: GREEN) }", {}, "'GREEN'"),
]


@pytest.mark.parametrize(("text", "variables", "wanted"), VARIABLES)
async def test_arguments_are_coerced(text: str, variables: dict[str, Any], wanted: Any) -> None:
    schema = build_schema(ECHO)
    assert not validate(schema, parse(text))

    def say(_source: Any, _info: Any, **given: Any) -> str:
        return repr(given["it"]) if given else "nothing"

    assert schema.query_type
    for field in schema.query_type.fields.values():
        field.resolve = say
    data, errors = await outcome(schema, text, variable_values=variables)
    deep = "{'c': 'c', 'd': {'c': 'x', 'e': 'GREEN'}, 'e': 'RED'}"
    assert (list(data.values()), errors) == ([deep if wanted is ... else wanted], [])


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("query ($v: String!) { must(it: $v) }", {}),
        ("query ($v: String!) { must(it: $v) }", {"v": None}),
        ("query ($v: In) { input(it: $v) }", {"v": {"a": 1, "z": 2}}),
        ("query ($v: Colour) { colour(it: $v) }", {"v": "BLUE"}),
    ],
)
async def test_variables_that_cannot_be(text: str, variables: dict[str, Any]) -> None:
    data, errors = await outcome(build_schema(ECHO), text, variable_values=variables)
    assert data is None
    assert errors
    assert all(path is None and "$v" in message for message, path in errors)


@pytest.mark.parametrize("later", [False, True])
async def test_mutations_run_one_after_another(later: bool) -> None:
    schema = build_schema(
        "type N { now: Int } type Query { n: Int } type Mutation { set(to: Int): N fail: N must: N! }"
    )
    log: list[Any] = []

    def root() -> dict[str, Any]:
        log.clear()
        state = {"n": 0}

        def put(_info: Any, to: int) -> Any:
            log.append(to)
            state["n"] = to
            answer = {"now": lambda _info: soon(state["n"]) if later else state["n"]}
            return soon(answer) if later else answer

        return {"set": put, "fail": BAD, "must": None}

    text = "mutation { a: set(to: 1) { now } fail { now } b: set(to: 2) { now } }"
    data, errors = await outcome(schema, text, root_value=root)
    assert data == {"a": {"now": 1}, "fail": None, "b": {"now": 2}}
    assert errors == [("bad", ["fail"])]
    data, errors = await outcome(
        schema, "mutation { a: set(to: 1) { now } must { now } set(to: 2) { now } }", root_value=root
    )
    assert data is None
    assert log == [1]


async def test_introspection_is_compiled_too() -> None:
    text = '{ __schema { types { name fields { name type { name ofType { name } } } } } __type(name: "T") { kind } }'
    before = Compiling.plans.compiled
    data, errors = await outcome(build_schema(TREE), text)
    assert data["__type"] == {"kind": "OBJECT"}
    assert not errors
    assert Compiling.plans.compiled == before + 1
