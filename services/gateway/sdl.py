"""The schema in its definition language, and whether it still serves who was built against the last release.

    python -m services.gateway.sdl              write schema.graphql
    python -m services.gateway.sdl --check      exit 1 unless that is up to date
    python -m services.gateway.sdl --compat     compare with released/schema.graphql; exit 1 and say what breaks
    python -m services.gateway.sdl --release    the same, then remember the present schema as the released one

What must break is allowed by name: its sentence is a line of released/allowed.txt. A release empties that file.
"""

import sys
from argparse import ArgumentParser
from pathlib import Path

from libs.graphql.compat import faults
from services.gateway.api.schema import schema

PATH = Path(__file__).with_name("schema.graphql")
RELEASED = PATH.parent / "released" / PATH.name
ALLOWED = RELEASED.with_name("allowed.txt")


def generated() -> str:
    """The schema in its definition language."""
    return schema.as_str() + "\n"


def main(arguments: list[str]) -> int:
    """Run the command; returns the exit code."""
    parser = ArgumentParser(prog="python -m services.gateway.sdl", description=(__doc__ or "").split("\n")[0])
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--check", action="store_true", help="write nothing; exit 1 unless schema.graphql is up to date")
    how.add_argument("--compat", action="store_true", help="write nothing; exit 1 and say what breaks a client")
    how.add_argument("--release", action="store_true", help="the same, then remember the schema as the released one")
    asked = parser.parse_args(arguments)
    if found := _stale() if asked.check else _broken() if asked.compat or asked.release else []:
        print(*found, sep="\n", file=sys.stderr)
        return 1
    if asked.release:
        RELEASED.write_text(generated())
        ALLOWED.write_text("")
    elif not (asked.check or asked.compat):
        PATH.write_text(generated())
    return 0


def _stale() -> list[str]:
    told = "schema.graphql is not what the code says: run `python -m services.gateway.sdl`"
    return [] if PATH.read_text() == generated() else [told]


def _broken() -> list[str]:
    return faults(RELEASED.read_text(), generated(), ALLOWED.read_text().splitlines())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
