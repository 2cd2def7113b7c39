"""Open a service's database."""

import argparse
import os
from urllib.parse import urlsplit

from libs.stack import state
from libs.stack.home import Home
from libs.stack.platform import services
from libs.stack.postgres import BINARIES

HELP = "open the database of a service, as administrator"
EXAMPLE = """\
examples: ./filiera psql orders
          ./filiera psql orders -c "SELECT state, count(*) FROM orders GROUP BY state"
Everything else after SERVICE goes to PostgreSQL's psql: -c runs a statement, -f a file, -A -t prints bare rows."""
TAKES_REST = True


def arguments(parser: argparse.ArgumentParser) -> None:
    known = [*services(), "postgres"]
    parser.add_argument("service", choices=known, metavar="SERVICE", help=f"{', '.join(known)} (the server's own)")


def run(given: argparse.Namespace) -> int:
    found = state.running(Home(given.home))
    address = urlsplit(found.environment["FILIERA_POSTGRES"])._replace(path=f"/{given.service}")
    psql = str(BINARIES / "psql")
    os.execv(psql, [psql, address.geturl(), *given.rest])  # noqa: S606 - becoming psql is the point
