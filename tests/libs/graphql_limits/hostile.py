"""Documents that are short to write and long to answer, for a schema with `Query.parties(first:, name:)`.

`REFUSED` says what is told; `ANSWERED` are just within every limit. `bench/documents.py` measures the same.
"""

from graphql import get_introspection_query

LEAF = "{ __typename }"


def deep(levels: int, field: str = "a") -> str:
    return f"{{ {field} " * levels + "}" * levels


def doubling(fragments: int, leaf: str = LEAF) -> str:
    """Each fragment spreads the next one twice: 2 ** fragments fields when written out."""
    chain = [f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(fragments)]
    return "\n".join(["{ ...F0 }", *chain, f"fragment F{fragments} on Query {leaf}"])


def alike(count: int, *fields: str) -> str:
    """The first field, in it the second so many times, in each of them the third so many times, and so on."""
    text = "__typename"
    for field in reversed(fields):
        text = f"{field} {{ {' '.join([text] * count)} }}"
    return f"{{ {text} }}"


def many(count: int, text: str) -> str:
    """The text for each number."""
    return " ".join(text.replace("%", str(number)) for number in range(count))


REFUSED = {
    "deep": (deep(16), "more than 15 levels of fields"),
    "deep by fragments": (
        f"{{ ...A }} fragment A on Q {deep(8).replace('a }', 'a { ...B } }')} fragment B on Q {deep(8)}",
        "more than 15 levels of fields",
    ),
    "too deep to be parsed": (deep(4_000), "nested too deeply"),
    "inline fragments in each other": ("{ ... " * 100 + LEAF + "}" * 100, "nested too deeply"),
    "nested lists": (f"{{ parties(name: {'[' * 100}{']' * 100}) {LEAF} }}", "nested too deeply"),
    "nested objects": (f"{{ parties(name: {'{a:' * 100}1{'}' * 100}) {LEAF} }}", "nested too deeply"),
    "nested types": (f"query ($a: {'[' * 100}Int{']' * 100}) {LEAF}", "nested too deeply"),
    "wide": (f"{{ {many(501, 'a%')} }}", "more than 500 fields"),
    "wider": (f"{{ {'a ' * 1_990} }}", "more than 500 fields"),
    "aliases": (f"{{ {many(51, 'a%: a')} }}", "more than 50 aliases"),
    "aliases by fragments": (
        f"{{ ...A ...A ...A }} fragment A on Q {{ {many(20, 'a%: a')} }}",
        "more than 50 aliases",
    ),
    "100 kB of aliases": (f"{{ {many(6_000, 'a%: __typename')} }}", "longer than 20000 characters"),
    "directives": (f"{{ __typename {'@skip(if: true) ' * 51}}}", "more than 50 directives"),
    "directives by fragments": (
        f"{{ {'...A ' * 20}}} fragment A on Query {{ __typename {'@skip(if: true) ' * 3}}}",
        "more than 50 directives",
    ),
    "directives of an operation": (f"query {'@x ' * 51}{LEAF}", "more than 50 directives"),
    "doubling fragments": (doubling(40), "more than 200 fragments"),
    "doubling fragments of nothing": (doubling(40, "{ }"), "Expected Name"),
    "fragments of fields": (f"{{ {'...A ' * 100}}} fragment A on Query {{ {many(6, 'a%')} }}", "more than 500 fields"),
    "a fragment in itself": ("{ ...A } fragment A on Q { a { ...B } } fragment B on Q { ...A }", "contains itself"),
    "a fragment that nobody spreads": (
        "{ parties { __typename } } fragment F on Query {" + "parties { __typename } " * 475 + "}",
        'Fragment "F" is never used',
    ),
    "fragments that spread each other alone": (
        LEAF + many(2, "fragment F% on Query { parties { __typename } ...G }") + "fragment G on Query { ...F0 }",
        'Fragment "F0" is never used',
    ),
    "two fragments of one name": (
        "{ ...F } fragment F on Query {" + "parties { __typename } " * 470 + "} fragment F on Query { __typename }",
        'only one fragment named "F"',
    ),
    "fragments in fragments": ("{ ...F0 } " + many(90, "fragment F% on Q { ...G }"), "more than 60 operations and"),
    "many operations": (many(61, "query Q% { __typename }"), "more than 60 operations and"),
    "the same in the same": (alike(20, "parties", "edges"), "too often"),
    "the same in the same in the same": (alike(6, "parties", "edges", "node"), "too often"),
    "the same by fragments": (
        "{ parties { edges { " + many(25, "...F%") + " } } } " + many(25, f"fragment F% on E {{ {'cursor ' * 15}}}"),
        "too often",
    ),
    "too many tokens": (f"{{ {'a ' * 3_000}}}", "more than 2000 tokens"),
    "comments": ("{ a }" + "#\n" * 9_000, "more than 2000 tokens"),
    "too long": ("{ a } #" + "x" * 20_000, "longer than 20000 characters"),
    "100 kB of anything": ("{" * 100_000, "longer than 20000 characters"),
    "a long number": (f"{{ parties(first: {'1' * 19_000}) {LEAF} }}", "no more than 40 digits"),
    "a long float": (f"{{ parties(first: 1{'0' * 9_000}.0e{'9' * 9_000}) {LEAF} }}", "no more than 40 digits"),
    "a block string that never ends": ('{ parties(name: """' + "a\n" * 9_900, "Unterminated string"),
    "unknown fields": (f"{{ {many(500, 'a%')} }}", "Cannot query field"),
    "unknown arguments": (f"{{ parties({many(600, 'a%: 1')}) {LEAF} }}", "Unknown argument"),
    "unknown input": (f"{{ parties(a: {{ {many(600, 'a%: 1')} }}) {LEAF} }}", "Unknown argument"),
    "a list for a number": (f"{{ parties(first: [{'1 ' * 1_900}]) {LEAF} }}", "Int cannot represent"),
    "variables that nobody uses": (f"query ({many(490, '$a%: Int')}) {LEAF}", "is never used"),
    "definitions of a schema": (many(55, "type A% { a: A }"), "not executable"),
    "a name that is a letter away": ("{ " + "partie" * 3_000 + " }", "Cannot query field"),
}
_NODE = "cursor node { id name kind version sites { __typename } }"
ANSWERED = {
    "the customary introspection": get_introspection_query(descriptions=True),
    "aliases": f"{{ {many(50, 'a%: __typename')} }}",
    "fields": "{ " + many(50, f"a%: parties(first: 1) {{ edges {{ {_NODE} }} }}") + " }",
    "the same in the same": alike(9, "parties", "edges"),
    "fragments in fragments": "{ parties { edges { node { ...F0 } } } } "
    + " ".join(f"fragment F{n} on Party {{ id name ...F{n + 1} }}" for n in range(40))
    + " fragment F40 on Party { id }",
    "operations that share fragments": many(30, "query Q% { parties(first: 1) { edges { node { ...F } } } }").replace(
        "...F", many(12, "...F%")
    )
    + many(12, " fragment F% on Party { id name kind version }"),
    "an escaped string": '{ parties(name: "' + "\\u0041" * 3_200 + '") { __typename } }',
    "a block string": '{ parties(name: """' + "à\n" * 9_900 + '""") { __typename } }',
    "ignored commas": "{ __typename " + "," * 19_900 + "}",
    "unicode": '{ parties(name: "' + "🧵" * 19_000 + '") { __typename } }',
}
