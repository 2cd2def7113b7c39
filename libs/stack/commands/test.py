"""Run the tests."""

import argparse
import os
import subprocess
import sys

from libs.stack.brokers import PORTS, choice
from libs.stack.platform import ROOT

HELP = "run the tests, against servers of their own"
EXAMPLE = """\
examples: ./filiera test tests/libs/kit -k outbox
          ./filiera test --kafka apache:3 tests/libs/messaging
          ./filiera test --kafka apache:3 --lose-brokers   (each broker is killed in its turn meanwhile)
Everything else after `test` goes to pytest. FILIERA_POSTGRES, FILIERA_KAFKA and FILIERA_REDIS name other servers.
Where a Docker engine answers, the servers are containers, unless --kafka says which; FILIERA_CONTAINERS=0 says no."""
TAKES_REST = True


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--kafka", type=choice, metavar="WHICH", help=f"{', '.join(PORTS)}, or HOST:PORT[,HOST:PORT...] of a cluster"
    )


def run(given: argparse.Namespace) -> int:
    alone = any(part.startswith(("-n", "--pdb")) for part in given.rest)
    parallel = [] if alone else ["-n", "auto", "--dist", "loadgroup"]  # system tests share one platform
    command = [sys.executable, "-m", "pytest", *parallel, *given.rest]
    environment = os.environ | _kafka(given.kafka)
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def _kafka(which: str | None) -> dict[str, str]:
    """What tells tests/conftest.py, which starts the servers."""
    if which is None:
        return {}
    return {"FILIERA_TEST_KAFKA": which} if which in PORTS else {"FILIERA_KAFKA": which}
