"""Stop the platform."""

import argparse
import os
import signal
import time

from libs.stack import state
from libs.stack.errors import StackError
from libs.stack.home import Home

HELP = "stop the platform; its data is kept"
EXAMPLE = "example: ./filiera down --home /tmp/second"
PATIENCE = 20.0


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults()


def run(given: argparse.Namespace) -> int:
    home = Home(given.home)
    running = home.is_locked()
    if running:
        _stop_supervisor(home)
    if home.state.exists():
        state.end_leftovers(home)
        home.tidy()
    print("filiera: stopped" if running else f"filiera: nothing is running in {home.path}")
    return 0


def _stop_supervisor(home: Home) -> None:
    found = state.read(home)
    if found is None or state.birth(found.supervisor) is None:
        raise StackError(f"an instance is just starting or stopping in {home.path}: try again in a moment")
    os.kill(found.supervisor, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE
    while home.is_locked():
        if time.monotonic() > deadline:
            os.kill(found.supervisor, signal.SIGKILL)  # its children die with it
            return
        time.sleep(0.05)
