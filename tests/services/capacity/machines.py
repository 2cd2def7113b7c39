"""How state machines are run against a real database."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test
from sqlalchemy import URL

from libs.kit.db import Database
from tests.conftest import Databases

T = TypeVar("T")


class Machine(RuleBasedStateMachine):
    """Has the database, and a loop to speak to it from rules, which are not async."""

    url: URL

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self.db = self.run(self._connect())

    async def _connect(self) -> Database:
        return Database(self.url)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def teardown(self) -> None:
        self.run(self.db.close())
        self._runner.close()


async def run_machine(database: Databases, kind: type[Machine], *, examples: int, steps: int) -> None:
    """So many random runs of so many steps, on a database of their own: they look at the whole ledger all the time."""
    url = (await database("capacity", kind.__name__.lower())).url
    quick = settings(
        max_examples=examples,
        stateful_step_count=steps,
        database=None,
        phases=[Phase.generate],  # each step is a transaction or several: shrinking would take many minutes
        suppress_health_check=list(HealthCheck),  # all are about time and chance, and a database takes its time
    )
    await asyncio.to_thread(run_state_machine_as_test, type("Machine", (kind,), {"url": url}), settings=quick)
