"""Make a token to call the API with."""

import argparse
import sys
import time

from libs.stack.errors import StackError
from libs.stack.home import Home
from libs.stack.issuer import ROLES, Issuer, party_id

HELP = "print a token that speaks for a party"
EXAMPLE = """\
example: curl -H "Authorization: Bearer $(./filiera token --party sartoria-brera --role workshop)" ...
A name always means the same party. The token is signed by a key in the home, which only this instance trusts."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--party", required=True, metavar="NAME", help="any name, or a UUID")
    parser.add_argument("--role", required=True, choices=ROLES)
    parser.add_argument("--hours", type=float, default=12, help="how long it is good for (default: 12)")


def run(given: argparse.Namespace) -> int:
    if not given.party.strip():
        raise StackError("--party is empty: give a name, such as sartoria-brera, or a UUID")
    if not 0 < given.hours <= 24 * 365:
        raise StackError("--hours must be more than 0 and at most 8760 (a year)")
    home = Home(given.home)
    home.make()
    party, seconds = party_id(given.party), int(given.hours * 3600)
    print(Issuer(home).token(party, given.role, f"{given.party}@filiera-dev", seconds))
    until = time.strftime("%Y-%m-%d %H:%M %Z", time.localtime(time.time() + seconds))
    print(f"party {party} ({given.party}), role {given.role}, good until {until}", file=sys.stderr)
    return 0
