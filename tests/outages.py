"""Brokers that are killed while the tests go on: `./filiera test --kafka apache:3 --lose-brokers`."""

import time

import pytest

from libs.stack.brokers import Brokers
from libs.stack.child import Child

AWAY = 15.0
"""Seconds that a broker is away, at least: five times what the others take to see it."""


class LostBrokers:
    """kill -9 of each broker of the run in its turn, and its start again. The tests are not told."""

    def __init__(self, brokers: Brokers) -> None:
        self._brokers = brokers
        self._next = list(brokers.children)
        self._away: Child | None = None
        self._since = 0.0
        self._done = 0
        self._told: list[str] = []

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        self._session = session

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """After each test of any worker, in the process whose children the brokers are."""
        self._done += report.when == "teardown"
        if self._away and time.monotonic() - self._since > AWAY:
            self._bring_back(self._away)
        elif self._next and not self._away and self._done >= self._turn() * self._session.testscollected:
            self._kill(self._next.pop(0))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """A run in which a broker was never killed has shown nothing of it."""
        if self._next:
            self._told.append(
                f"{', '.join(one.name for one in self._next)}: never killed, the run was too short for it"
            )
            session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("lost brokers")
        for line in self._told:
            terminalreporter.line(line)

    def _turn(self) -> float:
        """Which share of the tests is done when the next broker goes: evenly spread over the run."""
        count = len(self._brokers.children)
        return (count + 1 - len(self._next)) / (count + 1)

    def _kill(self, broker: Child) -> None:
        broker.kill()
        self._away, self._since = broker, time.monotonic()
        self._told.append(f"{broker.name}: kill -9 after {self._done} of {self._session.testscollected} tests")

    def _bring_back(self, broker: Child) -> None:
        # Not waited for: the others go on, and so do the tests.
        with self._brokers.home.log(broker.name).open("ab") as output:
            broker.start(output)
        self._told[-1] += f", started again {time.monotonic() - self._since:.0f} s later"
        self._away = None
