"""Render the overlays; check Kubernetes' own kinds; write the operators' kinds down for the TypeScript compiler.

A literal of a declared type is checked as an API server would check it: no unknown field, none missing, no wrong type.
"""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
KUBECTL = Path(sys.executable).with_name("kubectl")
KUBERNETES = "1.33"
"""The oldest version that the manifests are for."""
PACKAGES = {
    "external-secrets.io": "external-secrets",
    "gateway.networking.k8s.io": "gateway-api",
    "keda.sh": "keda",
    "monitoring.coreos.com": "prometheus-operator",
    "postgresql.cnpg.io": "cloudnative-pg",
}
"""Package of @kubernetes-models that has the types of an API group."""
NOT_PUBLISHED = {"kafka.strimzi.io", "barmancloud.cnpg.io"}
"""Groups whose schemas no package registry carries. tests/deploy checks what of theirs can be derived from the code."""


def render(overlay: str) -> Iterator[dict[str, Any]]:
    """Every resource of an overlay."""
    folder = ROOT / "deploy" / "kubernetes" / "overlays" / overlay
    made = subprocess.run([str(KUBECTL), "kustomize", str(folder)], check=True, capture_output=True, text=True)
    return (one for one in yaml.safe_load_all(made.stdout) if one)


def group(resource: dict[str, Any]) -> str:
    """API group of a resource; empty for the oldest kinds."""
    return str(resource["apiVersion"]).rpartition("/")[0]


def check(resource: dict[str, Any]) -> str | None:
    """What is wrong with a resource of a kind of Kubernetes' own."""
    try:
        kubernetes_validate.validate(resource, KUBERNETES, strict=True)
    except kubernetes_validate.ValidationError as error:
        where = "/".join(map(str, error.path))
        return f"{resource['kind']} {resource['metadata']['name']}: {where}: {error.message}"
    return None


def typescript(resources: list[dict[str, Any]]) -> str:
    """A module with one typed literal a resource."""
    lines = []
    for number, one in enumerate(resources):
        module = f"@kubernetes-models/{PACKAGES[group(one)]}/{one['apiVersion']}/{one['kind']}"
        lines.append(f'import type {{ I{one["kind"]} as T{number} }} from "{module}";')
        lines.append(f"export const r{number}: T{number} = {json.dumps(one, indent=1)};")
    return "\n".join(lines) + "\n"


def main() -> int:
    """0 if Kubernetes' own kinds are right."""
    resources = [one for overlay in ("small", "production") for one in render(overlay)]
    typed = [one for one in resources if group(one) in PACKAGES]
    unchecked = [one for one in resources if group(one) in NOT_PUBLISHED]
    core = [one for one in resources if group(one) not in PACKAGES.keys() | NOT_PUBLISHED]
    wrong = [sentence for one in core if (sentence := check(one))]
    (HERE / "resources.ts").write_text(typescript(typed))
    told = (("Kubernetes' schemas", core), ("the operators' types", typed), ("NOT CHECKED", unchecked))
    for what, some in told:
        kinds = Counter(one["kind"] for one in some)
        print(f"{what}: {len(some)}:", ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())))
    for sentence in wrong:
        print(sentence, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
