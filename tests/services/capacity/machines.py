"""How state machines are run against a real database."""

import asyncio
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test


async def run_machine(kind: type[RuleBasedStateMachine], *, examples: int, steps: int, **given: Any) -> None:
    """So many random runs of so many steps; `given` are attributes of the machine."""
    machine = type("Machine", (kind,), given)
    quick = settings(
        max_examples=examples,
        stateful_step_count=steps,
        database=None,
        phases=[Phase.generate],  # each step is a transaction or several: shrinking would take many minutes
        suppress_health_check=list(HealthCheck),  # all are about time and chance, and a database takes its time
    )
    await asyncio.to_thread(run_state_machine_as_test, machine, settings=quick)
