"""What a gateway lets callers ask and spend, told by its environment, and kept by all its processes together."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from libs.graphql_limits.budget import Budgets
from libs.graphql_limits.trusted import Trusted
from libs.kit.settings import FromEnvironment
from libs.service.runtime import Kit


class Rules(FromEnvironment):
    """`FILIERA_POINTS_PARTY` and so on."""

    points_anonymous: int = Field(60_000, ge=1)
    points_party: int = Field(300_000, ge=1)
    points_hub: int = Field(3_000_000, ge=1)
    """Points a minute that an address without a token, a party and a hub may spend, and the most at once (budget.py).
    A page of twenty resources with their terms costs some 100; a hub brings in a city."""
    introspection: bool = False
    """Whether the schema is told to whoever asks."""
    trusted_documents: Path | None = None
    """A manifest of documents that are asked for by their SHA-256 (trusted.py)."""
    trusted_only: bool = False
    """Whether nothing else may be asked."""
    answers_megabytes: int = Field(32, ge=0)
    """How much of Valkey's memory answers to whoever has no token may take (libs.graphql_cache); 0: none are kept."""


@dataclass(frozen=True)
class Allowed:
    """The rules in force, the documents known, and what callers have left."""

    rules: Rules
    trusted: Trusted
    budgets: Budgets


def allowed(kit: Kit, rules: Rules) -> Allowed:
    """At a service, by these rules. Raises SettingsError for a manifest that cannot be used."""
    trusted = Trusted.read(rules.trusted_documents, only=rules.trusted_only)
    prefix = f"{kit.settings.topic_prefix}{kit.settings.service}.budget:"
    return Allowed(rules, trusted, Budgets(kit.cache, kit.clock, prefix))
