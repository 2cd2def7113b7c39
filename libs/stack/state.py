"""What the supervisor tells the other commands: a file in the home, replaced whole at every change."""

import json
import os
import signal
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from libs.stack.errors import StackError
from libs.stack.home import Home


@dataclass
class Process:
    """One process of the platform. State: stopped, starting, ready, restarting or failed."""

    url: str
    pid: int | None = None
    state: str = "stopped"
    restarts: int = 0
    birth: int | None = None
    """When the process was born, in clock ticks since boot: a pid alone may be another's by now."""


@dataclass
class State:
    """All of an instance."""

    supervisor: int
    port: int
    environment: dict[str, str]
    ready: bool = False
    """Whether the start is over: every process has been ready once, or has failed."""
    processes: dict[str, Process] = field(default_factory=dict)


def write(home: Home, state: State) -> None:
    draft = home.state.with_suffix(".new")
    draft.write_text(json.dumps(asdict(state), indent=1))
    draft.replace(home.state)


def read(home: Home) -> State | None:
    """The last state written, whether its supervisor lives or not; None if there is none that can be read."""
    try:
        found = json.loads(home.state.read_text())
        processes = {name: Process(**each) for name, each in found.pop("processes").items()}
        return State(**found, processes=processes)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def running(home: Home) -> State:
    """What runs there. Raises StackError if nothing does."""
    found = read(home)
    if found is None or not home.is_locked():
        raise StackError(f"nothing is running in {home.path}: start it with `./filiera up{home.option}`")
    return found


def birth(pid: int) -> int | None:
    """When a process was born, in clock ticks since boot; None if it has ended."""
    try:
        # The name, in brackets, may itself hold spaces and brackets.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def leftovers(home: Home) -> list[int]:
    """Processes that outlived their supervisor. There should be none: they are told to die with it."""
    state = read(home)
    known = state.processes.values() if state else ()
    return [each.pid for each in known if each.pid and birth(each.pid) is not None and birth(each.pid) == each.birth]


def end_leftovers(home: Home, seconds: float = 8.0) -> None:
    """Wait for them to end by themselves, then kill them."""
    deadline = time.monotonic() + seconds
    while (left := leftovers(home)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
