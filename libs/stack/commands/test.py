"""Run the tests."""

import argparse
import subprocess
import sys

from libs.stack.platform import ROOT

HELP = "run the tests, against servers of their own"
EXAMPLE = """\
example: ./filiera test tests/libs/kit -k outbox
Everything after `test` goes to pytest. FILIERA_POSTGRES, FILIERA_KAFKA and FILIERA_REDIS name other servers."""
TAKES_REST = True


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults()


def run(given: argparse.Namespace) -> int:
    alone = any(part.startswith(("-n", "--pdb")) for part in given.rest)
    parallel = [] if alone else ["-n", "auto", "--dist", "loadgroup"]  # system tests share one platform
    command = [sys.executable, "-m", "pytest", *parallel, *given.rest]
    return subprocess.run(command, cwd=ROOT, check=False).returncode  # tests/conftest.py starts the servers
