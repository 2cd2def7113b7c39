"""Start the platform."""

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable

from libs.stack import state
from libs.stack.brokers import EMBEDDED, choice
from libs.stack.child import last_line
from libs.stack.errors import StackError
from libs.stack.home import Home
from libs.stack.platform import DEFAULT_PORT, FIRST_QUERY, Platform, Wanted

HELP = "start everything: servers, databases, services"
EXAMPLE = """\
examples: ./filiera up --detach --home /tmp/second --port 8100
          ./filiera up --kafka apache      (Apache Kafka instead of the embedded broker; apache:3 for three brokers)
          ./filiera up --kafka HOST:9092 --postgres postgresql://admin:secret@HOST/postgres --redis redis://HOST:6379/0
FILIERA_KAFKA_*, FILIERA_POSTGRES_* and FILIERA_REDIS_* say how to use servers that are given: users, certificates.
Two platforms on one given Kafka must not share topics: give each a FILIERA_TOPIC_PREFIX of its own."""
KAFKA = "embedded (the default), apache, apache:3, or HOST:PORT[,HOST:PORT...] of a given cluster"
POSTGRES, REDIS = "FILIERA_GIVEN_POSTGRES", "FILIERA_GIVEN_REDIS"
LONGEST_START = 480
"""Seconds; the supervisor gives up sooner on each of its steps."""


def arguments(parser: argparse.ArgumentParser) -> None:
    ports = "the gateway's port (8000); N to N+9 are used, to N+11 or N+17 with one or three of Apache Kafka"
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, metavar="N", help=ports)
    parser.add_argument("--kafka", type=choice, default=EMBEDDED, metavar="WHICH", help=KAFKA)
    parser.add_argument(
        "--postgres",
        type=_url("postgresql"),
        default=os.environ.get(POSTGRES),
        metavar="DSN",
        help=f"a given server, as administrator; {POSTGRES} keeps a password off the command line",
    )
    parser.add_argument(
        "--redis",
        type=_url("redis", "rediss", "unix"),
        default=os.environ.get(REDIS),
        metavar="URL",
        help=f"a given Valkey or Redis; {REDIS} does the same",
    )
    optimiser = "install OR-tools too, 250 MB: they improve plans of several lots (POST /promises/together)"
    parser.add_argument("--optimiser", action="store_true", help=optimiser)
    parser.add_argument("--detach", action="store_true", help="return when all is ready, and leave it running")


def _url(*schemes: str) -> Callable[[str], str]:
    def check(given: str) -> str:
        if not given.startswith(tuple(f"{scheme}://" for scheme in schemes)):
            raise argparse.ArgumentTypeError(f"must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        return given

    return check


def run(given: argparse.Namespace) -> int:
    home = Home(given.home)
    platform = Platform(home, given.port, Wanted(given.kafka, given.postgres, given.redis))
    home.make()
    home.check_free()
    platform.brokers.prepare()
    if given.detach:
        _detach(platform)
        return 0
    from libs.stack.logs import Logs
    from libs.stack.supervisor import Supervisor

    detached = os.environ.pop("FILIERA_DETACHED", "") == "1"
    logs = Logs(home, echo=not detached)
    Supervisor(platform, logs, lambda started: None if detached else welcome(started)).run()
    return 0


def welcome(platform: Platform) -> None:
    """Where everything listens, and what to try first."""
    from rich.console import Console
    from rich.table import Table

    table = Table("process", "address", box=None, header_style="bold", pad_edge=False)
    for name in [*platform.services, *platform.servers, *platform.given]:
        table.add_row(name, platform.url(name))
    table.columns[-1].overflow = "fold"
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    console.print("\n[bold green]Filiera is ready.[/]\n", table)
    if "gateway" in platform.services:
        print(_first_query(platform), flush=True)


def _first_query(platform: Platform) -> str:
    home = platform.home.option
    return f"""
A first query:

  curl -s {platform.url("gateway")}/graphql -H 'Content-Type: application/json' \\
    -H "Authorization: Bearer $(./filiera token --party sartoria-brera --role brand{home})" \\
    -d '{{"query": "{FIRST_QUERY}"}}'

It lists whoever is there: `./filiera demo{home}` brings people in and plays the whole story.
"""


def _detach(platform: Platform) -> None:
    log = platform.home.log("filiera")
    with log.open("a") as output:
        supervisor = subprocess.Popen(
            [sys.executable, "-P", "-m", "libs.stack", "up", *_options(platform)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=os.environ | _given(platform) | {"FILIERA_DETACHED": "1", "PYTHONPATH": str(platform.root)},
        )
    try:
        _wait(platform, supervisor)
    except BaseException:
        supervisor.terminate()
        supervisor.wait(timeout=15)
        raise
    welcome(platform)


def _options(platform: Platform) -> list[str]:
    return ["--home", str(platform.home.path), "--port", str(platform.port), "--kafka", platform.wanted.kafka]


def _given(platform: Platform) -> dict[str, str]:
    """Not as options: they may hold a password, and everybody on the machine can read a process's options."""
    given = {POSTGRES: platform.wanted.postgres, REDIS: platform.wanted.redis}
    return {name: address for name, address in given.items() if address}


def _wait(platform: Platform, supervisor: "subprocess.Popen[bytes]") -> None:
    """Until all is ready. The supervisor itself gives up on what does not come; here we only watch it."""
    deadline = time.monotonic() + LONGEST_START
    while time.monotonic() < deadline:
        if supervisor.poll() is not None:
            log = platform.home.log("filiera")
            said = re.sub(r"^filiera( \||:) ", "", last_line(log))
            raise StackError(f"{said if supervisor.returncode else 'stopped while starting'} (log of the start: {log})")
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
