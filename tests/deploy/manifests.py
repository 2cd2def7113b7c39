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
KUBECTL = Path(sys.executable).with_name("kubectl")
SERVICES = sorted(path.parent.name for path in (ROOT / "services").glob("*/app.py"))

Resource = dict[str, Any]


@functools.cache
def rendered(overlay: str) -> tuple[Resource, ...]:
    folder = KUBERNETES / "overlays" / overlay
    made = subprocess.run([str(KUBECTL), "kustomize", str(folder)], check=True, capture_output=True, text=True)
    return tuple(one for one in yaml.safe_load_all(made.stdout) if one)


def of_kind(overlay: str, *kinds: str) -> dict[str, Resource]:
    return {one["metadata"]["name"]: one for one in rendered(overlay) if one["kind"] in kinds}


def subscribed(service: str) -> set[str]:
    reactions = importlib.import_module(f"services.{service}.subscriptions").SUBSCRIPTIONS
    return {event.topic for reaction in reactions for event in reaction.types}


def selected(policy: Resource, labels: dict[str, str]) -> bool:
    """Whether a NetworkPolicy is about pods with these labels."""
    selector = policy["spec"]["podSelector"]
    wanted = [(key, [value]) for key, value in selector.get("matchLabels", {}).items()]
    wanted += [(one["key"], one["values"]) for one in selector.get("matchExpressions", [])]
    return all(labels.get(key) in values for key, values in wanted)
