"""Start the platform."""

import argparse
import os
import subprocess
import sys
import time

from libs.stack import state
from libs.stack.child import last_line
from libs.stack.errors import StackError
from libs.stack.home import Home
from libs.stack.platform import DEFAULT_PORT, FIRST_QUERY, ROOT, Platform

HELP = "start everything: servers, databases, services"
EXAMPLE = "example: ./filiera up --detach --home /tmp/second --port 8100"
LONGEST_START = 480
"""Seconds; the supervisor gives up sooner on each of its steps."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, metavar="N", help="the gateway's port; N to N+9 are used (8000)"
    )
    parser.add_argument("--detach", action="store_true", help="return when all is ready, and leave it running")


def run(given: argparse.Namespace) -> int:
    home = Home(given.home)
    home.make()
    platform = Platform(home, given.port)
    if given.detach:
        _detach(platform)
        return 0
    from libs.stack.logs import Logs
    from libs.stack.supervisor import Supervisor

    detached = os.environ.pop("FILIERA_DETACHED", "") == "1"
    logs = Logs(home, echo=not detached)
    print(f"filiera: starting {', '.join(platform.names)} (logs: {home.logs})", flush=True)
    Supervisor(platform, logs, lambda started: None if detached else welcome(started)).run()
    return 0


def welcome(platform: Platform) -> None:
    """Where everything listens, and what to try first."""
    from rich.console import Console
    from rich.table import Table

    table = Table("process", "address", box=None, header_style="bold", pad_edge=False)
    for name in [*platform.services, *(name for name in platform.names if name not in platform.services)]:
        table.add_row(name, platform.url(name))
    table.columns[-1].overflow = "fold"
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    console.print("\n[bold green]Filiera is ready.[/]\n", table)
    if "gateway" in platform.services:
        print(_first_query(platform), flush=True)


def _first_query(platform: Platform) -> str:
    home = "" if platform.home.path == ROOT / ".filiera" else f" --home {platform.home.path}"
    return f"""
A first query:

  curl -s {platform.url("gateway")}/graphql -H 'Content-Type: application/json' \\
    -H "Authorization: Bearer $(./filiera token --party sartoria-brera --role brand{home})" \\
    -d '{{"query": "{FIRST_QUERY}"}}'

It lists nobody yet on a new platform: `./filiera demo{home}` brings people in and plays the whole story.
"""


def _detach(platform: Platform) -> None:
    log = platform.home.log("filiera")
    command = [sys.executable, "-P", "-m", "libs.stack", "up", "--home", str(platform.home.path)]
    with log.open("a") as output:
        supervisor = subprocess.Popen(
            [*command, "--port", str(platform.port)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=os.environ | {"FILIERA_DETACHED": "1", "PYTHONPATH": str(platform.root)},
        )
    try:
        _wait(platform, supervisor)
    except BaseException:
        supervisor.terminate()
        supervisor.wait(timeout=15)
        raise
    welcome(platform)


def _wait(platform: Platform, supervisor: "subprocess.Popen[bytes]") -> None:
    """Until all is ready. The supervisor itself gives up on what does not come; here we only watch it."""
    deadline = time.monotonic() + LONGEST_START
    while time.monotonic() < deadline:
        if supervisor.poll() is not None:
            log = platform.home.log("filiera")
            raise StackError(f"{last_line(log).removeprefix('filiera: ')} (log of the start: {log})")
        now = state.read(platform.home)
        if now and now.supervisor == supervisor.pid:
            failed = [name for name, process in now.processes.items() if process.state == "failed"]
            if failed:
                log = platform.home.log(failed[0])
                raise StackError(f"{failed[0]} does not start: {last_line(log)} (log: {log})")
            if now.ready:
                return
        time.sleep(0.05)
    raise StackError(f"not ready after {LONGEST_START} s: look at {platform.home.logs}")
