"""Compiled execution against graphql-core: operations, variables and data made at random, all features together."""

import asyncio
import os
import random
from collections.abc import Iterable

import pytest
from graphql import DocumentNode, parse, validate
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from libs.graphql_compiler import CompiledExecutor, Plans
from tests.libs.graphql_compiler.agreement import agree, run, told, without_propagation
from tests.libs.graphql_compiler.operations import Writing
from tests.libs.graphql_compiler.world import AWAY, Known, World, make

SEED = int(os.environ.get("FILIERA_SEED") or random.SystemRandom().randrange(2**32))
OPERATIONS = 250
WORLDS = 24
"""Of each operation. Two ways: 12,000 cases."""


class Compiling(CompiledExecutor):
    plans = Plans()


@pytest.fixture(autouse=True)
def told_seed() -> None:
    print(f"FILIERA_SEED={SEED}")


# graphql-core abandons what an error has made needless, and Python says so.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore:coroutine:RuntimeWarning")
@pytest.mark.parametrize("way", ["sync", AWAY])
def test_it_answers_as_graphql_core_does(way: str) -> None:
    schema = make(way)
    cases = 0

    @seed(SEED)
    @settings(max_examples=OPERATIONS, deadline=None, database=None)
    @given(st.integers(0, 2**64))
    def compare(number: int) -> None:
        nonlocal cases
        writing = Writing(schema, random.Random(number))
        document = parse(writing.document())
        assert not validate(schema, document)
        asyncio.run(_compare_all([World(schema, one, *_trouble(one, way)) for one in range(WORLDS)], document, writing))
        cases += WORLDS

    compare()
    assert cases >= OPERATIONS * WORLDS
    assert way == AWAY or not Compiling.plans.fallbacks


def _trouble(world: int, way: str) -> tuple[float, float]:
    """How often something is wrong, and how often something is to be awaited, in the n-th world."""
    return (0.0, 0.02, 0.1)[world % 3], (0.15 if way == AWAY else 0.0)


async def _compare_all(worlds: Iterable[World], document: DocumentNode, writing: Writing) -> None:
    for world in worlds:
        await _compare(world, document, writing)


async def _compare(world: World, document: DocumentNode, writing: Writing) -> None:
    more = {"context_value": world, "root_value": Known(world, "Query", 0), "variable_values": writing.values()}
    theirs = await run(world.schema, document, **more)
    ours = await run(world.schema, document, **more, executor_class=Compiling)
    alone = await run(world.schema, without_propagation(document), **more) if world.waits and theirs.errors else None
    agree(ours, theirs, {told(one) for one in alone.errors or ()} if alone else None)
