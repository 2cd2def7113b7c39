"""The tools of docs/operations.md know all that there is to restore. `deploy/restore/drill.py` does it, in .ci/run."""

from pathlib import Path

import yaml

from deploy.restore.forward import TABLES
from libs.contracts import topics
from libs.kit.migrate import services
from libs.messaging.topics import DECLARED

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
