"""What the alerts ask for is there to be asked: each metric is exported, scraped, and from this installation."""

import importlib
import re

import prometheus_client

from tests.deploy.manifests import Resource, of_kind, selected

OF_THE_CLUSTER = "kube_"
"""Metrics of kube-state-metrics, which docs/operations.md asks for."""


def expressions(overlay: str) -> list[str]:
    (rules,) = of_kind(overlay, "PrometheusRule").values()
    return [rule["expr"] for group in rules["spec"]["groups"] for rule in group["rules"]]


def asked(overlay: str) -> dict[str, str]:
    """Metrics that the alerts ask for, each with what it is asked for by, e.g. `namespace="filiera"`."""
    found = re.findall(r"\b((?:filiera|kube|barman_cloud|cnpg)_\w+)({[^}]*})?", " ".join(expressions(overlay)))
    return dict(found)


def test_every_alert_asks_for_a_metric_of_this_installation(overlay: str) -> None:
    assert len(expressions(overlay)) <= len(asked(overlay))
    assert not [metric for metric, labels in asked(overlay).items() if 'namespace="filiera"' not in labels]


def test_alerts_are_about_metrics_that_the_services_have(overlay: str) -> None:
    ours = {metric.removesuffix("_bucket") for metric in asked(overlay) if metric.startswith("filiera_")}
    for module in ("libs.service.app", "libs.graphql.schema"):
        importlib.import_module(module)
    assert len(ours) >= 5
    assert ours <= {metric.name for metric in prometheus_client.REGISTRY.collect()}


def sources(overlay: str) -> dict[str, list[tuple[dict[str, str], str, int]]]:
    """Who exports the metrics that begin so: labels of its pods, and the port, by its name and number."""
    templates = {name: one["spec"]["template"] for name, one in of_kind(overlay, "Deployment").items()}
    services = [
        (template["metadata"]["labels"], port["name"], port["containerPort"])
        for template in templates.values()
        for port in template["spec"]["containers"][0]["ports"]
        if template["metadata"]["labels"]["app.kubernetes.io/component"] == "service"
    ]
    # CloudNativePG's own doing: its pods' label, its exporter's port.
    databases = [({"cnpg.io/cluster": name}, "metrics", 9187) for name in of_kind(overlay, "Cluster")]
    return {"filiera": services, "barman": databases, "cnpg": databases}


def scraped(overlay: str, labels: dict[str, str], port: str) -> bool:
    return any(
        labels.items() >= monitor["spec"]["selector"]["matchLabels"].items()
        and port in [endpoint["port"] for endpoint in monitor["spec"]["podMetricsEndpoints"]]
        for monitor in of_kind(overlay, "PodMonitor").values()
    )


def let_in(overlay: str, labels: dict[str, str], port: int) -> bool:
    """Whether Prometheus may speak to that port."""
    space = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    rules: list[Resource] = [
        rule
        for policy in of_kind(overlay, "NetworkPolicy").values()
        if selected(policy, labels)
        for rule in policy["spec"].get("ingress", [])
    ]
    return any(space in rule["from"] and {"port": port} in rule["ports"] for rule in rules)


def test_prometheus_reaches_whoever_has_what_an_alert_asks_for(overlay: str) -> None:
    for prefix in {metric.partition("_")[0] for metric in asked(overlay) if not metric.startswith(OF_THE_CLUSTER)}:
        for labels, name, number in sources(overlay)[prefix]:
            assert scraped(overlay, labels, name), f"{prefix}: no PodMonitor selects {labels}"
            assert let_in(overlay, labels, number), f"{prefix}: no NetworkPolicy lets Prometheus in to {labels}"


def test_a_backup_that_nobody_knows_of_is_an_alert_too(overlay: str) -> None:
    (backup,) = [expression for expression in expressions(overlay) if "barman" in expression]
    metric = "barman_cloud_cloudnative_pg_io_last_available_backup_timestamp"
    assert backup.endswith(f'or absent({metric}{{namespace="filiera"}})')
