"""Run the benchmarks."""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from libs.stack.brokers import EMBEDDED, PORTS, choice
from libs.stack.platform import ROOT
from libs.stack.servers import Servers

HELP = "measure: ratios against the naive ways and the physical limit, side by side in one run"
EXAMPLE = """\
examples: ./filiera bench messaging holds
          ./filiera bench --kafka apache messaging
FILIERA_POSTGRES, FILIERA_KAFKA and FILIERA_REDIS, if all three are given, name other servers."""
TAKES_REST = True

GIVEN = ("FILIERA_POSTGRES", "FILIERA_KAFKA", "FILIERA_REDIS")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--kafka",
        type=choice,
        default=EMBEDDED,
        metavar="WHICH",
        help=f"{', '.join(PORTS)}, or HOST:PORT[,HOST:PORT...] of a cluster",
    )


def run(given: argparse.Namespace) -> int:
    if all(name in os.environ for name in GIVEN):
        return _bench(given.rest, dict(os.environ))
    # Durable: what is measured includes the wait for the disk.
    with tempfile.TemporaryDirectory(prefix="filiera-") as folder, Servers(Path(folder), kafka=given.kafka) as servers:
        print(f"Kafka: {servers.brokers.label}", flush=True)
        return _bench(given.rest, os.environ | servers.environment() | {"FILIERA_KAFKA_CREATE_TOPICS": "true"})


def _bench(names: list[str], environment: dict[str, str]) -> int:
    return subprocess.run([sys.executable, "-m", "bench", *names], cwd=ROOT, env=environment, check=False).returncode
