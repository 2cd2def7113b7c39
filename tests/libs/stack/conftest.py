from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.libs.stack.clone import Clone


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Clone]:
    """A clone to start and stop platforms in; stopped afterwards."""
    made = Clone(tmp_path)
    yield made
    assert made.run("down").returncode == 0
