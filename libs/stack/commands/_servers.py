"""Servers for the commands that need some and no platform."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from libs.stack.servers import Servers

GIVEN = ("FILIERA_POSTGRES", "FILIERA_KAFKA", "FILIERA_REDIS")


@contextmanager
def servers(*, durable: bool) -> Iterator[dict[str, str]]:
    """An environment with the servers it names, if it names all three, else with embedded ones in a passing home."""
    if all(name in os.environ for name in GIVEN):
        print("filiera: using the given servers:", ", ".join(os.environ[name] for name in GIVEN), flush=True)
        yield dict(os.environ)
        return
    with tempfile.TemporaryDirectory(prefix="filiera-") as folder, Servers(Path(folder), durable=durable) as embedded:
        print(f"filiera: using embedded PostgreSQL, Valkey and broker in {folder}", flush=True)
        yield os.environ | embedded.environment()
