"""Run a module in a process whose clock is wrong: `python -m tests.skewed SECONDS MODULE [ARGUMENT...]`.

Whatever Python code asks for the time of day is told one that is so much later. Only this process is: what it shares
with others, such as a database, keeps its own clock. No tool of the system's is needed, nor any right.
"""

import ctypes
import gc
import runpy
import sys
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta, tzinfo
from typing import Any


def skew(seconds: float) -> None:
    """Make the clock of this process wrong from now on."""
    of_day, of_day_ns = time.time, time.time_ns
    time.time = lambda: of_day() + seconds
    time.time_ns = lambda: of_day_ns() + int(seconds * 1e9)
    now = datetime.now

    def later(_: type, tz: tzinfo | None = None) -> datetime:
        return now(tz) + timedelta(seconds=seconds)

    _replace(datetime, "now", later)
    _replace(datetime, "utcnow", lambda _: now() + timedelta(seconds=seconds))
    _replace(date, "today", lambda _: later(datetime).date())


def _replace(kind: type, name: str, method: Callable[..., Any]) -> None:
    """A class made in C cannot be written to; the dictionary behind it can."""
    gc.get_referents(kind.__dict__)[0][name] = classmethod(method)
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(kind))


if __name__ == "__main__":
    skew(float(sys.argv[1]))
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
