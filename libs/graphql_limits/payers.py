"""Who pays for what is asked, and what is said to whoever cannot."""

from ipaddress import IPv6Address, ip_address

from graphql import GraphQLError

from libs.contracts.values import PartyKind
from libs.graphql_limits.documents import Refusal
from libs.graphql_limits.rules import Rules
from libs.kit.auth import Principal

RATE_LIMITED = "RATE_LIMITED"


def payer(rules: Rules, caller: Principal | None, address: str) -> tuple[str, int]:
    """The name of the budget, and its points a minute: the caller's, or the address's if nobody says who is calling."""
    if caller is None:
        return f"address:{_network(address)}", rules.points_anonymous
    return f"party:{caller.party}", rules.points_hub if is_hub(caller) else rules.points_party


def is_hub(caller: Principal | None) -> bool:
    """Whether a hub calls, which brings many things at once: it may spend and send more."""
    return caller is not None and caller.role == PartyKind.HUB


def too_dear(limit: int, seconds: int) -> Refusal:
    """What is told to whoever has too few points left for so many seconds."""
    return Refusal(GraphQLError(spent_told(limit, seconds), extensions={"code": RATE_LIMITED, "retryAfter": seconds}))


def spent_told(limit: int, seconds: int) -> str:
    """The sentence of it."""
    return f"You have asked for more than {limit} points a minute. Try again in {seconds} s."


def _network(address: str) -> str:
    """Of IPv6 the /64: whoever has one address there has them all."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or IPv6Address(int(parsed) >> 64 << 64))
    return str(parsed)
