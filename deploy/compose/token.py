"""Prints a token that speaks for a party in a role. The party's account is made if there is none; the secret of the
client `demo` comes on standard input. Runs where Keycloak can be reached: see the script `token` beside it."""

import hashlib
import hmac
import json
import sys
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

KEYCLOAK = "http://keycloak:8080"
TOKENS = f"{KEYCLOAK}/realms/filiera/protocol/openid-connect/token"
USERS = f"{KEYCLOAK}/admin/realms/filiera/users"


def main(party: str, role: str) -> None:
    secret = sys.stdin.read().strip()
    password = hmac.new(secret.encode(), party.encode(), hashlib.sha256).hexdigest()
    make_account(granted(secret, grant_type="client_credentials"), party, role, password)
    print(granted(secret, grant_type="password", username=party, password=password))


def granted(secret: str, **grant: str) -> str:
    """An access token."""
    form = urlencode({"client_id": "demo", "client_secret": secret, **grant})
    answer: dict[str, str] = json.loads(sent(Request(TOKENS, form.encode())))
    return answer["access_token"]


def make_account(token: str, party: str, role: str, password: str) -> None:
    credentials = [{"type": "password", "value": password, "temporary": False}]
    account: dict[str, Any] = {"username": party, "enabled": True, "credentials": credentials}
    account |= {"attributes": {"party": [party]}, "groups": [role]}
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    try:
        sent(Request(USERS, json.dumps(account).encode(), headers))
    except HTTPError as error:
        if error.code != 409:  # it is there already
            raise


def sent(request: Request) -> bytes:
    with urlopen(request, timeout=15) as answer:
        return bytes(answer.read())


if __name__ == "__main__":
    main(*sys.argv[1:])
