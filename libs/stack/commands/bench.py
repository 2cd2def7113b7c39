"""Run the benchmarks."""

import argparse
import subprocess
import sys

from libs.stack.commands._servers import servers
from libs.stack.platform import ROOT

HELP = "measure: ratios against the naive ways and the physical limit, side by side in one run"
EXAMPLE = "example: ./filiera bench relay holds"
TAKES_REST = True


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults()


def run(given: argparse.Namespace) -> int:
    with servers(durable=True) as environment:  # what is measured includes the wait for the disk
        return subprocess.run(
            [sys.executable, "-m", "bench", *given.rest], cwd=ROOT, env=environment, check=False
        ).returncode
