"""Starting the pass, and ending it: it has its own process, its own memory and a moment at which it is killed."""

import asyncio
import logging
import os
import pickle
import sys
from pathlib import Path

from libs.contracts.capacity_promises import Outcome
from services.capacity.promise.plan import Plan
from services.capacity.together.child import Given

log = logging.getLogger(__name__)

FOLDER = Path(sys.prefix) / "optimiser"
"""Where OR-tools are, if they are: by themselves, for they want other versions of what the service stands on."""
MOST_SECONDS = 20
GRACE = 10.0
"""Seconds for starting and for planning what was found by the rules; then the process is killed."""
CHILD = "services.capacity.together.child"
_ROOT = Path(__file__).parents[3]

_one = asyncio.Semaphore(1)
"""At a time in this process: a pass takes all cores that it gets."""


async def improved(given: Given) -> tuple[list[Plan] | None, Outcome]:
    """Plans that are better, if they were found in time."""
    if not (FOLDER / "ortools").is_dir():
        return None, Outcome.NOT_INSTALLED
    if _one.locked():
        return None, Outcome.BUSY
    async with _one:
        try:
            plans = await _passed(given)
        except TimeoutError:
            return None, Outcome.TOO_SLOW
        except (OSError, RuntimeError, pickle.UnpicklingError, EOFError):
            log.exception("a pass of the optimiser failed")
            return None, Outcome.FAILED
    return plans, Outcome.BETTER if plans else Outcome.NO_BETTER


async def _passed(given: Given) -> list[Plan] | None:
    """Raises TimeoutError when its time is over, RuntimeError if it broke. The process is gone in any case."""
    path = os.pathsep.join([str(FOLDER), str(_ROOT)])
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", CHILD),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={"PYTHONPATH": path},  # and nothing else of ours: no passwords
    )
    try:
        async with asyncio.timeout(given.seconds + GRACE):
            answer, _ = await process.communicate(pickle.dumps(given))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise RuntimeError(f"it ended with {process.returncode}")
    plans: list[Plan] | None = pickle.loads(answer)  # noqa: S301 - from our own child, through a pipe that nobody else has
    return plans
