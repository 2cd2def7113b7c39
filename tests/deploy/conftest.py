"""Both installations that the manifests are for."""

import pytest


@pytest.fixture(params=["small", "production"])
def overlay(request: pytest.FixtureRequest) -> str:
    return str(request.param)
