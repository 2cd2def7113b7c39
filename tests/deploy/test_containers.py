"""When the tests' servers are containers, and what is said when they do not start."""

import pytest

from tests import containers

engine = pytest.mark.skipif(not containers.available(), reason="no Docker engine answers, or FILIERA_CONTAINERS=0")


@engine
def test_who_says_no_gets_no_containers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILIERA_CONTAINERS", "0")
    assert not containers.available()


def test_without_an_engine_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FILIERA_CONTAINERS", raising=False)
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")  # the discard port, which nobody serves
    assert not containers.available()


@engine
def test_an_image_that_cannot_be_had_gets_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(containers.IMAGES, "FILIERA_REDIS", "filiera.invalid/nothing:1")
    with pytest.raises(pytest.UsageError, match=r"does not start in it .*FILIERA_CONTAINERS=0 runs the tests"):
        containers.Servers("FILIERA_REDIS").__enter__()
