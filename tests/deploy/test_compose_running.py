"""The composed platform, really started: it plays the story, and it can be restarted piece by piece under load."""

import asyncio
import os
from collections.abc import Iterator

import pytest

from libs.kit.testing import eventually
from tests import containers
from tests.deploy.composed import Composed
from tests.deploy.test_compose import compose_is_installed
from tests.system.flow import orders_flowing, settled
from tests.system.running import SERVICES, free_ports

pytestmark = [
    pytest.mark.skipif(not containers.available(), reason="no Docker engine answers, or FILIERA_CONTAINERS=0"),
    pytest.mark.skipif(not compose_is_installed(), reason="docker compose is not installed here"),
    pytest.mark.xdist_group("system"),  # not beside the other platform: each has deadlines under load
    pytest.mark.timeout(1200),
]
MB = 1_000_000


@pytest.fixture(scope="module")
def composed() -> Iterator[Composed]:
    """The whole platform on Apache Kafka, PostgreSQL, Valkey and Keycloak."""
    project = Composed(f"filiera-test-{os.getpid()}", free_ports())
    try:
        project.up()
        yield project
    finally:
        project.down()


def test_the_story_plays_with_tokens_of_keycloak(composed: Composed) -> None:
    assert "All 10 steps held" in composed.demo()


async def test_every_service_restarted_under_load_loses_nothing(composed: Composed) -> None:
    async with composed.client() as client:
        async with orders_flowing(client, composed) as acknowledged:
            for name in SERVICES:
                before = len(acknowledged)
                await asyncio.to_thread(composed.compose, "stop", name)
                assert composed.state(name)["ExitCode"] == 0, "it ended by itself within its 10 s, and was not killed"
                await asyncio.to_thread(composed.compose, "up", "--detach", "--wait", "--no-deps", name)
                await eventually(lambda before=before: len(acknowledged) > before + 5, seconds=30)
        assert await settled(composed) == []


def test_the_image_is_small_and_holds_no_tools(composed: Composed) -> None:
    size = composed.run("docker", "image", "inspect", "--format", "{{.Size}}", "filiera:local")
    assert int(size) < 250 * MB
    tools = composed.compose("exec", "-T", "gateway", "sh", "-c", "command -v gcc cc make pip curl git || id -u")
    assert tools.strip() == "10001"


def test_a_service_cannot_write_to_its_root(composed: Composed) -> None:
    with pytest.raises(AssertionError, match="Read-only file system"):
        composed.compose("exec", "-T", "orders", "touch", "/app/anything")


def test_up_again_changes_nothing(composed: Composed) -> None:
    before = {name: composed.state(name)["ID"] for name in SERVICES}
    composed.compose("up", "--wait")
    assert {name: composed.state(name)["ID"] for name in SERVICES} == before


async def test_what_was_taken_down_comes_up_again_with_all_that_it_had(composed: Composed) -> None:
    had = await composed.ask("orders", "SELECT id, state FROM orders ORDER BY id")
    composed.compose("down")
    composed.up()
    assert await composed.ask("orders", "SELECT id, state FROM orders ORDER BY id") == had != []
    assert await settled(composed) == []
    assert "All 10 steps held" in composed.demo()
