"""How long the gateway takes to refuse or to prepare the documents that are made to take long: CPU, not the clock."""

import time
from collections.abc import Callable

from graphql import GraphQLError, parse
from rich.console import Console
from rich.table import Table

from libs.graphql_limits import documents, limits
from services.gateway.api.schema import schema
from tests.libs.graphql_limits.hostile import ANSWERED, REFUSED

ROUNDS = 5
METHOD = (
    f"CPU time of this process, best of {ROUNDS}; nothing is cached. All: from the text to a document that may be run, "
    "or to its refusal: length, tokens, parsing, limits, validation by graphql-core. Limits: our own part of it. The "
    "bound is 50 ms, for documents of up to 100 kB."
)


async def main() -> None:
    """Measure and print, the slowest first."""
    rows = [(name, text, *_measure(text)) for name, text in _texts()]
    table = Table("document", "characters", "all ms", "limits ms", "told")
    for name, text, whole, ours, told in sorted(rows, key=lambda row: -row[2]):
        table.add_row(name, f"{len(text):,}", f"{whole:.1f}", f"{ours:.2f}", told[:60].replace("\n", " "))
    console = Console(width=140)
    console.print(table)
    console.print(f"slowest {max(row[2] for row in rows):.1f} ms of 50. {METHOD}")


def _texts() -> list[tuple[str, str]]:
    return [(f"refused: {name}", text) for name, (text, _) in REFUSED.items()] + [
        (f"within: {name}", text) for name, text in ANSWERED.items()
    ]


def _measure(text: str) -> tuple[float, float, str]:
    told = ""

    def whole() -> None:
        nonlocal told
        documents._prepared.cache_clear()  # noqa: SLF001 - every round begins anew
        try:
            documents.prepare(schema.graphql, text)
        except documents.Refusal as refusal:
            told = refusal.errors[0].message

    return _cpu(whole), _cpu(_limits(text)), told


def _limits(text: str) -> Callable[[], None]:
    try:
        document = parse(text, max_tokens=limits.MOST_TOKENS)
    except GraphQLError:
        return lambda: None

    def check() -> None:
        try:
            limits.check(schema.graphql, document)
        except (limits.TooMuch, GraphQLError):
            return

    return check


def _cpu(run: Callable[[], None]) -> float:
    """Milliseconds, the best of several."""
    took = []
    for _ in range(ROUNDS):
        began = time.process_time()
        run()
        took.append(time.process_time() - began)
    return min(took) * 1000
