"""`filiera`: the platform on one machine."""

import argparse
import importlib
import os
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from libs.stack.errors import StackError
from libs.stack.platform import ROOT

COMMANDS = ("up", "down", "status", "demo", "token", "psql", "events", "capacity", "views", "test", "bench")

EPILOG = """\
the first three commands:
  ./filiera up          start everything, show where it listens, stream the logs; Ctrl-C stops it
  ./filiera demo        (in a second terminal) play the story of a made-to-order piece through the API
  ./filiera status      every process, its oldest unsent event, its lag, what is parked

more:
  ./filiera up --detach && ./filiera down         for scripts: returns when all is ready
  ./filiera up --home /tmp/second --port 8100     a second instance beside the first
  ./filiera token --party sartoria-brera --role workshop
  ./filiera psql capacity -c "TABLE bucket LIMIT 5"
  ./filiera events tail capacity.hold
  ./filiera capacity audit
  ./filiera views rebuild
  ./filiera test tests/libs/kit

All data is in .filiera/ in this folder (--home) and is kept; remove the folder to begin afresh.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; an expected failure is one sentence and exit code 1 (a wrong argument: 2)."""
    given, rest = _parser().parse_known_args(arguments)
    if rest and not given.takes_rest:
        _parser().error(f"unknown argument: {rest[0]} (try `./filiera {given.command} --help`)")
    given.rest = rest
    try:
        return int(given.run(given))
    except StackError as error:
        print(f"filiera: {error}", file=sys.stderr)
        return 1
    except PermissionError as error:
        print(f"filiera: {error.filename} belongs to another user: choose a folder with --home", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `filiera ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _folder(given: str) -> Path:
    if not given:
        raise argparse.ArgumentTypeError("is empty: name a folder, or leave it out for .filiera")
    return Path(given)


class _Version(argparse.Action):
    """Looks for the version only when asked."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        print("filiera", tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./filiera",
        description="Filiera joins the workshops, brands and shops of a city: capacity as bookable inventory.\n"
        "This command runs the whole platform on this machine; it needs nothing but Python.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in COMMANDS:
        _add(commands, name)
    return parser


def _add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str) -> None:
    module = importlib.import_module(f"libs.stack.commands.{name}")
    command = commands.add_parser(
        name,
        help=module.HELP,
        description=module.HELP,
        epilog=module.EXAMPLE,
        add_help=not getattr(module, "OWN_HELP", False),
        allow_abbrev=False,  # what we do not know goes on to pytest, psql …, as it stands
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument(
        "--home",
        type=_folder,
        default=ROOT / ".filiera",
        metavar="DIR",
        help="folder of the instance (default: .filiera)",
    )
    command.set_defaults(run=module.run, takes_rest=getattr(module, "TAKES_REST", False))
    module.arguments(command)
