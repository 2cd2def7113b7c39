"""Clocks for tests."""

from datetime import datetime, timedelta

from libs.kit.clock import SystemClock


class HandClock(SystemClock):
    """The machine's clock, moved by hand."""

    ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.ahead)
