"""Consuming: at least once from Kafka, exactly once in effect."""

from collections.abc import Sequence

from libs.kit.clock import Clock
from libs.kit.db import Database
from libs.kit.delivery import Subscription, batch, each
from libs.kit.settings import Settings

__all__ = ["Consumer", "Subscription", "batch", "each"]


class Consumer:
    """Reads the topics of its subscriptions as one group per service. Types first; the body follows."""

    def __init__(
        self, database: Database, settings: Settings, subscriptions: Sequence[Subscription], clock: Clock
    ) -> None:
        self._given = (database, settings, subscriptions, clock)
        self.lag: dict[str, int] = {}
        self.joined = False

    def seconds_since_poll(self) -> float:
        """How long ago the loop last turned."""
        raise NotImplementedError

    async def run(self) -> None:
        """Consume until cancelled."""
        raise NotImplementedError
