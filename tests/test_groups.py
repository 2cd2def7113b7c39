"""Tests of a group run one after another on one worker: several platforms at once would miss their deadlines."""

import os

import pytest


@pytest.mark.xdist_group("groups")
@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="there are no workers without -n")
def test_the_runner_heeds_groups(request: pytest.FixtureRequest) -> None:
    """pytest-xdist tells its scheduler of a group by the test's id, and that went unheard with pytest 9.2 (#1386)."""
    assert request.node.nodeid.endswith("@groups")
