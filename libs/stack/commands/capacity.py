"""Look after the capacity ledger."""

import argparse
import os
import subprocess
import sys

from libs.stack import state
from libs.stack.home import Home
from libs.stack.platform import ROOT

HELP = "audit: is the ledger, bucket by bucket, what the event log tells?"
EXAMPLE = """\
example: ./filiera capacity audit
The ledger is rebuilt from the log and compared with the database; the exit code is 1 if they differ."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["audit"], metavar="ACTION", help="audit")


def run(given: argparse.Namespace) -> int:
    found = state.running(Home(given.home))
    command = [sys.executable, "-P", "-m", f"services.capacity.{given.action}"]
    return subprocess.run(command, cwd=ROOT, env=os.environ | found.environment, check=False).returncode
