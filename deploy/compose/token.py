"""Prints a token that speaks for a party in a role. The party's account is made if there is none; the secret of the
client `demo` comes on standard input. Runs where Keycloak can be reached: see the script `token` beside it."""

import hashlib
import hmac
import sys

import httpx

KEYCLOAK = "http://keycloak:8080"
TOKENS = "/realms/filiera/protocol/openid-connect/token"
USERS = "/admin/realms/filiera/users"
ROLES = ("brand", "workshop", "retailer", "lab", "hub")


def main(party: str, role: str, secret: str) -> None:
    password = hmac.new(secret.encode(), party.encode(), hashlib.sha256).hexdigest()
    with httpx.Client(base_url=KEYCLOAK, timeout=15) as keycloak:
        ours = granted(keycloak, secret, grant_type="client_credentials")
        make_account(keycloak, ours, party, role, password)
        print(granted(keycloak, secret, grant_type="password", username=party, password=password))


def granted(keycloak: httpx.Client, secret: str, **grant: str) -> str:
    """An access token."""
    form = {"client_id": "demo", "client_secret": secret, **grant}
    return str(told(keycloak.post(TOKENS, data=form)).json()["access_token"])


def make_account(keycloak: httpx.Client, token: str, party: str, role: str, password: str) -> None:
    credentials = [{"type": "password", "value": password, "temporary": False}]
    account = {"username": party, "enabled": True, "credentials": credentials}
    account |= {"attributes": {"party": [party]}, "groups": [role]}
    answer = keycloak.post(USERS, json=account, headers={"Authorization": f"Bearer {token}"})
    if answer.status_code != 409:  # it is there already
        told(answer)


def told(answer: httpx.Response) -> httpx.Response:
    if answer.is_error:
        sys.exit(f"Keycloak says {answer.status_code} to {answer.request.url}: {answer.text}")
    return answer


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[2] not in ROLES:
        sys.exit(f"usage: deploy/compose/token PARTY-UUID ROLE   (a role is one of {', '.join(ROLES)})")
    try:
        main(sys.argv[1], sys.argv[2], sys.stdin.read().strip())
    except httpx.HTTPError as error:
        sys.exit(f"Keycloak does not answer ({type(error).__name__}): docker compose ps")
