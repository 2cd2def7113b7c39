"""The command: `./filiera demo`."""

import argparse
import asyncio
import shlex
import subprocess
import sys
from pathlib import Path
from uuid import UUID

from rich.console import Console

from libs.demo.client import DemoError, Platform, Tokens
from libs.demo.load import load
from libs.demo.milan import FIRMS
from libs.demo.story import play
from libs.stack import state
from libs.stack.errors import StackError
from libs.stack.home import Home
from libs.stack.issuer import Issuer
from libs.stack.platform import DEFAULT_PORT, ROOT

_TOKEN_SECONDS = 12 * 3600


def main(argv: list[str]) -> int:
    """Load and play as told; the exit code: 0 only if everything was as the story says."""
    given = _parser().parse_args(argv)
    try:
        asyncio.run(_demo(given, Console(highlight=False, soft_wrap=True)))
    except (DemoError, StackError) as error:
        print(f"filiera: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("filiera: stopped; run it again when you like", file=sys.stderr)
        return 130
    return 0


async def _demo(given: argparse.Namespace, console: Console) -> None:
    home = Home(given.home)
    tokens = _commanded(given.token_command) if given.token_command else _issued(home)
    async with Platform(given.gateway or _gateway(home), tokens) as platform:
        await platform.answers()
        if given.scale:
            await load(platform, console, given.scale, given.seed)
        await play(platform, console)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./filiera demo", description="Play the story of made-to-order shirts through the public GraphQL API."
    )
    parser.add_argument("--home", type=Path, default=ROOT / ".filiera", metavar="DIR", help="folder of the instance")
    parser.add_argument("--gateway", metavar="URL", help="its address (default: where the instance of --home listens)")
    parser.add_argument("--scale", type=_count, metavar="N", help=f"first load that many firms (all of Milan: {FIRMS})")
    parser.add_argument("--seed", type=int, default=7, metavar="N", help="of the firms made up (default: 7)")
    parser.add_argument(
        "--token-command",
        type=_command,
        metavar="CMD",
        help="prints a bearer token; {party} and {role} in it are filled in (default: the issuer of --home)",
    )
    return parser


def _count(text: str) -> int:
    if not 1 <= int(text) <= 1_000_000:
        raise argparse.ArgumentTypeError("give a number from 1 to 1000000")
    return int(text)


def _gateway(home: Home) -> str:
    found = state.read(home)
    return found.processes["gateway"].url if found else f"http://127.0.0.1:{DEFAULT_PORT}"


def _issued(home: Home) -> Tokens:
    """Tokens of the issuer of this home."""
    if not (home.issuer / "jwks.json").exists():
        raise DemoError(f"Nothing has run in {home.path}: start it with ./filiera up, or say where with --home")
    issuer = Issuer(home)
    return lambda party, role: issuer.token(party, role, "demo", _TOKEN_SECONDS)


def _command(text: str) -> list[str]:
    """The words of a command, each a pattern that can be filled in."""
    try:
        words = shlex.split(text)
        _filled_in(words, "", "")
    except (ValueError, LookupError, AttributeError) as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a command to fill in ({error}): {{party}} and {{role}} are, and other braces are doubled"
        ) from None
    if not words:
        raise argparse.ArgumentTypeError("give a command")
    return words


def _filled_in(words: list[str], party: str, role: str) -> list[str]:
    return [word.format(party=party, role=role) for word in words]


def _commanded(words: list[str]) -> Tokens:
    """Tokens that a command prints, for an instance with an OpenID provider."""

    def token(party: UUID, role: str) -> str:
        command = _filled_in(words, str(party), role)
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        except (OSError, subprocess.SubprocessError) as error:
            raise DemoError(f"The token command failed: {error}") from error
        if done.returncode or not done.stdout.strip():
            said = done.stderr.strip().rpartition("\n")[2] or "it printed nothing"
            raise DemoError(f"The token command {shlex.join(command)} ended with {done.returncode}: {said}")
        return done.stdout.strip()

    return token
