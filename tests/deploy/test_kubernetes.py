"""What the manifests promise, over the YAML that kustomize makes of both overlays."""

import importlib
import json
from collections.abc import Iterator

import pytest
from fastapi.routing import APIRoute
from uvicorn.middleware.proxy_headers import _TrustedHosts

from libs.contracts import PARTITIONS, REGISTRY, TOPIC_CONFIG, topics
from libs.graphql_limits.rules import Rules
from libs.kit.db import BACKGROUND
from libs.kit.settings import Settings
from libs.messaging.topics import DECLARED
from libs.service import health
from tests.deploy.manifests import SERVICES, Resource, of_kind, rendered, selected, subscribed


def pods(overlay: str) -> dict[str, Resource]:
    return {name: one["spec"]["template"]["spec"] for name, one in of_kind(overlay, "Deployment", "Job").items()}


def containers(overlay: str) -> Iterator[tuple[Resource, Resource]]:
    for pod in pods(overlay).values():
        yield from ((pod, container) for container in pod["containers"])


def settings_of(overlay: str) -> dict[str, str]:
    (found,) = (one["data"] for one in rendered(overlay) if one["kind"] == "ConfigMap")
    return dict(found)


# Pods


def test_every_service_of_the_code_is_deployed(overlay: str) -> None:
    commands = {name: pod["containers"][0]["command"] for name, pod in pods(overlay).items()}
    assert {name: commands[name] for name in SERVICES} == {s: ["uvicorn", f"services.{s}.app:api"] for s in SERVICES}
    assert set(of_kind(overlay, "Service")) == {*SERVICES, "valkey"}


def test_no_container_has_a_right_that_it_does_not_need(overlay: str) -> None:
    for pod, container in containers(overlay):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_no_pod_can_talk_to_the_cluster(overlay: str) -> None:
    accounts = of_kind(overlay, "ServiceAccount")
    for name, pod in pods(overlay).items():
        assert pod["serviceAccountName"] == name
        assert pod["automountServiceAccountToken"] is accounts[name]["automountServiceAccountToken"] is False


def test_every_container_has_its_share_of_processor_and_a_limit_of_memory(overlay: str) -> None:
    for _, container in containers(overlay):
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
        assert "memory" in container["resources"]["limits"]


def test_a_broker_outage_takes_no_pod_out_of_its_service_and_restarts_none(overlay: str) -> None:
    for name in SERVICES:
        (service,) = pods(overlay)[name]["containers"]
        probes = {probe: service[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "readiness", "liveness")}
        assert probes == {"startup": "/health/started", "readiness": "/health/serving", "liveness": "/health/live"}
        assert set(probes.values()) <= {route.path for route in health.router.routes if isinstance(route, APIRoute)}


def test_whatever_the_gateway_takes_comes_to_it_from_outside(overlay: str) -> None:
    """But for the page for people, and what is for whoever runs it."""
    (rule,) = of_kind(overlay, "HTTPRoute")["gateway"]["spec"]["rules"]
    led = {match["path"]["value"] for match in rule["matches"]}
    document = importlib.import_module("services.gateway.app").api.openapi()
    assert led == {f"/{path.split('/')[1]}" for path in document["paths"]} - {"/health", "/metrics"}


def test_a_pod_is_forgotten_before_it_stops_and_has_time_to_finish(overlay: str) -> None:
    for name in SERVICES:
        pod = pods(overlay)[name]
        pause = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert pause >= 5
        assert pod["terminationGracePeriodSeconds"] >= pause + 15


