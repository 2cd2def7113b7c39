"""The tools of docs/operations.md know all that there is to restore. `deploy/restore/drill.py` does it, in .ci/run."""

import os
import re
import subprocess
from pathlib import Path

import yaml

from deploy.restore.forward import TABLES
from libs.contracts import topics
from libs.kit.migrate import services
from libs.messaging.topics import DECLARED
from tests.deploy.manifests import KUBECTL, KUBERNETES, of_kind

ROOT = Path(__file__).parents[2]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()


def test_what_a_service_has_told_can_be_put_back_for_every_topic() -> None:
    own = {topic for service, tables in TABLES.items() for topic, _, _ in tables if topic in topics(service)}
    assert own == set(DECLARED)
    assert {service for service in services() if topics(service)} == TABLES.keys()


def test_every_alert_is_explained() -> None:
    manifest = yaml.safe_load((ROOT / "deploy" / "kubernetes" / "base" / "alerts.yaml").read_text())
    alerts = [rule["alert"] for group in manifest["spec"]["groups"] for rule in group["rules"]]
    assert alerts
    assert not [alert for alert in alerts if f"`{alert}`" not in OPERATIONS]


def test_what_is_recovered_archives_where_nothing_is_yet(tmp_path: Path) -> None:
    _, patch = re.findall(r"```yaml\n(.*?)```", OPERATIONS, re.DOTALL)
    overlay = os.path.relpath(KUBERNETES / "overlays" / "production", tmp_path.resolve())
    (tmp_path / "restored.yaml").write_text(patch)
    (tmp_path / "kustomization.yaml").write_text(
        yaml.safe_dump({"resources": [overlay], "patches": [{"path": "restored.yaml"}]})
    )
    command = [str(KUBECTL), "kustomize", str(tmp_path)]
    made = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    (cluster,) = [one["spec"] for one in yaml.safe_load_all(made) if one["kind"] == "Cluster"]
    ((source,), (archive,)) = cluster["externalClusters"], cluster["plugins"]
    assert cluster["bootstrap"]["recovery"]["source"] == source["name"]
    assert source["plugin"]["parameters"]["serverName"] != archive["parameters"]["serverName"]
    before = of_kind("production", "Cluster")["postgres"]["spec"]
    added = {"bootstrap", "externalClusters", "plugins"}
    assert {name: cluster[name] for name in cluster.keys() - added} == {
        name: before[name] for name in before.keys() - added
    }
    (archiver,) = before["plugins"]
    assert archive | {"parameters": archive["parameters"] | {"serverName": ""}} == archiver | {
        "parameters": archiver["parameters"] | {"serverName": ""}
    }
