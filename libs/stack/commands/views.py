"""Look after the read models."""

import argparse
import os
import subprocess
import sys

from libs.stack import state
from libs.stack.home import Home
from libs.stack.platform import ROOT

HELP = "rebuild: build the gateway's read models anew from Kafka, while the old ones answer"
EXAMPLE = """\
example: ./filiera views rebuild
New tables are filled beside the old ones and take their place once they have all that the gateway has been told. What
the log has lost, its owners send again. The exit code is 1, and nothing is changed, if that does not come to an end."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["rebuild"], metavar="ACTION", help="rebuild")


def run(given: argparse.Namespace) -> int:
    found = state.running(Home(given.home))
    command = [sys.executable, "-P", "-m", f"libs.read_models.{given.action}", "gateway", "--republish"]
    return subprocess.run(command, cwd=ROOT, env=os.environ | found.environment, check=False).returncode