def test_a_release_takes_no_place_before_it_works(overlay: str) -> None:
    for name in SERVICES:
        strategy = of_kind(overlay, "Deployment")[name]["spec"]["strategy"]
        assert strategy["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}


def test_a_disruption_takes_one_pod_of_a_deployment_at_a_time(overlay: str) -> None:
    budgets = of_kind(overlay, "PodDisruptionBudget")
    assert budgets.keys() == of_kind(overlay, "Deployment").keys()
    for name, budget in budgets.items():
        assert budget["spec"]["maxUnavailable"] == 1
        assert budget["spec"]["selector"] == of_kind(overlay, "Deployment")[name]["spec"]["selector"]


# Scaling


def scaled(overlay: str) -> list[tuple[str, int, int]]:
    """(deployment, least, most), one for each autoscaler."""
    by_lag = [(one["spec"], "minReplicaCount", "maxReplicaCount") for one in of_kind(overlay, "ScaledObject").values()]
    by_load = [
        (one["spec"], "minReplicas", "maxReplicas") for one in of_kind(overlay, "HorizontalPodAutoscaler").values()
    ]
    return [(spec["scaleTargetRef"]["name"], spec[least], spec[most]) for spec, least, most in [*by_lag, *by_load]]


def test_every_service_has_one_autoscaler_and_no_replicas_that_it_would_fight_with() -> None:
    assert sorted(name for name, _, _ in scaled("production")) == SERVICES
    assert all("replicas" not in of_kind("production", "Deployment")[name]["spec"] for name in SERVICES)
    assert all(least >= 2 for _, least, _ in scaled("production"))


def test_who_consumes_is_scaled_by_what_waits_for_it() -> None:
    scalers = of_kind("production", "ScaledObject")
    assert sorted(scalers) == [name for name in SERVICES if subscribed(name)]
    for name, scaler in scalers.items():
        lag, processor = scaler["spec"]["triggers"]
        assert lag["metadata"]["query"] == f'sum(filiera_consumer_lag{{namespace="filiera",service="{name}"}})'
        assert processor["type"] == "cpu"


def test_a_lag_that_nobody_tells_scales_nothing_down() -> None:
    for scaler in of_kind("production", "ScaledObject").values():
        assert scaler["spec"]["triggers"][0]["metadata"]["ignoreNullValues"] == "false"
        assert scaler["spec"]["fallback"]["behavior"] == "currentReplicasIfHigher"


def test_no_service_has_more_processes_than_a_topic_has_partitions() -> None:
    assert all(most <= PARTITIONS for _, _, most in scaled("production"))


def test_a_small_installation_has_one_of_everything_and_no_autoscaler() -> None:
    assert not scaled("small")
    assert {one["spec"]["replicas"] for one in of_kind("small", "Deployment").values()} == {1}
    assert of_kind("small", "Cluster")["postgres"]["spec"]["instances"] == 1
    assert of_kind("small", "KafkaNodePool")["broker"]["spec"]["replicas"] == 1


def test_postgres_has_a_connection_for_every_pool_at_its_largest(overlay: str) -> None:
    most = sum(most for _, _, most in scaled(overlay)) or len(SERVICES)
    processes = most + len(SERVICES)  # one more of each while replaced
    pools = processes * (int(settings_of(overlay)["FILIERA_POOL_SIZE"]) + BACKGROUND)
    assert pools < int(of_kind(overlay, "Cluster")["postgres"]["spec"]["postgresql"]["parameters"]["max_connections"])


# Kafka


def test_the_topics_are_those_that_the_code_declares(overlay: str) -> None:
    told = {name: one["spec"] for name, one in of_kind(overlay, "KafkaTopic").items()}
    settings = settings_of(overlay)
    insync = int(settings["FILIERA_KAFKA_MIN_INSYNC"])
    expected = {
        "partitions": PARTITIONS,
        "replicas": int(settings["FILIERA_KAFKA_REPLICATION"]),
        "config": TOPIC_CONFIG | {"min.insync.replicas": insync},
    }
    assert told == dict.fromkeys(DECLARED, expected)
    assert "FILIERA_KAFKA_CREATE_TOPICS" not in settings


def test_losing_one_broker_of_a_production_cluster_loses_nothing() -> None:
    settings = settings_of("production")
    kafka = of_kind("production", "Kafka")["kafka"]["spec"]["kafka"]
    assert of_kind("production", "KafkaNodePool")["broker"]["spec"]["replicas"] == 3
    assert (settings["FILIERA_KAFKA_REPLICATION"], settings["FILIERA_KAFKA_MIN_INSYNC"]) == ("3", "2")
    assert kafka["config"]["offsets.topic.replication.factor"] == 3
    assert kafka["config"]["unclean.leader.election.enable"] is False
    assert kafka["config"]["auto.create.topics.enable"] is False


@pytest.mark.parametrize("service", SERVICES)
def test_a_principal_writes_its_own_topics_and_reads_its_subscriptions_and_no_more(overlay: str, service: str) -> None:
    user = of_kind(overlay, "KafkaUser")[service]["spec"]
    granted = {
        (acl["resource"]["type"], acl["resource"]["name"], acl["resource"].get("patternType", "literal"), operation)
        for acl in user["authorization"]["acls"]
        for operation in acl["operations"]
    }
    writes = {("topic", topic, "literal", "Write") for topic in topics(service)}
    reads = {("topic", topic, "literal", "Read") for topic in subscribed(service)}
    group = {("group", f"{service}.", "prefix", "Read")} if reads else set()
    assert granted == writes | reads | group
    assert user["authorization"]["type"] == "simple"


def test_nobody_else_may_more_than_look_at_topics(overlay: str) -> None:
    others = {name: one for name, one in of_kind(overlay, "KafkaUser").items() if name not in SERVICES}
    (acl,) = others.pop("topics")["spec"]["authorization"]["acls"]
    assert acl["operations"] == ["Describe", "DescribeConfigs"]
    assert not others
    assert "superUsers" not in of_kind(overlay, "Kafka")["kafka"]["spec"]["kafka"]["authorization"]


def test_every_event_has_a_principal_that_may_write_it(overlay: str) -> None:
    owners = {event.topic.partition(".")[0] for event in REGISTRY.values()}
    assert owners <= of_kind(overlay, "KafkaUser").keys()


def test_the_broker_is_reached_by_tls_and_password_alone(overlay: str) -> None:
    (listener,) = of_kind(overlay, "Kafka")["kafka"]["spec"]["kafka"]["listeners"]
    assert (listener["tls"], listener["authentication"]) == (True, {"type": "scram-sha-512"})
    settings = settings_of(overlay)
    assert settings["FILIERA_KAFKA_PROTOCOL"] == "SASL_SSL"
    assert settings["FILIERA_KAFKA"].endswith(f":{listener['port']}")


# Data, secrets, network


def test_postgres_is_backed_up_and_reached_by_tls_alone(overlay: str) -> None:
    cluster = of_kind(overlay, "Cluster")["postgres"]["spec"]
    (archiver,) = cluster["plugins"]
    assert archiver["isWALArchiver"] is True
    assert archiver["parameters"]["barmanObjectName"] in of_kind(overlay, "ObjectStore")
    assert of_kind(overlay, "ScheduledBackup")["nightly"]["spec"]["cluster"] == {"name": "postgres"}
    assert "hostnossl all all all reject" in cluster["postgresql"]["pg_hba"]
    assert "sslmode=verify-full" in settings_of(overlay)["FILIERA_POSTGRES"]
    assert cluster["enableSuperuserAccess"] is False


def test_a_cluster_that_is_recovered_beside_has_the_network_of_the_one_that_runs(overlay: str) -> None:
    of_two = [
        {name for name, one in of_kind(overlay, "NetworkPolicy").items() if selected(one, {"cnpg.io/cluster": cluster})}
        for cluster in ("postgres", "postgres-restored")
    ]
    assert of_two == [{"default-deny", "names", "postgres"}] * 2


def test_valkeys_password_may_hold_anything(overlay: str) -> None:
    made = of_kind(overlay, "ExternalSecret")["valkey"]["spec"]["target"]["template"]["data"]
    assert "requirepass {{ .password | quote }}\n" in made["valkey.conf"]


def test_the_settings_are_settings_of_the_code(overlay: str) -> None:
    given = {name.removeprefix("FILIERA_").lower() for name in settings_of(overlay)}
    assert given <= {*Settings.model_fields, *Rules.model_fields, "secrets"}
    urls = json.loads(settings_of(overlay)["FILIERA_SERVICES"])
    assert urls == {name: f"http://{name}:8000" for name in SERVICES if name != "gateway"}


def test_the_gateway_believes_the_proxy_before_it_who_is_calling_and_nobody_else_does(overlay: str) -> None:
    believed = {
        name: variable["value"]
        for name, pod in pods(overlay).items()
        for variable in pod["containers"][0].get("env", [])
        if variable["name"] == "FORWARDED_ALLOW_IPS"
    }
    assert believed.keys() == {"gateway"}
    trusted = _TrustedHosts(believed["gateway"])
    assert trusted.get_trusted_client_address("192.0.2.9, 203.0.113.7, 10.1.2.3") == ("203.0.113.7", 0)


def test_the_schema_is_told_to_nobody(overlay: str) -> None:
    assert "FILIERA_INTROSPECTION" not in settings_of(overlay)


def test_no_secret_is_in_the_repository(overlay: str) -> None:
    assert not of_kind(overlay, "Secret")
    assert not {name for name in settings_of(overlay) if "PASSWORD" in name}
    for _, container in containers(overlay):
        assert all("PASSWORD" not in variable["name"] for variable in container.get("env", []))


def test_every_secret_that_a_pod_mounts_is_made_by_somebody(overlay: str) -> None:
    mounted = set()
    for pod in pods(overlay).values():
        for volume in pod["volumes"]:
            sources = [volume, *volume.get("projected", {}).get("sources", [])]
            mounted |= {one["secret"].get("name") or one["secret"]["secretName"] for one in sources if "secret" in one}
    of_users = {f"kafka-{name}" for name in of_kind(overlay, "KafkaUser")}
    authorities = {"kafka-cluster-ca-cert", "postgres-ca"}
    assert mounted <= of_users | authorities | of_kind(overlay, "ExternalSecret").keys()


def test_what_no_policy_allows_is_denied(overlay: str) -> None:
    deny = of_kind(overlay, "NetworkPolicy")["default-deny"]["spec"]
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_only_the_gateway_is_reached_from_outside_and_commands_come_from_it_alone(overlay: str) -> None:
    for name in SERVICES:
        labels = of_kind(overlay, "Deployment")[name]["spec"]["template"]["metadata"]["labels"]
        rules = [
            source
            for policy in of_kind(overlay, "NetworkPolicy").values()
            if selected(policy, labels)
            for rule in policy["spec"].get("ingress", [])
            for source in rule["from"]
        ]
        spaces = {
            one["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
            for one in rules
            if "namespaceSelector" in one
        }
        callers = {one["podSelector"]["matchLabels"]["app.kubernetes.io/name"] for one in rules if "podSelector" in one}
        assert spaces == ({"monitoring", "ingress"} if name == "gateway" else {"monitoring"})
        assert callers == (set() if name == "gateway" else {"gateway"})


def test_servers_come_first_then_migrations_then_services_then_the_gateway(overlay: str) -> None:
    steps = {
        (one["kind"], one["metadata"]["name"]): one["metadata"]["labels"]["filiera/step"] for one in rendered(overlay)
    }
    assert {step for (kind, _), step in steps.items() if kind.startswith("Kafka")} == {"1-servers"}
    assert steps["Cluster", "postgres"] == steps["NetworkPolicy", "gateway"] == "1-servers"
    assert {step for (kind, _), step in steps.items() if kind == "Job"} == {"2-before"}
    assert {steps["Deployment", name] for name in SERVICES if name != "gateway"} == {"3-services"}
    assert steps["Deployment", "gateway"] == "4-gateway"
