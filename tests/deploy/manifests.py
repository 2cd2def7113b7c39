"""What kustomize makes of the overlays, and what the code says beside it."""

import functools
import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "deploy" / "kubernetes"
SERVICES = sorted(path.parent.name for path in (ROOT / "services").glob("*/app.py"))

Resource = dict[str, Any]


@functools.cache
def rendered(overlay: str) -> tuple[Resource, ...]:
    kubectl = Path(sys.executable).with_name("kubectl")
    folder = KUBERNETES / "overlays" / overlay
    made = subprocess.run([str(kubectl), "kustomize", str(folder)], check=True, capture_output=True, text=True)
    return tuple(one for one in yaml.safe_load_all(made.stdout) if one)


def of_kind(overlay: str, *kinds: str) -> dict[str, Resource]:
    return {one["metadata"]["name"]: one for one in rendered(overlay) if one["kind"] in kinds}


def subscribed(service: str) -> set[str]:
    reactions = importlib.import_module(f"services.{service}.subscriptions").SUBSCRIPTIONS
    return {event.topic for reaction in reactions for event in reaction.types}
